//! A YAML document of which every value knows its line and column, so that a complaint can name them.

use std::fmt::{self, Display};
use std::ops::RangeInclusive;

use anyhow::{anyhow, bail, ensure};
use model::config::nearest;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_yaml::options::NonFiniteFloatPolicy;
use serde_yaml::{Location, Spanned};

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
enum Data {
    Nothing,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Spanned<Data>>),
    Map(Vec<(Spanned<String>, Spanned<Data>)>),
}

/// A document.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Document(Spanned<Data>);

/// A value of a document and the path that leads to it.
#[derive(Debug, Clone)]
pub(super) struct Value<'d> {
    path: String,
    /// Of its key, where it has one.
    key: Location,
    node: &'d Spanned<Data>,
}

/// A map with keys of which all are known.
#[derive(Debug, Clone)]
pub(super) struct Map<'d>(Vec<(&'d str, Value<'d>)>);

impl Document {
    /// Reads a text.
    ///
    /// # Errors
    /// With line and column, where it is no YAML.
    pub(super) fn parse(text: &str) -> anyhow::Result<Document> {
        // What is not finite is refused where it is read, with words for who wrote it.
        let options = serde_yaml::options! {
            non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        };
        let read = serde_yaml::from_str_with_options(text, options);
        read.map(Document).map_err(|error| {
            let error = error.without_snippet();
            let Some(at) = error.location() else {
                return anyhow!("{error}");
            };
            let said = error.to_string();
            let place = format!(" at line {}, column {}", at.line(), at.column());
            let said = said.strip_suffix(&place).unwrap_or(&said);
            match said.split_once(", set DuplicateKeyPolicy") {
                Some((twice, _)) => anyhow!("{}{twice}; remove one", Place(at)),
                None => anyhow!("{}{said}", Place(at)),
            }
        })
    }

    /// All of it.
    pub(super) fn root(&self) -> Value<'_> {
        Value {
            path: String::new(),
            key: self.0.referenced,
            node: &self.0,
        }
    }

    /// Every key of every map in it.
    #[cfg(test)]
    pub(super) fn keys(&self) -> std::collections::BTreeSet<&str> {
        let mut keys = std::collections::BTreeSet::new();
        let mut open = vec![&self.0];
        while let Some(node) = open.pop() {
            match &node.value {
                Data::Map(entries) => {
                    keys.extend(entries.iter().map(|(key, _)| key.value.as_str()));
                    open.extend(entries.iter().map(|(_, value)| value));
                }
                Data::List(entries) => open.extend(entries),
                _ => {}
            }
        }
        keys
    }
}

/// As it stands before a complaint.
struct Place(Location);

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.0.line(), self.0.column())
    }
}

impl<'d> Value<'d> {
    /// A complaint about it: where it is, and what to write.
    pub(super) fn wrong(&self, write: impl Display) -> anyhow::Error {
        self.complaint(self.node.referenced, write)
    }

    /// A complaint about its key.
    pub(super) fn wrong_key(&self, write: impl Display) -> anyhow::Error {
        self.complaint(self.key, write)
    }

    fn complaint(&self, at: Location, write: impl Display) -> anyhow::Error {
        let colon = if self.path.is_empty() { "" } else { ": " };
        anyhow!("{}{}{colon}{write}", Place(at), self.path)
    }

    fn inner(&self, name: &str, key: Location, node: &'d Spanned<Data>) -> Value<'d> {
        let path = match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        Value { path, key, node }
    }

    /// A finite number.
    pub(super) fn number(
        &self,
        within: RangeInclusive<f64>,
        write: impl Display,
    ) -> anyhow::Result<f64> {
        match self.node.value {
            Data::Number(x) if within.contains(&x) => Ok(x),
            _ => Err(self.wrong(write)),
        }
    }

    /// A number without a fraction.
    pub(super) fn whole(
        &self,
        within: RangeInclusive<i32>,
        write: impl Display,
    ) -> anyhow::Result<i32> {
        let range = f64::from(*within.start())..=f64::from(*within.end());
        let x = self.number(range, &write)?;
        ensure!(x.fract() == 0.0, self.wrong(write));
        Ok(x as i32)
    }

    /// A text; a number is none.
    pub(super) fn text(&self) -> Option<&'d str> {
        match &self.node.value {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> Option<Vec<Value<'d>>> {
        let Data::List(entries) = &self.node.value else {
            return None;
        };
        let inner = |(at, node): (usize, &'d Spanned<Data>)| {
            self.inner(&at.to_string(), node.referenced, node)
        };
        Some(entries.iter().enumerate().map(inner).collect())
    }

    /// A map whose keys are names that somebody chose.
    pub(super) fn named(&self, write: impl Display) -> anyhow::Result<Vec<(&'d str, Value<'d>)>> {
        let Data::Map(entries) = &self.node.value else {
            return Err(self.wrong(write));
        };
        let inner = |(key, node): &'d (Spanned<String>, Spanned<Data>)| {
            let value = self.inner(&key.value, key.referenced, node);
            (key.value.as_str(), value)
        };
        Ok(entries.iter().map(inner).collect())
    }

    /// A map with some of these keys and no others.
    pub(super) fn map(&self, known: &[&str], write: impl Display) -> anyhow::Result<Map<'d>> {
        let entries = self.named(&write)?;
        let is_one = entries.is_empty() || entries.iter().any(|(key, _)| known.contains(key));
        for (key, value) in &entries {
            if known.contains(key) {
                continue;
            }
            match nearest(key, known.iter().copied()) {
                Some(near) => bail!(value.wrong_key(format_args!(
                    "there is no such key here; did you mean {near}?"
                ))),
                None if is_one => bail!(value.wrong_key(format_args!(
                    "there is no such key here; write {}",
                    known.join(", ")
                ))),
                None => bail!(self.wrong(write)),
            }
        }
        Ok(Map(entries))
    }
}

impl<'d> Map<'d> {
    pub(super) fn get(&self, key: &str) -> Option<&Value<'d>> {
        let mut entries = self.0.iter();
        entries.find(|(known, _)| *known == key).map(|(_, it)| it)
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Data, E> {
        Ok(Data::Nothing)
    }

    fn visit_none<E: Error>(self) -> Result<Data, E> {
        Ok(Data::Nothing)
    }

    fn visit_bool<E: Error>(self, x: bool) -> Result<Data, E> {
        Ok(Data::Bool(x))
    }

    fn visit_i64<E: Error>(self, x: i64) -> Result<Data, E> {
        Ok(Data::Number(x as f64))
    }

    fn visit_u64<E: Error>(self, x: u64) -> Result<Data, E> {
        Ok(Data::Number(x as f64))
    }

    fn visit_i128<E: Error>(self, x: i128) -> Result<Data, E> {
        Ok(Data::Number(x as f64))
    }

    fn visit_u128<E: Error>(self, x: u128) -> Result<Data, E> {
        Ok(Data::Number(x as f64))
    }

    fn visit_f64<E: Error>(self, x: f64) -> Result<Data, E> {
        Ok(Data::Number(x))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Data, E> {
        Ok(Data::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Data, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            entries.push(entry);
        }
        Ok(Data::List(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Data, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Data::Map(entries))
    }
}
