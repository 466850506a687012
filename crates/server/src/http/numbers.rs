//! Numbers in bodies: those that would come back as others are refused, as numbers of custom JSON must survive
//! (A.3 row 21).

/// Digits of a decimal fraction that a double tells apart.
const FRACTION_DIGITS_MAX: usize = 17;
/// Digits of any whole number that a double holds.
const WHOLE_DIGITS_MAX: usize = 15;

/// The first number of a JSON text that is neither a whole number of 64 bits nor told by a double. O(length).
pub(super) fn lossy(text: &[u8]) -> Option<&str> {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at = after_string(text, at + 1),
            b'-' | b'0'..=b'9' => {
                let rest = text.get(at..)?;
                let is_part = |b: &u8| b.is_ascii_digit() || b"+-.eE".contains(b);
                let length = rest.iter().take_while(|b| is_part(b)).count();
                // All of it is ASCII.
                let number = std::str::from_utf8(rest.get(..length)?).ok()?;
                if !survives(number) {
                    return Some(number);
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    None
}

/// Where a string ends whose first character is at `at`.
fn after_string(text: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

fn survives(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let (mantissa, exponent) = number
        .split_once(['e', 'E'])
        .map_or((number, None), |(mantissa, exponent)| {
            (mantissa, Some(exponent))
        });
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0').trim_end_matches('0').len();
    let whole = exponent.is_none() && !mantissa.contains('.');
    let most = if whole {
        WHOLE_DIGITS_MAX
    } else {
        FRACTION_DIGITS_MAX
    };
    // What is too small for a double would come back as zero.
    let vanishes = significant > 0 && number.parse::<f64>().is_ok_and(|value| value == 0.0);
    significant <= most && !vanishes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row21_numbers_survive_or_are_refused() {
        let fine = [
            "0",
            "-0",
            "-1.5",
            "1e3",
            "0.1",
            "9223372036854775807",
            "-9223372036854775808",
            "18446744073709551615",
            "100000000000000000000000000000",
            "0.10000000000000001",
            "1.7976931348623157e308",
            "5e-324",
            "0.000e-999",
        ];
        for number in fine {
            assert_eq!(lossy(number.as_bytes()), None, "{number}");
            let read: f64 = serde_json::from_str(number).unwrap();
            let written = serde_json::to_string(&read).unwrap();
            assert_eq!(written.parse::<f64>(), number.parse(), "{number}");
        }
        for number in [
            "123456789012345678901234567890",
            "18446744073709551616",
            "-9223372036854775809",
            "3.14159265358979323846",
            "1e-400",
        ] {
            assert_eq!(lossy(number.as_bytes()), Some(number));
        }
    }

    #[test]
    fn only_numbers_are_looked_at() {
        let text = br#"{"123456789012345678901234567890":"1.2345678901234567890123 \\\" 3e-999","n":[1,-2.5e3]}"#;
        assert_eq!(lossy(text), None);
        let nested = br#"{"a":[{"b":-123456789012345678901234567890}]}"#;
        assert_eq!(lossy(nested), Some("-123456789012345678901234567890"));
        for odd in ["-", "\"", "\"\\", "{\"a\":-", "1e", "--", "+"] {
            lossy(odd.as_bytes());
        }
    }
}
