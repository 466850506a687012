//! What somebody probably meant: the nearest of the words that are allowed.

use std::collections::BTreeSet;

/// The word nearest to `written`, if one is near enough to be meant.
pub fn nearest<'a>(written: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |word: &str| -> String {
        word.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let wanted = plain(written);
    // Distances cost time in the product of the lengths; nobody mistypes a word this long.
    if wanted.is_empty() || wanted.len() > 200 {
        return None;
    }
    let words: Vec<&str> = words.collect();
    let near = words
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&wanted, &plain(word)), *word))
        .filter(|(distance, word)| *distance <= 1.max(word.len().min(wanted.len()) / 3))
        .min_by_key(|(distance, _)| *distance);
    // Half a name is a name too, when it is half of one only.
    let mut halves = words
        .iter()
        .filter(|word| wanted.len() >= 4 && plain(word).contains(&wanted));
    match (near, halves.next(), halves.next()) {
        (Some((_, word)), _, _) => Some(word),
        (None, Some(word), None) => Some(word),
        _ => None,
    }
}

/// What to write instead of a word that is none of these: the nearest of them, or any. Each is named once, in order.
pub fn nearest_or_all<'a>(written: &str, words: impl Iterator<Item = &'a str>) -> String {
    let words: BTreeSet<&str> = words.collect();
    match nearest(written, words.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => {
            let words: Vec<&str> = words.into_iter().collect();
            format!("there are {}", words.join(", "))
        }
    }
}

/// `` `a`, `b` and `c` ``.
pub fn quoted_list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
