//! What a section of YAML is made of: the macro that keeps each knob beside its default, and the shared enums.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Declares raw YAML sections: `field: Type = default`. Every knob may be omitted, no other key is known.
macro_rules! sections {
    ($(
        $(#[$struct_meta:meta])*
        struct $name:ident {
            $( $(#[$meta:meta])* $field:ident: $type:ty = $default:expr, )*
        }
    )*) => {$(
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        $(#[$struct_meta])*
        pub(in crate::config) struct $name {
            $( $(#[$meta])* pub $field: $type, )*
        }

        impl Default for $name {
            fn default() -> Self {
                $name { $( $field: $default, )* }
            }
        }
    )*};
}

/// Declares enums whose values are written in snake case.
macro_rules! choices {
    ($(
        $(#[$enum_meta:meta])*
        enum $name:ident { $( $(#[$meta:meta])* $variant:ident, )* }
    )*) => {$(
        $(#[$enum_meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub(in crate::config) enum $name { $( $(#[$meta])* $variant, )* }
    )*};
}

pub(super) use {choices, sections};

/// The version of this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ApiVersion {
    /// The only one so far.
    V1,
}

/// Marks a session type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum SessionTypeKind {
    /// This document describes a session type.
    SessionType,
}

/// Marks a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum QueueKind {
    /// This document describes a queue.
    Queue,
}

/// Marks a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum FleetKind {
    /// This document describes a fleet.
    Fleet,
}

/// Text to text, the studio's own.
pub(super) type TextMap = std::collections::BTreeMap<String, String>;

/// The name of a document that the walker has refused for having none.
pub(super) fn unnamed() -> crate::Name {
    match "unnamed".parse() {
        Ok(name) => name,
        Err(_) => unreachable!("the constant is a name"),
    }
}
