//! The content revision of a fleet: game servers that were started for another one are drained.

use serde_json::{Map, Value, json};

use crate::fleet::{Fleet, Provider};

/// FNV-1a, 64 bit, over the canonical JSON (sorted keys, no spaces) of what makes a game server of this fleet:
/// provider, version, slots and the provider's settings.
///
/// Name, regions and the numbers of game servers are left out, as changing them makes no running game server
/// stale. The same in every version of Muster, since it is stored with each game server.
pub fn fleet_revision(fleet: &Fleet) -> u64 {
    let provider = match fleet.provider {
        Provider::Process => "process",
    };
    let content = canonical(&json!({
        "config": fleet.config,
        "provider": provider,
        "slots": fleet.capacity.slots,
        "version": fleet.version.as_ref().map(ToString::to_string),
    }));
    content
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
}

/// The same value with the keys of every map sorted.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(canonical).collect(),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let sorted: Map<String, Value> = entries
                .into_iter()
                .map(|(key, value)| (key.clone(), canonical(value)))
                .collect();
            Value::Object(sorted)
        }
        other => other.clone(),
    }
}
