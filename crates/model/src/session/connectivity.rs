//! What members say of their connections: addresses, device tokens, measurements (R33, R34, R37, R38, F23).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Actor, Draft, Error, Join, Member, compact};
use crate::PlayerId;

/// The longest secure device address, in characters of base64 (R33).
pub const SECURE_DEVICE_ADDRESS_MAX: usize = 512;
/// The most peers that one member measures (R37).
pub const MEASUREMENTS_MAX: usize = 100;
/// The longest device token.
pub const DEVICE_TOKEN_MAX: usize = 16;
/// The most servers that one member measures (R38).
pub const SERVER_MEASUREMENTS_MAX: usize = 32;
/// The longest name or connection string of a server, in bytes.
pub const SERVER_KEY_BYTES_MAX: usize = 256;
/// The most members that one member makes his initialization depend on (R34).
pub const INITIALIZATION_GROUP_MAX: usize = 100;

/// What a member says of his connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Connectivity {
    /// Names his device within the session (F23): `d` and the index of the first member on it. Lowercase.
    pub device_token: String,
    /// Where peers connect, in base64 (R33); empty: not given (R12).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub secure_device_address: String,
    /// By the device tokens of his peers; set once (R37).
    #[serde(default, with = "compact", skip_serializing_if = "BTreeMap::is_empty")]
    pub measurements: BTreeMap<String, Measurement>,
    /// By name or connection string of the server; set once, present and empty counts (R38, row 45).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_measurements: Option<BTreeMap<String, ServerMeasurement>>,
}

/// What a member measured of a peer; a figure that is left out: the peer cannot be reached (R37).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// Round trip in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<u32>,
    /// From the peer to the member, in kilobits a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_down: Option<u32>,
    /// From the member to the peer, in kilobits a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_up: Option<u32>,
    /// The game's own figure; never interpreted.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub custom: Value,
}

/// What a member measured of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerMeasurement {
    /// Round trip in milliseconds.
    pub latency: u32,
}

/// What a member changes of his connection; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConnectivityUpdate {
    /// Replaced; empty removes it (R12).
    pub secure_device_address: Option<String>,
    /// Set once, whole; empty is nothing (R12).
    pub measurements: Option<BTreeMap<String, Measurement>>,
    /// Set once, whole; empty counts (row 45).
    pub server_measurements: Option<BTreeMap<String, ServerMeasurement>>,
    /// Replaced whole; empty removes it (R12).
    pub initialization_group: Option<Vec<u32>>,
}

impl ConnectivityUpdate {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Draft<'_> {
    /// Changes what a joined member says of his connection: the member alone (B.20). O(what he sends).
    pub(super) fn set_connectivity(
        &mut self,
        actor: &Actor,
        player: &PlayerId,
        update: &ConnectivityUpdate,
    ) -> Result<(), Error> {
        if *actor != Actor::Player(player.clone()) {
            return Err(Error::NotOwnMember);
        }
        let mut member = Member::clone(self.joined_actor(player)?);
        if let Some(group) = &update.initialization_group {
            self.depend_on(&mut member, group)?;
        }
        let speaks = update.secure_device_address.is_some()
            || update.measurements.is_some()
            || update.server_measurements.is_some();
        if speaks {
            let connectivity = member.connectivity.as_deref_mut().ok_or(Error::Invalid(
                "sessions of this type lack the capability `connectivity`",
            ))?;
            change(connectivity, update)?;
        }
        self.write_member(member)
    }

    /// Makes a member's initialization depend on that of others (R34).
    pub(super) fn depend_on(&self, member: &mut Member, group: &[u32]) -> Result<(), Error> {
        self.require_initialization()?;
        if group.len() > INITIALIZATION_GROUP_MAX {
            return Err(Error::Invalid(
                "`initialization_group` has at most 100 members",
            ));
        }
        member.initialization_group = group.to_vec();
        Ok(())
    }

    /// Names the device of somebody who joins, where the type has connectivity. O(members), once for each member.
    ///
    /// He keeps the token for as long as he is a member: what others measured refers to it.
    pub(super) fn name_device(&self, member: &mut Member, join: &Join) {
        if !self.base.capabilities().connectivity {
            return;
        }
        let shared = join.device.as_ref().and_then(|_| {
            self.members()
                .filter(|other| other.index != member.index && other.device == join.device)
                .find_map(|other| other.connectivity.as_ref())
        });
        let device_token = match shared {
            Some(other) => other.device_token.clone(),
            None => format!("d{}", member.index),
        };
        member.connectivity = Some(Box::new(Connectivity {
            device_token,
            ..Connectivity::default()
        }));
    }
}

fn change(connectivity: &mut Connectivity, update: &ConnectivityUpdate) -> Result<(), Error> {
    if let Some(address) = &update.secure_device_address {
        check_address(address)?;
        connectivity.secure_device_address.clone_from(address);
    }
    if let Some(measurements) = update.measurements.as_ref().filter(|map| !map.is_empty()) {
        check_measurements(measurements)?;
        if !connectivity.measurements.is_empty() && connectivity.measurements != *measurements {
            return Err(Error::ConstantsConflict("the member's `measurements`"));
        }
        connectivity.measurements.clone_from(measurements);
    }
    if let Some(servers) = &update.server_measurements {
        if servers.len() > SERVER_MEASUREMENTS_MAX {
            return Err(Error::Invalid(
                "`server_measurements` has at most 32 entries",
            ));
        }
        if servers
            .keys()
            .any(|key| key.is_empty() || key.len() > SERVER_KEY_BYTES_MAX)
        {
            return Err(Error::Invalid(
                "a key of `server_measurements` has 1 to 256 bytes",
            ));
        }
        if connectivity
            .server_measurements
            .as_ref()
            .is_some_and(|known| known != servers)
        {
            return Err(Error::ConstantsConflict(
                "the member's `server_measurements`",
            ));
        }
        connectivity.server_measurements = Some(servers.clone());
    }
    Ok(())
}

fn check_address(address: &str) -> Result<(), Error> {
    if address.len() > SECURE_DEVICE_ADDRESS_MAX {
        return Err(Error::Invalid(
            "`secure_device_address` has at most 512 characters",
        ));
    }
    let digits = address.trim_end_matches('=');
    let good = address.len().is_multiple_of(4)
        && address.len() - digits.len() <= 2
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/');
    if good {
        Ok(())
    } else {
        Err(Error::Invalid("`secure_device_address` must be base64"))
    }
}

fn check_measurements(measurements: &BTreeMap<String, Measurement>) -> Result<(), Error> {
    if measurements.len() > MEASUREMENTS_MAX {
        return Err(Error::Invalid("`measurements` has at most 100 entries"));
    }
    let is_token = |key: &String| {
        (1..=DEVICE_TOKEN_MAX).contains(&key.len())
            && key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if measurements.keys().all(is_token) {
        Ok(())
    } else {
        Err(Error::Invalid(
            "a key of `measurements` is a device token: lowercase letters and digits, 16 at most",
        ))
    }
}
