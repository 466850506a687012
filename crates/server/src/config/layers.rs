//! How a configuration comes about: layers of values by key, each remembered with where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Config;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody said anything.
    BuiltIn,
    /// The configuration file.
    File(PathBuf),
    /// This environment variable.
    Environment(String),
    /// This flag.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a configuration.
    #[error("{}: {message}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// A value of the environment or of a flag cannot be used.
    #[error("{source_name}: {message}")]
    Value {
        /// The variable or flag.
        source_name: String,
        /// What is wrong.
        message: String,
    },
}

/// A configuration with where each of its values came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// The configuration.
    pub config: Config,
    /// By dotted key, such as `log.format`.
    pub sources: BTreeMap<String, Source>,
    /// Environment variables that look meant for Muster and are none of its keys.
    pub unknown_variables: Vec<String>,
}

/// Variables with our prefix that are not configuration of `serve`.
const OTHER_VARIABLES: &[&str] = &[
    "MUSTER_CONFIG",
    "MUSTER_URL",
    "MUSTER_TOKEN",
    "MUSTER_GAME_SERVER_ID",
    "MUSTER_INSTALLATION_ID",
    "MUSTER_ADDRESS",
    "MUSTER_PORT",
    "MUSTER_SERVER_AWAY_MAX",
    "MUSTER_UPDATE",
];

/// Values by key, weakest first.
#[derive(Debug)]
pub struct Layers {
    values: Value,
    sources: BTreeMap<String, Source>,
    unknown_variables: Vec<String>,
}

impl Layers {
    /// The built-in values.
    pub fn new() -> Self {
        let values = serde_json::to_value(Config::default()).unwrap_or_default();
        let mut sources = BTreeMap::new();
        leaves("", &values, &mut |key, _| {
            sources.insert(key.to_owned(), Source::BuiltIn);
        });
        Self {
            values,
            sources,
            unknown_variables: Vec::new(),
        }
    }

    /// Lays a YAML file over what is there.
    pub fn file(mut self, path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        let wrong = |message: String| Error::File {
            path: path.to_owned(),
            message,
        };
        if text
            .lines()
            .all(|line| line.trim().is_empty() || line.trim().starts_with('#'))
        {
            return Ok(self);
        }
        // Read as the type itself first: its errors name line and column.
        let _: Config = serde_yaml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let tree: Map<String, Value> =
            serde_yaml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        leaves("", &Value::Object(tree), &mut |key, value| {
            if let Some(place) = place(&mut self.values, key) {
                *place = value.clone();
                self.sources
                    .insert(key.to_owned(), Source::File(path.to_owned()));
            }
        });
        Ok(self)
    }

    /// Lays environment variables over what is there: `log.format` is `MUSTER_LOG_FORMAT`.
    pub fn environment(
        mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let keys: BTreeMap<String, String> = self
            .sources
            .keys()
            .map(|key| (variable(key), key.clone()))
            .collect();
        for (name, text) in variables {
            match keys.get(&name) {
                Some(key) => self.set(key, &text, Source::Environment(name))?,
                None if name.starts_with("MUSTER_") && !OTHER_VARIABLES.contains(&&*name) => {
                    self.unknown_variables.push(name);
                }
                None => {}
            }
        }
        Ok(self)
    }

    /// Lays a flag over what is there.
    pub fn flag(mut self, flag: &str, key: &str, text: &str) -> Result<Self, Error> {
        self.set(key, text, Source::Flag(flag.to_owned()))?;
        Ok(self)
    }

    /// The configuration that comes of it.
    pub fn finish(self) -> Result<Effective, Error> {
        let config = serde_json::from_value(self.values).map_err(|error| Error::Value {
            source_name: "configuration".to_owned(),
            message: error.to_string(),
        })?;
        let unknown_variables = self.unknown_variables;
        Ok(Effective {
            config,
            sources: self.sources,
            unknown_variables,
        })
    }

    fn set(&mut self, key: &str, text: &str, source: Source) -> Result<(), Error> {
        let wrong = |message: String| Error::Value {
            source_name: source.to_string(),
            message,
        };
        let place = place(&mut self.values, key)
            .ok_or_else(|| wrong(format!("there is no configuration key {key}")))?;
        let value = match place {
            Value::Bool(_) => Value::Bool(
                text.parse()
                    .map_err(|_| wrong(format!("write true or false, not {text:?}")))?,
            ),
            // A duration of zero is written as a number too: what has a unit is left to the type.
            Value::Number(_) if !text.contains(|c: char| c.is_ascii_alphabetic()) => Value::Number(
                text.parse::<u64>()
                    .map_err(|_| wrong(format!("write a whole number, not {text:?}")))?
                    .into(),
            ),
            _ => Value::String(text.to_owned()),
        };
        let before = std::mem::replace(place, value);
        // Tried at once, so that the error names who said it.
        if let Err(error) = serde_json::from_value::<Config>(self.values.clone()) {
            if let Some(place) = self::place(&mut self.values, key) {
                *place = before;
            }
            return Err(wrong(error.to_string()));
        }
        self.sources.insert(key.to_owned(), source);
        Ok(())
    }
}

impl Default for Layers {
    fn default() -> Self {
        Self::new()
    }
}

impl Effective {
    /// The values for people, a line each, with where each came from; without secrets.
    pub fn lines(&self) -> Vec<String> {
        let shown = serde_json::to_value(self.config.redacted()).unwrap_or_default();
        let mut lines = Vec::new();
        leaves("", &shown, &mut |key, value| {
            let source = self.sources.get(key).unwrap_or(&Source::BuiltIn);
            lines.push(format!("{:<44} # {source}", format!("{key}: {value}")));
        });
        lines
    }
}

/// The environment variable of a key.
fn variable(key: &str) -> String {
    format!("MUSTER_{}", key.replace('.', "_").to_uppercase())
}

/// Calls `each` with every value that is no object, by its dotted key.
fn leaves(prefix: &str, value: &Value, each: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let key = if prefix.is_empty() {
                    name.clone()
                } else {
                    format!("{prefix}.{name}")
                };
                leaves(&key, value, each);
            }
        }
        leaf => each(prefix, leaf),
    }
}

/// The value of a dotted key that exists already.
fn place<'v>(values: &'v mut Value, key: &str) -> Option<&'v mut Value> {
    key.split('.')
        .try_fold(values, |value, name| value.get_mut(name))
}
