//! What a plain YAML scalar is: YAML 1.2's core schema, so that `no` and `on` stay text.

use super::tree::Data;

/// The value of a plain scalar.
pub(super) fn resolve(text: &str) -> Data {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Data::Null,
        "true" | "True" | "TRUE" => return Data::Bool(true),
        "false" | "False" | "FALSE" => return Data::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Data::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Data::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Data::Float(f64::NEG_INFINITY),
        _ => {}
    }
    number(text).unwrap_or_else(|| Data::Text(text.to_owned()))
}

/// A number as YAML 1.2 writes it; digits beyond what fits become a float.
fn number(text: &str) -> Option<Data> {
    let radix = |digits: &str, radix| i128::from_str_radix(digits, radix).ok().map(Data::Int);
    if let Some(digits) = text
        .strip_prefix("0x")
        .filter(|d| !d.starts_with(['+', '-']))
    {
        return radix(digits, 16);
    }
    if let Some(digits) = text
        .strip_prefix("0o")
        .filter(|d| !d.starts_with(['+', '-']))
    {
        return radix(digits, 8);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !unsigned.is_empty() && digits(unsigned) {
        return Some(match text.parse() {
            Ok(value) => Data::Int(value),
            Err(_) => Data::Float(text.parse().unwrap_or(f64::INFINITY)),
        });
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    let any_digit = !whole.is_empty() || !fraction.is_empty();
    if any_digit && digits(whole) && digits(fraction) && exponent_fits {
        return text.parse().ok().map(Data::Float);
    }
    None
}
