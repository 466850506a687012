//! What a request says that a player brings, read as his queues declare it: what is none of that is refused by name.

use std::collections::BTreeMap;

use model::config::{Config, nearest_or_all};
use model::queue::{AttributeType, STRING_BYTES_MAX};
use model::ticket::Value;
use model::{PlayerId, Region};
use serde_json::Value as Json;

use crate::Error;

/// The value of an attribute of this type.
///
/// # Errors
/// 422 with the attribute's name, and what it has to be.
pub(super) fn value(field: &str, said: Json, declared: AttributeType) -> Result<Value, Error> {
    if let Some((part, wanted, found)) = unfit_part(&said, declared) {
        return Err(Error::Invalid {
            field: format!("{field}{part}"),
            detail: format!("must be {wanted}, not {found}"),
        });
    }
    let found = kind(&said);
    match serde_json::from_value(said) {
        Ok(value) if declared.holds(&value) => Ok(value),
        _ => Err(Error::Invalid {
            field: field.to_owned(),
            detail: format!("must be {}, not {found}", declared.values()),
        }),
    }
}

/// The first part of a list or a map that is not what it must be made of: where, what it must be and what it is.
fn unfit_part(
    said: &Json,
    declared: AttributeType,
) -> Option<(String, &'static str, &'static str)> {
    match (declared, said) {
        (AttributeType::Numbers, Json::Object(entries)) => {
            let (key, found) = entries.iter().find(|(_, part)| !part.is_number())?;
            let key: String = key.chars().take(STRING_BYTES_MAX).collect();
            Some((
                format!(".{key}"),
                AttributeType::Number.values(),
                kind(found),
            ))
        }
        (AttributeType::Strings, Json::Array(items)) => {
            let at = items.iter().position(|part| !part.is_string())?;
            let found = kind(items.get(at)?);
            Some((format!("[{at}]"), AttributeType::String.values(), found))
        }
        _ => None,
    }
}

/// Round trips in whole milliseconds.
///
/// # Errors
/// 422 with the region's name.
pub(super) fn latencies(
    player: &PlayerId,
    said: BTreeMap<Region, Json>,
) -> Result<BTreeMap<Region, u32>, Error> {
    let read = said.into_iter().map(|(region, ms)| {
        match ms.as_u64().and_then(|ms| u32::try_from(ms).ok()) {
            Some(ms) => Ok((region, ms)),
            None => Err(Error::Invalid {
                field: format!("players.{player}.latencies.{region}"),
                detail: format!(
                    "must be a whole number of milliseconds from 0 to {}, not {}",
                    matcher::LATENCY_MS_MAX,
                    match &ms {
                        Json::Number(number) => number.to_string(),
                        other => kind(other).to_owned(),
                    }
                ),
            }),
        }
    });
    read.collect()
}

/// Every region that a player has measured is one of the configuration: of a fleet, or of a queue. A region that his
/// queue does not allow is none of its business; one that is nowhere is a mistake that nobody would notice.
///
/// # Errors
/// 422 with the region's name.
pub(super) fn regions<'r>(
    config: &Config,
    player: &PlayerId,
    said: impl Iterator<Item = &'r Region>,
) -> Result<(), Error> {
    for region in said {
        if config.regions().any(|other| other == region) {
            continue;
        }
        let help = nearest_or_all(region.as_str(), config.regions().map(Region::as_str));
        return Err(Error::Invalid {
            field: format!("players.{player}.latencies.{region}"),
            detail: format!(
                "no fleet has such a region, and no queue in its regions.allow; {help}"
            ),
        });
    }
    Ok(())
}

/// What a JSON value is, in words.
fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(items) if items.iter().all(Json::is_string) => "a list of texts",
        Json::Array(_) => "such a list",
        Json::Object(entries) if entries.values().all(Json::is_number) => "a map of numbers",
        Json::Object(_) => "such a map",
    }
}
