//! Measurements as a member's document holds them: lists without names, so that a hundred fit (R37).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Measurement;

type Figures = (Option<u32>, Option<u32>, Option<u32>, Value);

pub(super) fn serialize<S: Serializer>(
    measurements: &BTreeMap<String, Measurement>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(measurements.iter().map(|(token, of)| (token, List(of))))
}

/// The figures in order, without those at the end that are left out.
struct List<'a>(&'a Measurement);

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Measurement {
            latency,
            bandwidth_down,
            bandwidth_up,
            custom,
        } = self.0;
        match (latency, bandwidth_down, bandwidth_up, custom) {
            (None, None, None, Value::Null) => serializer.collect_seq([0_u8; 0]),
            (_, None, None, Value::Null) => (latency,).serialize(serializer),
            (_, _, None, Value::Null) => (latency, bandwidth_down).serialize(serializer),
            (_, _, _, Value::Null) => (latency, bandwidth_down, bandwidth_up).serialize(serializer),
            _ => (latency, bandwidth_down, bandwidth_up, custom).serialize(serializer),
        }
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Measurement>, D::Error> {
    let lists = BTreeMap::<String, Vec<Value>>::deserialize(deserializer)?;
    lists
        .into_iter()
        .map(|(token, mut list)| {
            list.resize(4, Value::Null);
            let (latency, bandwidth_down, bandwidth_up, custom) =
                serde_json::from_value::<Figures>(Value::Array(list))
                    .map_err(serde::de::Error::custom)?;
            let of = Measurement {
                latency,
                bandwidth_down,
                bandwidth_up,
                custom,
            };
            Ok((token, of))
        })
        .collect()
}
