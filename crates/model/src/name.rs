//! Names that people choose: validated once at the door, then impossible to hold wrong.

use std::borrow::{Borrow, Cow};
use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::shard_of;

/// The longest a name may be, in bytes (A.3 row 46).
pub const NAME_BYTES_MAX: usize = 100;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("must not be empty")]
    Empty,
    /// More than [`NAME_BYTES_MAX`] bytes.
    #[error("must be at most {NAME_BYTES_MAX} characters long, not {0}")]
    TooLong(usize),
    /// A character outside the allowed set, and what is allowed besides letters, digits and `._-`.
    #[error(
        "may not contain {0:?}; allowed are 1 to {NAME_BYTES_MAX} letters, digits and . _ -{also}",
        also = spaced(.1)
    )]
    Character(char, &'static str),
    /// It stands for something else in paths.
    #[error("may not be {0:?}, which stands for whoever calls")]
    Reserved(&'static str),
}

fn spaced(characters: &str) -> String {
    characters.chars().flat_map(|c| [' ', c]).collect()
}

/// What no player can be called: in a path it is the caller.
const ME: &str = "me";

fn checked(
    text: &str,
    also: &'static str,
    reserved: Option<&'static str>,
) -> Result<Arc<str>, NameError> {
    if let Some(reserved) = reserved.filter(|reserved| *reserved == text) {
        return Err(NameError::Reserved(reserved));
    }
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong(text.chars().count()));
    }
    match text
        .chars()
        .find(|&c| !(c.is_ascii_alphanumeric() || "._-".contains(c) || also.contains(c)))
    {
        Some(c) => Err(NameError::Character(c, also)),
        None => Ok(Arc::from(text)),
    }
}

thread_local! {
    /// Names that were read lately, each in the place that its text has. In each of a million tickets stand the same few
    /// regions and attributes: they share one piece of memory.
    static RECENT: RefCell<[Option<Arc<str>>; 256]> = const { RefCell::new([const { None }; 256]) };
}

/// [`checked`], for names of which there are few.
fn shared(
    text: &str,
    also: &'static str,
    reserved: Option<&'static str>,
) -> Result<Arc<str>, NameError> {
    let place = usize::from(shard_of(text));
    let known = RECENT.try_with(|recent| recent.borrow().get(place).cloned().flatten());
    match known.ok().flatten().filter(|known| **known == *text) {
        Some(known) => Ok(known),
        None => {
            let new = checked(text, also, reserved)?;
            let _ = RECENT.try_with(|recent| {
                if let Some(place) = recent.borrow_mut().get_mut(place) {
                    *place = Some(Arc::clone(&new));
                }
            });
            Ok(new)
        }
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident ($also:literal, $pattern:literal, $reserved:expr, $read:ident)),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name in lowercase, where names are compared without case (row 46).
            pub fn folded(&self) -> Self {
                Self(Arc::from(self.0.to_ascii_lowercase()))
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                checked(text, $also, $reserved).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                let read = $read(&text, $also, $reserved).map(Self);
                read.map_err(|error| serde::de::Error::custom(format_args!("{text:?}: {error}")))
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "minLength": 1, "maxLength": NAME_BYTES_MAX })
            }
        }
    )*};
}

names! {
    /// A name in YAML: of a type, queue, fleet, team, rule or attribute: 1-100 of `[A-Za-z0-9._-]` (A.3 row 46).
    Name("", "^[A-Za-z0-9._-]+$", None, shared),
    /// A title and environment with its own YAML, tokens and limits.
    Namespace("", "^[A-Za-z0-9._-]+$", None, shared),
    /// A region of the world, such as `eu-west`.
    Region("", "^[A-Za-z0-9._-]+$", None, shared),
    /// A player, as the studio's own identity service calls him: 1-100 of `[A-Za-z0-9._:|@-]`, but not `me`.
    PlayerId(":|@", "^[A-Za-z0-9._:|@-]+$", Some(ME), checked),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_read_again_share_their_memory_and_players_do_not() {
        let read = |text: &str| serde_json::from_value::<Region>(text.into());
        let (one, other) = (read("eu-west").unwrap(), read("eu-west").unwrap());
        assert!(Arc::ptr_eq(&one.0, &other.0));
        let player = |text: &str| serde_json::from_value::<PlayerId>(text.into()).unwrap();
        assert!(!Arc::ptr_eq(&player("anna").0, &player("anna").0));
    }

    #[test]
    fn a_character_that_may_not_be_is_told_with_those_that_may() {
        let of = |error: NameError| error.to_string();
        assert_eq!(
            of("x,y".parse::<PlayerId>().unwrap_err()),
            "may not contain ','; allowed are 1 to 100 letters, digits and . _ - : | @"
        );
        assert_eq!(
            of("steam:1".parse::<Name>().unwrap_err()),
            "may not contain ':'; allowed are 1 to 100 letters, digits and . _ -"
        );
    }

    /// More names than are remembered, so that places are taken over; and a player's, which no region can have.
    #[test]
    fn what_was_read_before_decides_nothing() {
        for round in 0..2 {
            for n in 0..2_000 {
                let text = format!("name-{n}");
                let read: Name = serde_json::from_value(text.clone().into()).unwrap();
                assert_eq!(read.as_str(), text, "round {round}");
            }
            let player: PlayerId = serde_json::from_value("steam:1".into()).unwrap();
            assert_eq!(player.as_str(), "steam:1");
            assert!(serde_json::from_value::<Region>("steam:1".into()).is_err());
            assert!(serde_json::from_value::<Name>("".into()).is_err());
        }
    }
}
