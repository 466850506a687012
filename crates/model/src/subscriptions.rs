//! What members may subscribe to: kinds of changes, profiles of them, and how often each is told (R39, R60, F30).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::Millis;

/// The longest interval between two notices of a profile: as long as a long poll may last.
pub const MIN_INTERVAL_MAX: Millis = Millis::seconds(300);

/// The most sessions that a player may be subscribed in at once, whatever a type says: as many as are ever told.
pub const SUBSCRIBED_SESSIONS_MAX: u32 = 40;

/// A member's subscriptions, each under an id of his own making (R60).
pub type Subscriptions = BTreeMap<Uuid, Subscription>;

/// Reads changes of subscriptions; refuses those that name one twice, as one id may be written in several ways.
pub(crate) fn each_once<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Uuid, Option<Subscription>>, D::Error> {
    struct Changes;
    impl<'de> Visitor<'de> for Changes {
        type Value = BTreeMap<Uuid, Option<Subscription>>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("subscriptions by their ids")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut changes = BTreeMap::new();
            while let Some((id, change)) = map.next_entry()? {
                if changes.insert(id, change).is_some() {
                    let twice = format!("the subscription {id} is named twice");
                    return Err(M::Error::custom(twice));
                }
            }
            Ok(changes)
        }
    }
    deserializer.deserialize_map(Changes)
}

/// A member wants to be told of changes (R60).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Of which changes, and how often at most: as the session type says.
    pub profile: Profile,
    /// The title that it is for, in decimal; omitted or empty: that of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of_title: Option<String>,
}

/// What a subscription is about (R60); the session type says which changes that are.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// A party.
    Party,
    /// A ticket on its way.
    Matchmaking,
    /// Newcomers who are brought together.
    Initialization,
    /// Who is there.
    Roster,
    /// Whoever hosts for those who wait.
    Queuehost,
    /// Whoever waits to get in.
    Queue,
}

impl Profile {
    /// All of them.
    pub const ALL: [Profile; 6] = [
        Profile::Party,
        Profile::Matchmaking,
        Profile::Initialization,
        Profile::Roster,
        Profile::Queuehost,
        Profile::Queue,
    ];

    /// The profile as YAML and JSON have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Party => "party",
            Self::Matchmaking => "matchmaking",
            Self::Initialization => "initialization",
            Self::Roster => "roster",
            Self::Queuehost => "queuehost",
            Self::Queue => "queue",
        }
    }

    /// The changes that it covers where a session type says nothing else.
    pub fn usual_changes(self) -> &'static [ChangeType] {
        use ChangeType::{
            Everything, Host, Initialization, Joinability, MatchmakingStatus, MembersList,
            MembersStatus,
        };
        match self {
            Self::Party => &[Everything],
            Self::Matchmaking => &[MatchmakingStatus],
            Self::Initialization => &[Host, Initialization],
            Self::Roster => &[MembersList, MembersStatus],
            Self::Queuehost => &[MembersList, MembersStatus, MatchmakingStatus],
            Self::Queue => &[Host, MatchmakingStatus, Joinability],
        }
    }
}

/// A kind of change (F30).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ChangeType {
    /// Any change that members are told of; of a change: one that none of the others names.
    Everything,
    /// Who hosts it, and whether the instance can be entered.
    Host,
    /// The newcomers' episode.
    Initialization,
    /// The ticket.
    MatchmakingStatus,
    /// Seats were taken or given up.
    MembersList,
    /// Where members stand: state, team, leader, owners, permissions, roles.
    MembersStatus,
    /// Who may join: joinability, password, closed.
    Joinability,
    /// The session's own data.
    CustomProperty,
    /// Data of members.
    MembersCustomProperty,
}

/// What a profile covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSettings {
    /// Which changes; never empty.
    pub changes: BTreeSet<ChangeType>,
    /// At least so long between two notices (row 44).
    pub min_interval: Millis,
}

/// How members of a session type may subscribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionSettings {
    /// In how many sessions a player is subscribed at once (F30); 0: in none.
    pub max_per_connection: u32,
    /// See [`Profile::Party`].
    pub party: ProfileSettings,
    /// See [`Profile::Matchmaking`].
    pub matchmaking: ProfileSettings,
    /// See [`Profile::Initialization`].
    pub initialization: ProfileSettings,
    /// See [`Profile::Roster`].
    pub roster: ProfileSettings,
    /// See [`Profile::Queuehost`].
    pub queuehost: ProfileSettings,
    /// See [`Profile::Queue`].
    pub queue: ProfileSettings,
}

impl SubscriptionSettings {
    /// What a profile covers.
    pub fn profile(&self, profile: Profile) -> &ProfileSettings {
        match profile {
            Profile::Party => &self.party,
            Profile::Matchmaking => &self.matchmaking,
            Profile::Initialization => &self.initialization,
            Profile::Roster => &self.roster,
            Profile::Queuehost => &self.queuehost,
            Profile::Queue => &self.queue,
        }
    }

    /// The settings with each profile as `of` says.
    pub fn new(max_per_connection: u32, of: impl Fn(Profile) -> ProfileSettings) -> Self {
        Self {
            max_per_connection,
            party: of(Profile::Party),
            matchmaking: of(Profile::Matchmaking),
            initialization: of(Profile::Initialization),
            roster: of(Profile::Roster),
            queuehost: of(Profile::Queuehost),
            queue: of(Profile::Queue),
        }
    }
}

impl Default for SubscriptionSettings {
    fn default() -> Self {
        Self::new(10, |profile| ProfileSettings {
            changes: profile.usual_changes().iter().copied().collect(),
            min_interval: Millis::seconds(1),
        })
    }
}
