//! The claims of a token: who somebody is, in which namespace, until when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ticket::Value;
use crate::{Millis, Name, Namespace, PlayerId, Timestamp};

/// What `aud` says in every token of Muster.
pub const AUDIENCE: &str = "muster";

/// The claims of a JSON web token (RFC 7519) of Muster. There is no issuer: the secret says who issued it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// Always [`AUDIENCE`].
    pub aud: String,
    /// The namespace that the token is good for.
    pub ns: Namespace,
    /// What its bearer is.
    pub kind: PrincipalKind,
    /// Which one: a player's id, a game server's id, or the name of a service.
    pub sub: String,
    /// Seconds since 1970 at which it was issued.
    pub iat: i64,
    /// Seconds since 1970 at which it stops being good.
    pub exp: i64,
    /// Seconds since 1970 before which it is not good yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Attributes that the issuer vouches for (A.3 row 49).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<Name, Value>,
    /// Of a player: the device that he plays on, for joinability `local` (A.3 row 31).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Of a player: the platform that he plays on, compared without case, for sessions without `cross_play` (F21).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Name>,
    /// Of a player: whom he follows, for joinability `followed` (A.3 row 31).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follows: Vec<PlayerId>,
    /// Of a game server: the token is the one from its environment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first: bool,
}

/// What the bearer of a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A player: acts for himself.
    Player,
    /// A trusted back end of the studio.
    Server,
    /// A provider: keeps game servers running.
    Fleet,
    /// An operator.
    Admin,
    /// One game server: acts for itself and what it hosts.
    GameServer,
}

impl Claims {
    /// Claims without attributes, good from `now` for `lifetime` (both cut to whole seconds).
    pub fn new(
        ns: Namespace,
        kind: PrincipalKind,
        sub: impl Into<String>,
        now: Timestamp,
        lifetime: Millis,
    ) -> Self {
        Self {
            aud: AUDIENCE.to_owned(),
            ns,
            kind,
            sub: sub.into(),
            iat: now.0.div_euclid(1_000),
            exp: (now + lifetime).0.div_euclid(1_000),
            nbf: None,
            attributes: BTreeMap::new(),
            device: None,
            platform: None,
            follows: Vec::new(),
            first: false,
        }
    }
}
