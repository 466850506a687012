//! A wrong type in words: what was expected, what was found, what was probably meant.

use serde_json::Value;

use super::nearest::quoted_list;
use super::tree::{Data, Node};
use super::walk::constants;

/// Above this a number was not meant as it was written.
const WHOLE_MAX: f64 = 1e9;

/// A JSON type in a sentence.
pub(super) fn type_in_words(name: &str) -> &str {
    match name {
        "boolean" => "`true` or `false`",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "text",
        "array" => "a list",
        "object" => "a map",
        other => other,
    }
}

/// A value in a sentence: what was found instead.
pub(super) fn found_in_words(node: &Node) -> String {
    match &node.data {
        Data::Null | Data::Broken => "nothing".to_owned(),
        Data::Bool(value) => format!("`{value}`"),
        Data::Int(_) | Data::Float(_) => format!("the number {}", node.digits),
        Data::Text(text) => format!("the text `{}`", text.chars().take(60).collect::<String>()),
        Data::List(_) => "a list".to_owned(),
        Data::Map(_) => "a map".to_owned(),
    }
}

/// What somebody who wrote `node` probably meant.
pub(super) fn propose(
    node: &Node,
    expected: &[&str],
    duration: bool,
    all: &[&Value],
) -> Option<String> {
    let wants = |word: &str| expected.contains(&word);
    let texts = || -> Vec<&str> {
        all.iter()
            .flat_map(|schema| constants(schema))
            .filter_map(Value::as_str)
            .collect()
    };
    Some(match &node.data {
        Data::Null if wants("a map") => "give it keys, or remove the key".to_owned(),
        Data::Null => "give it a value, or remove the key".to_owned(),
        Data::Float(value) if duration && *value > 0.0 && *value < 1e9 => {
            format!(
                "write `{}` if seconds are meant",
                crate::Millis((value * 1e3) as u64)
            )
        }
        _ if duration => "write `30s`, for example".to_owned(),
        Data::Int(_) | Data::Float(_) | Data::Bool(_) if wants("text") && !texts().is_empty() => {
            format!("write one of {}", quoted_list(texts()))
        }
        Data::Int(_) | Data::Float(_) if wants("text") => {
            format!("write it in quotes: \"{}\"", node.digits)
        }
        Data::Bool(value) if wants("text") && expected.len() > 1 => {
            let others: Vec<&str> = expected
                .iter()
                .copied()
                .filter(|word| *word != "text")
                .collect();
            format!(
                "write `\"{value}\"` if text is meant, else {}",
                others.join(" or ")
            )
        }
        Data::Bool(value) if wants("text") => format!("write it in quotes: \"{value}\""),
        Data::Float(value) if wants("a whole number") && value.abs() < WHOLE_MAX => {
            format!("write {}", value.round())
        }
        Data::Float(_) if wants("a whole number") => "write a whole number".to_owned(),
        Data::Text(text) if wants("`true` or `false`") => {
            match text.to_ascii_lowercase().as_str() {
                "yes" | "y" | "on" | "true" => "write `true`".to_owned(),
                "no" | "n" | "off" | "false" => "write `false`".to_owned(),
                _ => "write `true` or `false`".to_owned(),
            }
        }
        Data::Text(text) if wants("a whole number") || wants("a number") => {
            match text.trim().parse::<f64>() {
                Ok(_) => format!("write {} without quotes", text.trim()),
                Err(_) => "write a number".to_owned(),
            }
        }
        Data::Text(_) | Data::Int(_) if wants("a list") => {
            let shown = node.text().unwrap_or(&node.digits);
            format!("write `[{shown}]`")
        }
        _ if wants("a map") => {
            let keys: Vec<&str> = all
                .iter()
                .filter_map(|schema| schema.get("properties")?.as_object())
                .flat_map(|known| known.keys().map(String::as_str))
                .collect();
            match keys.is_empty() {
                true => "write `{ key: value }`".to_owned(),
                false => format!(
                    "write `{{ key: value }}` with the keys {}",
                    quoted_list(keys)
                ),
            }
        }
        _ => return None,
    })
}
