//! Placeholders in a command line: `{port}`, `{map}`, `{custom.KEY}` and so on. Pure.

use model::wire::Assignment;

use crate::host::Place;

/// Why a text cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No such placeholder.
    #[error(
        "{text:?}: there is no placeholder {{{name}}}; there are {{port}}, {{address}}, {{map}}, {{mode}}, \
         {{misc_params}}, {{custom.KEY}}, {{session}} and {{player_count}}; a brace itself is written {{{{ or }}}}"
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
    /// An opening brace without a closing one, or the other way round.
    #[error("{text:?}: a brace stands alone; a brace itself is written {{{{ or }}}}")]
    LoneBrace {
        /// The text.
        text: String,
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
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let lone = || Error::LoneBrace {
            text: text.to_owned(),
        };
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                out.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                out.push('}');
                rest = after;
            } else {
                let inside = from.strip_prefix('{').ok_or_else(lone)?;
                let (name, after) = inside.split_once('}').ok_or_else(lone)?;
                out.push_str(&self.value(text, name)?);
                rest = after;
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    fn value(&self, text: &str, name: &str) -> Result<String, Error> {
        let (text, named) = (text.to_owned(), name.to_owned());
        match name {
            "port" => return Ok(self.place.port.to_string()),
            "address" => return Ok(self.place.address.clone()),
            "map" | "mode" | "misc_params" | "session" | "player_count" => {}
            _ if name.starts_with("custom.") => {}
            _ => return Err(Error::Unknown { text, name: named }),
        }
        let Some(game) = self.game else {
            return Err(Error::Ahead { text, name: named });
        };
        let params = &game.startup_params;
        Ok(match name {
            "map" => params.map.clone(),
            "mode" => params.mode.clone(),
            "misc_params" => params.misc_params.clone(),
            "session" => game.session.to_string(),
            "player_count" => game.members.len().to_string(),
            _ => {
                let key = name.trim_start_matches("custom.");
                let custom = params.custom_data.get(key);
                let value = custom.or_else(|| game.custom_data.get(key));
                value.cloned().ok_or_else(|| Error::MissingCustom {
                    text,
                    key: key.to_owned(),
                })?
            }
        })
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
            ("{{\"a\":{port}}}", "{\"a\":7001}"),
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
            ("{}", "there is no placeholder {}"),
            (
                "{custom.green}",
                "neither the startup parameters nor the session",
            ),
            ("a{port", "a brace stands alone"),
            (
                "port}",
                "a brace stands alone; a brace itself is written {{ or }}",
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
