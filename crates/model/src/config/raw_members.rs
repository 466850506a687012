//! The raw YAML of a session type's sections about members: initialization, qos, roles, invites, subscriptions.

use std::collections::BTreeMap;

use super::duration::Duration;
use super::raw::{choices, sections};
use crate::Name;
use crate::subscriptions::ChangeType;

sections! {
    /// Measuring and judging newcomers before they play.
    struct MemberInitialization {
        /// How long a newcomer may take to join.
        join_timeout: Duration = Duration::seconds(10),
        /// How long the measurements may take; at most 45 s count in matchmaking.
        measurement_timeout: Duration = Duration::seconds(30),
        /// How long the judgement may take.
        evaluation_timeout: Duration = Duration::seconds(5),
        /// A joined member or the host posts the decision, instead of Muster.
        external_evaluation: bool = false,
        /// Members, not spectators, that must pass for the first episode to succeed.
        #[schemars(range(min = 1, max = 1000))]
        members_needed_to_start: u32 = 1,
    }

    /// Connection quality.
    struct Qos {
        /// What is measured.
        metrics: Metrics = Metrics::default(),
        /// Demands between members.
        peer_to_peer: Option<PeerToPeer> = None,
        /// Demands between members and the host.
        peer_to_host: Option<PeerToHost> = None,
        /// Servers that members measure against, by name.
        measurement_servers: BTreeMap<Name, MeasurementServer> = BTreeMap::new(),
    }

    /// What is measured.
    struct Metrics {
        /// Round trip.
        latency: bool = false,
        /// Bandwidth towards the member.
        bandwidth_down: bool = false,
        /// Bandwidth from the member.
        bandwidth_up: bool = false,
        /// The game's own figure.
        custom: bool = false,
    }

    /// Demands between members.
    struct PeerToPeer {
        /// Milliseconds.
        latency_maximum: u32 = 250,
        /// Kilobits a second.
        bandwidth_minimum_kbps: u32 = 10_000,
    }

    /// Demands between members and the host.
    struct PeerToHost {
        /// Milliseconds.
        latency_maximum: u32 = 250,
        /// Kilobits a second towards the host's members.
        bandwidth_down_minimum_kbps: u32 = 100_000,
        /// Kilobits a second from them.
        bandwidth_up_minimum_kbps: u32 = 1_000,
        /// By which figure the host is chosen.
        host_selection_metric: HostSelectionMetric = HostSelectionMetric::Latency,
    }

    /// A server that members measure against.
    struct MeasurementServer {
        /// `host:port`.
        address: String = String::new(),
    }

    /// Roles that members may hold.
    struct Roles {
        /// By name.
        role_types: BTreeMap<Name, RoleType> = BTreeMap::new(),
    }

    /// Roles that exclude each other.
    struct RoleType {
        /// Only owners assign them.
        owner_managed: bool = false,
        /// Which figures may change live.
        mutable: Vec<RoleFigure> = Vec::new(),
        /// By name.
        roles: BTreeMap<Name, Role> = BTreeMap::new(),
    }

    /// One role.
    struct Role {
        /// Most holders. Omitted: as many as there are seats.
        #[schemars(range(min = 1, max = 1000))]
        max: Option<u32> = None,
        /// Wanted holders, at most `max`; not enforced.
        #[schemars(range(max = 1000))]
        target: Option<u32> = None,
    }

    /// What happens to owned sessions.
    struct Ownership {
        /// When the last owner leaves.
        migration: OwnershipMigration = OwnershipMigration::Endsession,
        /// Whether others than owners may invite.
        allow_non_owner_invites: bool = false,
    }

    /// Invites.
    struct Invites {
        /// How long an invite lives.
        time_out: Duration = Duration::seconds(300),
        /// Between two invites of one player to one session.
        min_interval: Duration = Duration::seconds(30),
        /// Whether a reserved player is told.
        notify_on_reservation: bool = true,
        /// Whether any member may invite; else the leader and those with the permission.
        allow_members: bool = true,
        /// Whether invites from before the joinability was tightened fail.
        reject_stale: bool = true,
    }

    /// Refilling a running match from the queue.
    struct Backfill {
        /// Refills.
        enabled: bool = true,
        /// How long the host may take to acknowledge.
        ack_timeout: Duration = Duration::seconds(30),
        /// When it ends for good.
        until: BackfillUntil = BackfillUntil::Closed,
    }

    /// What members subscribe to.
    struct Subscriptions {
        /// Sessions that one player may be subscribed in at once; 0: none.
        #[schemars(range(max = 40))]
        max_per_connection: u32 = 10,
        /// What a subscriber is told of, by what he subscribes to.
        profiles: Profiles = Profiles::default(),
    }

    /// What a subscriber is told of, by what he subscribes to.
    struct Profiles {
        /// Omitted: everything.
        party: Profile = Profile::default(),
        /// Omitted: matchmaking_status.
        matchmaking: Profile = Profile::default(),
        /// Omitted: host and initialization.
        initialization: Profile = Profile::default(),
        /// Omitted: members_list and members_status.
        roster: Profile = Profile::default(),
        /// Omitted: members_list, members_status and matchmaking_status.
        queuehost: Profile = Profile::default(),
        /// Omitted: host, joinability and matchmaking_status.
        queue: Profile = Profile::default(),
    }

    /// What a subscriber is told of.
    struct Profile {
        /// Which changes. Omitted: those that the profile is made for.
        changes: Option<Vec<ChangeType>> = None,
        /// At least so long between two notices; at most 5 minutes.
        min_interval: Duration = Duration::seconds(1),
    }
}

choices! {
    /// By which figure a host is chosen.
    enum HostSelectionMetric { Latency, BandwidthDown, BandwidthUp, Bandwidth, }

    /// A figure of a role.
    enum RoleFigure { Max, Target, }

    /// What happens when the last owner leaves.
    enum OwnershipMigration {
        /// The session ends.
        Endsession,
        /// The oldest member owns it.
        Oldest,
    }

    /// When backfill ends for good.
    enum BackfillUntil {
        /// When the instance is closed.
        Closed,
        /// When the match is full.
        Full,
    }
}
