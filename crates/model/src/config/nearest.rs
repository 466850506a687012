//! What somebody probably meant: the nearest of the words that are allowed.

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

/// `` `a`, `b` and `c` ``.
pub fn quoted_list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
