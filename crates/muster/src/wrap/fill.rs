//! Placeholders in a command line: `{port}`, `{map}`, `{custom.KEY}` and so on. Pure.

use model::wire::Assignment;
use model::wrap::{self, OF_A_SESSION, placeholders};

use crate::host::Place;

/// Why a text cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No such placeholder.
    #[error(
        "{text:?}: there is no placeholder {{{name}}}; there are {{port}}, {{address}}, {{map}}, {{mode}}, \
         {{misc_params}}, {{custom.KEY}}, {{session}} and {{player_count}}"
    )]
    Unknown {
        /// The text with the placeholder in it.
        text: String,
        /// Its name.
        name: String,
    },
    /// A placeholder that has no value before a session is assigned.
    #[error(
        "{text:?}: {{{name}}} is not known before a session is assigned; with `start: ahead` there are {{port}} and \
         {{address}} only"
    )]
    Ahead {
        /// The text with the placeholder in it.
        text: String,
        /// Its name.
        name: String,
    },
    /// Neither the startup parameters nor the session have this key.
    #[error("{text:?}: neither the startup parameters nor the session have custom data {key:?}")]
    MissingCustom {
        /// The text with the placeholder in it.
        text: String,
        /// The key.
        key: String,
    },
}

/// What placeholders stand for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    pub place: &'a Place,
    /// `None`: not assigned yet.
    pub game: Option<&'a Assignment>,
}

impl Values<'_> {
    /// The text with every placeholder replaced by its value.
    pub(crate) fn fill(&self, text: &str) -> Result<String, Error> {
        for name in placeholders(text) {
            if self.value(name).is_none() {
                return Err(self.why_not(text.to_owned(), name.to_owned()));
            }
        }
        Ok(wrap::fill(text, |name| self.value(name)))
    }

    fn value(&self, name: &str) -> Option<String> {
        match name {
            "port" => return Some(self.place.port.to_string()),
            "address" => return Some(self.place.address.clone()),
            _ => {}
        }
        let game = self.game?;
        let params = &game.startup_params;
        Some(match name {
            "map" => params.map.clone(),
            "mode" => params.mode.clone(),
            "misc_params" => params.misc_params.clone(),
            "session" => game.session.to_string(),
            "player_count" => game.members.len().to_string(),
            _ => {
                let key = name.strip_prefix("custom.")?;
                let value = params.custom_data.get(key);
                value.or_else(|| game.custom_data.get(key))?.clone()
            }
        })
    }

    fn why_not(&self, text: String, name: String) -> Error {
        let key = name.strip_prefix("custom.").map(str::to_owned);
        match (key, self.game) {
            (Some(key), Some(_)) => Error::MissingCustom { text, key },
            (Some(_), None) => Error::Ahead { text, name },
            (None, None) if OF_A_SESSION.contains(&name.as_str()) => Error::Ahead { text, name },
            (None, _) => Error::Unknown { text, name },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            address: "127.0.0.1".to_owned(),
            port: 7001,
        }
    }

    fn game() -> Assignment {
        let id = model::SessionId::from(uuid::Uuid::from_u128(7));
        serde_json::from_value(serde_json::json!({
            "allocation_id": id, "acknowledged": false, "session": id, "session_type": "Game", "instance": id,
            "startup_params": { "map": "Arena", "mode": "tdm", "custom_data": { "red": "4", "both": "startup" } },
            "custom_data": { "blue": "3", "both": "session" },
            "members": [{ "player": "ann", "state": "reserved" }, { "player": "bob", "state": "active" }],
        }))
        .expect("is an assignment")
    }

    fn fill(text: &str) -> Result<String, Error> {
        let (place, game) = (place(), game());
        let values = Values {
            place: &place,
            game: Some(&game),
        };
        values.fill(text)
    }

    #[test]
    fn every_placeholder_has_its_value() {
        for (text, expected) in [
            ("{port}", "7001"),
            ("{address}:{port}", "127.0.0.1:7001"),
            ("0,{custom.red},{custom.blue},0", "0,4,3,0"),
            ("{custom.both}", "startup"),
            ("+map {map} {mode}{misc_params}", "+map Arena tdm"),
            ("{session}", "00000000-0000-0000-0000-000000000007"),
            ("-n={player_count}", "-n=2"),
            ("{\"a\":{port}}", "{\"a\":7001}"),
            ("${HOME}", "${HOME}"),
            ("nothing", "nothing"),
            ("", ""),
        ] {
            assert_eq!(fill(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_is_refused_with_its_name() {
        for (text, expected) in [
            ("{prot}", "there is no placeholder {prot}; there are {port}"),
            (
                "{custom.green}",
                "neither the startup parameters nor the session",
            ),
        ] {
            let error = fill(text).expect_err(text).to_string();
            assert!(error.contains(expected) && error.contains(text), "{error}");
        }
    }

    #[test]
    fn before_a_session_is_assigned_only_the_place_is_known() {
        let place = place();
        let values = Values {
            place: &place,
            game: None,
        };
        assert_eq!(values.fill("{port}").as_deref(), Ok("7001"));
        for text in ["{map}", "{custom.x}", "{session}"] {
            assert!(
                matches!(values.fill(text), Err(Error::Ahead { .. })),
                "{text}"
            );
        }
        assert!(matches!(values.fill("{x}"), Err(Error::Unknown { .. })));
    }
}
