//! The JSON Schema of each kind, generated from the raw structs: the one truth for the walker and for editors.

use std::fmt;
use std::sync::OnceLock;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::{raw_fleet, raw_queue, raw_session_type};

/// What a document may describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// How a kind of session works.
    SessionType,
    /// How parties become teams.
    Queue,
    /// Where dedicated hosts come from.
    Fleet,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 3] = [Kind::SessionType, Kind::Queue, Kind::Fleet];

    /// As in the key `kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::SessionType => "SessionType",
            Kind::Queue => "Queue",
            Kind::Fleet => "Fleet",
        }
    }

    /// The kind of this name, exactly as written.
    pub fn from_name(text: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The file under `sessiontypes/schema/` that holds its schema.
    pub fn schema_file(self) -> &'static str {
        match self {
            Kind::SessionType => "session-type.json",
            Kind::Queue => "queue.json",
            Kind::Fleet => "fleet.json",
        }
    }

    /// In a sentence.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Kind::SessionType => "session type",
            Kind::Queue => "queue",
            Kind::Fleet => "fleet",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The JSON Schema (2020-12) of a kind's documents, as `muster schema` prints it.
pub fn schema(kind: Kind) -> Value {
    cached(kind).clone()
}

/// The same, made once.
pub(super) fn cached(kind: Kind) -> &'static Value {
    static SCHEMAS: OnceLock<[Value; 3]> = OnceLock::new();
    let [session_type, queue, fleet] = SCHEMAS.get_or_init(|| {
        [
            generate::<raw_session_type::SessionType>(),
            generate::<raw_queue::Queue>(),
            generate::<raw_fleet::Fleet>(),
        ]
    });
    match kind {
        Kind::SessionType => session_type,
        Kind::Queue => queue,
        Kind::Fleet => fleet,
    }
}

fn generate<T: JsonSchema>() -> Value {
    let schema: Schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>();
    let mut schema = schema.to_value();
    explain_names(&mut schema);
    bound(&mut schema);
    drop_defaults_of_required(&mut schema);
    schema
}

/// Tells editors in words what a name may be.
fn explain_names(schema: &mut Value) {
    for name in ["Name", "Region"] {
        if let Some(definition) = schema.pointer_mut(&format!("/$defs/{name}"))
            && let Some(definition) = definition.as_object_mut()
        {
            definition.insert(
                "patternErrorMessage".into(),
                json!("a name holds letters, digits and . _ - only, 1 to 100 of them"),
            );
        }
    }
}

/// Writes out limits that the Rust types have and the generator leaves implicit: of 32-bit integers, and of the
/// length of keys that are names.
fn bound(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(bound),
        Value::Object(map) => {
            if map.get("format").and_then(Value::as_str) == Some("uint32") {
                map.entry("maximum").or_insert(u32::MAX.into());
            }
            if let Some(Value::Object(patterns)) = map.get_mut("patternProperties")
                && let Some(values) = patterns.remove("^[A-Za-z0-9._-]+$")
            {
                patterns.insert("^[A-Za-z0-9._-]{1,100}$".into(), values);
            }
            map.values_mut().for_each(bound);
        }
        _ => {}
    }
}

/// A required key has no default, whatever the Rust struct fills in while it is made.
fn drop_defaults_of_required(schema: &mut Value) {
    let required: Vec<String> = schema["required"]
        .as_array()
        .map(|keys| {
            keys.iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default();
    for key in required {
        if let Some(property) = schema.pointer_mut(&format!("/properties/{key}"))
            && let Some(property) = property.as_object_mut()
        {
            property.remove("default");
        }
    }
}

/// Follows `$ref` inside `root`; a dangling or circular one allows everything.
pub(super) fn resolved<'s>(root: &'s Value, mut schema: &'s Value) -> &'s Value {
    const HOPS_MAX: usize = 32;
    for _ in 0..HOPS_MAX {
        let Some(pointer) = schema.get("$ref").and_then(Value::as_str) else {
            return schema;
        };
        match pointer
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer))
        {
            Some(target) => schema = target,
            None => return &Value::Bool(true),
        }
    }
    &Value::Bool(true)
}

/// The schemas of which a value must satisfy one, with `$ref`, `anyOf` and `oneOf` taken apart.
pub(super) fn alternatives<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    fn collect<'s>(root: &'s Value, schema: &'s Value, depth: usize, out: &mut Vec<&'s Value>) {
        let schema = resolved(root, schema);
        let options = schema
            .get("anyOf")
            .or_else(|| schema.get("oneOf"))
            .and_then(Value::as_array);
        match options {
            Some(options) if depth < 16 && schema.get("properties").is_none() => {
                for option in options {
                    collect(root, option, depth + 1, out);
                }
            }
            _ => out.push(schema),
        }
    }
    let mut out = Vec::new();
    collect(root, schema, 0, &mut out);
    out
}

/// The schema of the value under `key` of a map with this schema, if the key is known by name.
pub(super) fn property<'s>(schema: &'s Value, key: &str) -> Option<&'s Value> {
    schema.get("properties")?.get(key)
}
