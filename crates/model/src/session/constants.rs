//! What of its session type a session takes with it for life (R7, R16, R22).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::session_type::SessionType;

/// The constants of a session that come from its type: shared by all sessions of one revision.
///
/// The creator's own constants are the session's alone and live in its [`Header`](super::Header).
#[derive(Debug, Clone, PartialEq)]
pub struct Constants {
    /// The type as it was when the session was made; a reload makes new ones for new sessions only (row 16).
    pub session_type: Arc<SessionType>,
    /// The store's revision of the YAML that it came from.
    pub type_revision: u64,
    /// Keys that the YAML writes out: the creator may repeat their values, not change them (row 32).
    pub written: BTreeSet<TypeConstant>,
}

/// A key of a session type that its YAML may leave to the creator of each session (row 32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TypeConstant {
    /// `visibility`.
    Visibility,
    /// `size.max_members`.
    MaxMembers,
    /// `capabilities`, all of them: an empty section leaves none to the creator (R23).
    Capabilities,
    /// `joinability`, the value that a session starts with.
    Joinability,
}

impl TypeConstant {
    /// The key as designers write it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Visibility => "visibility",
            Self::MaxMembers => "size.max_members",
            Self::Capabilities => "capabilities",
            Self::Joinability => "joinability",
        }
    }
}

impl Constants {
    /// Constants of a type whose YAML counts as having written everything but the joinability,
    /// which is dynamic (row 7).
    pub fn new(session_type: Arc<SessionType>, type_revision: u64) -> Self {
        Self {
            session_type,
            type_revision,
            written: BTreeSet::from([
                TypeConstant::Visibility,
                TypeConstant::MaxMembers,
                TypeConstant::Capabilities,
            ]),
        }
    }
}
