//! The shape of a body: its type's schema and an example, as data.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A type that goes over HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Makes its schema.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Makes an example of it.
    pub example: fn() -> Value,
    /// Says what keeps a value from being read as this type.
    pub check: fn(&Value) -> Result<(), String>,
}

impl Shape {
    pub(super) const fn of<T: JsonSchema + DeserializeOwned>(example: fn() -> Value) -> Self {
        Self {
            schema: SchemaGenerator::subschema_for::<T>,
            example,
            check: reads_as::<T>,
        }
    }
}

fn reads_as<T: DeserializeOwned>(value: &Value) -> Result<(), String> {
    T::deserialize(value)
        .map(drop)
        .map_err(|error| error.to_string())
}
