//! The raw YAML of a session type: every knob with its range and default, before any rule between knobs.

use std::collections::BTreeMap;

use super::duration::Duration;
use super::raw::{ApiVersion, SessionTypeKind, TextMap, choices, sections, unnamed};
use super::raw_instance::{Browser, Hub, Instance, PlaySession};
use super::raw_members::{
    Backfill, Invites, MemberInitialization, Ownership, Qos, Roles, Subscriptions,
};
use crate::Name;
use crate::session_type::{Joinability, JoinabilityBy, Visibility};

sections! {
    /// How a kind of session works: who may join, how many, when members are removed, where it is hosted.
    #[schemars(title = "Muster session type", extend("required" = ["apiVersion", "kind", "name"]))]
    struct SessionType {
        /// The version of this format.
        #[serde(rename = "apiVersion")]
        api_version: ApiVersion = ApiVersion::V1,
        /// What this document describes.
        kind: SessionTypeKind = SessionTypeKind::SessionType,
        /// Unique among session types, without regard to case.
        name: Name = unnamed(),
        /// Another session type whose sections this one takes over; a section written here is merged one level
        /// deep, what lies deeper is replaced whole.
        extends: Option<Name> = None,
        /// Your own revision number; sessions keep the one they were created with.
        revision: u32 = 1,
        /// Constants of the type, text to text.
        custom_data: TextMap = TextMap::new(),
        /// Who may create sessions of this type.
        creation: Creation = Creation::default(),
        /// Whether a session of this type may be queued: then it is a party, and its leader makes the ticket.
        can_join_matchmaking: bool = false,
        /// Seats and teams. Omitted: one team, no team places enforced, 100 members.
        size: Option<Size> = None,
        /// Who may see a session; constant.
        visibility: Visibility = Visibility::Open,
        /// Who may join at first; changed live. State it: the default is the safe one, not the usual one.
        joinability: Joinability = Joinability::Private,
        /// Who may change the joinability. Omitted: the leader where sessions can be queued, else the members.
        joinability_by: Option<JoinabilityBy> = None,
        /// Who may read the document; at least as open as the joinability.
        read_restriction: Joinability = Joinability::Public,
        /// Which instances suit the client version that a member states: others he may not enter.
        version_policy: VersionPolicy = VersionPolicy::Compatible,
        /// What sessions of this type can do; constant.
        capabilities: Capabilities = Capabilities::default(),
        /// When members and empty sessions are removed: `0` is immediate, `null` is never.
        timeouts: Timeouts = Timeouts::default(),
        /// Keep a session when its last member has left: the same as `timeouts.session_empty: null`.
        keep_alive_on_empty: Option<bool> = None,
        /// Measuring and judging newcomers before they play; replaces the reserved and ready time-outs meanwhile.
        member_initialization: Option<MemberInitialization> = None,
        /// Connection quality between members and to the host.
        qos: Option<Qos> = None,
        /// Roles that members may hold.
        roles: Option<Roles> = None,
        /// What happens to owned sessions; used with `capabilities.has_owners`.
        ownership: Ownership = Ownership::default(),
        /// How a leader is followed by another.
        leader: Leader = Leader::default(),
        /// Invites: an invite holds no seat, it lives for a while.
        invites: Invites = Invites::default(),
        /// How sessions get a host. Omitted: they have no instances.
        instance: Option<Instance> = None,
        /// Whether the instance is requested without anybody asking.
        auto_launch: AutoLaunch = AutoLaunch::default(),
        /// Makes it a hub: create or join routes to a session with space, else makes a new one.
        hub: Option<Hub> = None,
        /// Sessions of this type kept running in each region of its fleet, even when nobody is there.
        #[schemars(range(max = 100))]
        min_session_count: u32 = 0,
        /// The session browser.
        browser: Browser = Browser::default(),
        /// Refilling a running match from the queue.
        backfill: Option<Backfill> = None,
        /// What members may subscribe to, and how often they are told at most.
        subscriptions: Subscriptions = Subscriptions::default(),
        /// The lease that a member has on an instance.
        play_session: PlaySession = PlaySession::default(),
        /// Sessions of platforms (steam, xbox, psn) that mirror this one, by platform.
        platform_sessions: BTreeMap<String, PlatformSession> = BTreeMap::new(),
        /// Which members a player sees in the document; servers and operators see all.
        player_visibility: PlayerVisibility = PlayerVisibility::All,
        /// Limits of each custom data map.
        custom_data_limits: CustomDataLimits = CustomDataLimits::default(),
    }

    /// Who may create sessions.
    struct Creation {
        /// Players, directly.
        by_players: bool = false,
        /// Server principals.
        by_servers: bool = true,
        /// Matches of a queue.
        by_matchmaking: bool = true,
    }

    /// Seats and teams.
    struct Size {
        /// Number of teams. Omitted: one.
        #[schemars(range(min = 1, max = 50))]
        teams: Option<u8> = None,
        /// Places in each team.
        #[schemars(range(min = 1, max = 100))]
        players_per_team: u16 = 4,
        /// Seats in all. Omitted: teams × players_per_team if `teams` is written, else 100. Above 100 only with
        /// `capabilities.large`.
        #[schemars(range(min = 1, max = 10000))]
        max_members: Option<u32> = None,
        /// Seats outside the teams, for spectators alone; they count in `max_members`.
        #[schemars(range(max = 100))]
        spectators: u32 = 0,
        /// Whether a member may move himself to another team.
        can_change_own_team: bool = true,
        /// What happens to a party that does not fit into one team.
        team_overflow: TeamOverflow = TeamOverflow::Fail,
    }

    /// What sessions of a type can do.
    struct Capabilities {
        /// Members measure their connections; needed by `qos`.
        connectivity: bool = false,
        /// Marks sessions in which a game is played.
        gameplay: bool = false,
        /// Up to 10,000 members (the operator allows 1,000 until told otherwise), without teams, the list of members,
        /// subscriptions and initialization.
        large: bool = false,
        /// An active member whose connection is lost becomes inactive.
        connection_required_for_active_members: bool = false,
        /// Nobody asks whether members are there: none becomes inactive by a lost connection.
        suppress_presence_activity_check: bool = false,
        /// The session has owners.
        has_owners: bool = false,
        /// Players whose tokens name different platforms may meet. Without it queues match those who name none among
        /// themselves.
        cross_play: bool = false,
    }

    /// Removal time-outs: `0` is immediate, `null` is never. They are judged when the session is read or written.
    struct Timeouts {
        /// A reservation that is not taken up is deleted.
        reserved_removal: Option<Duration> = Some(Duration::seconds(30)),
        /// A ready member that does not become active becomes inactive.
        ready_removal: Option<Duration> = Some(Duration::seconds(180)),
        /// An inactive member is removed; 0 for competitive play.
        inactive_removal: Option<Duration> = Some(Duration::seconds(7_200)),
        /// An empty session is deleted.
        session_empty: Option<Duration> = Some(Duration::seconds(0)),
        /// Silent loss of a connection until the member counts as gone.
        presence_window: Duration = Duration::seconds(20),
    }

    /// How a leader is followed by another.
    struct Leader {
        /// How long the session waits for its leader; then the oldest joined member leads. `null`: for ever.
        election_grace: Option<Duration> = Some(Duration::seconds(0)),
    }

    /// Whether the instance is requested without anybody asking.
    struct AutoLaunch {
        /// Requests it.
        enabled: bool = false,
        /// When.
        when: AutoLaunchWhen = AutoLaunchWhen::Created,
        /// Joined members that `when: min_members` waits for.
        #[schemars(range(min = 1, max = 10000))]
        min_members: u32 = 1,
    }

    /// A platform's session that mirrors this one.
    struct PlatformSession {
        /// The platform's word for its kind.
        r#type: String = String::new(),
        /// Its seats.
        #[schemars(range(min = 1, max = 1000))]
        max_players: Option<u32> = None,
    }

    /// Limits of each custom data map.
    struct CustomDataLimits {
        /// Entries.
        #[schemars(range(max = 256))]
        keys: u32 = 64,
        /// Bytes of a key.
        #[schemars(range(min = 1, max = 1024))]
        key_bytes: u32 = 128,
        /// Bytes of a value.
        #[schemars(range(max = 65536))]
        value_bytes: u32 = 4096,
    }
}

choices! {
    /// What happens to a party that does not fit into one team.
    enum TeamOverflow {
        /// It is refused.
        Fail,
        /// Its rest goes to other teams; without a place for everybody it is refused.
        AllowOverflow,
        /// As many as fit join, the rest goes to other teams; who finds no place stays outside.
        PartialWithOverflow,
        /// As many as fit join, the rest stays outside.
        PartialWithoutOverflow,
        /// The team grows beyond its places.
        Overfill,
    }

    /// Which instance versions suit a client version.
    enum VersionPolicy {
        /// The same.
        Exact,
        /// The instance's version lies in the range of `instance.version`.
        Compatible,
        /// Every one.
        Any,
    }

    /// When an instance is requested.
    enum AutoLaunchWhen {
        /// At once.
        Created,
        /// When enough members are there.
        MinMembers,
    }

    /// Which members a member sees.
    enum PlayerVisibility {
        /// Everybody.
        All,
        /// His team.
        Team,
        /// Himself; large sessions force it.
        #[serde(rename = "self")]
        Oneself,
        /// Nobody.
        None,
    }
}
