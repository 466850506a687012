//! The raw YAML of a session type's sections about hosts: instance, hub, browser, play sessions.

use super::duration::Duration;
use super::raw::{TextMap, choices, sections};
use crate::session_type::StartupParams;
use crate::{Name, Region};

sections! {
    /// How sessions get a host.
    struct Instance {
        /// Where hosts come from.
        host_type: HostType = HostType::Dedicated,
        /// What happens when there is no dedicated host to be had.
        fallback: Fallback = Fallback::None,
        /// The fleet that dedicated hosts come from.
        fleet: Option<Name> = None,
        /// How a host is picked among the members.
        player_host: PlayerHost = PlayerHost::default(),
        /// Regions to try when the session's own has no host, in order.
        region_fallback: Vec<Region> = Vec::new(),
        /// How long an instance may wait for a host before it is closed.
        allocation_timeout: Duration = Duration::seconds(30),
        /// How long a host may take to become joinable before the instance is closed.
        boot_timeout: Duration = Duration::seconds(120),
        /// Versions that instances may report, such as `">=1.4,<2"`. Omitted: any.
        version: Option<String> = None,
        /// What the host is to start. Omitted: the request must say so.
        startup_params: Option<StartupParams> = None,
        /// One of these is drawn instead of `startup_params`' map and mode.
        map_selection: Vec<MapChoice> = Vec::new(),
        /// Health reports of the host.
        health: Health = Health::default(),
        /// Whether the instance is closed when the session becomes empty.
        close_on_empty: bool = true,
        /// How another member becomes host.
        migration: Migration = Migration::default(),
    }

    /// How a host is picked among the members.
    struct PlayerHost {
        /// By what.
        choose: PlayerHostChoice = PlayerHostChoice::MinWorstLatency,
        /// How long a member may take to accept.
        offer_timeout: Duration = Duration::seconds(5),
    }

    /// One map that may be drawn.
    struct MapChoice {
        /// The map.
        map: String = String::new(),
        /// The mode.
        mode: String = String::new(),
        /// How often, relative to the others.
        #[schemars(range(max = 100))]
        weight: u32 = 1,
        /// Anything else, as the game reads it.
        misc_params: String = String::new(),
    }

    /// Health reports of a host.
    struct Health {
        /// One report in this span.
        cadence: Duration = Duration::seconds(10),
        /// Bad reports, in percent, from which the host counts as unhealthy.
        #[schemars(range(min = 1, max = 100))]
        unhealthy_percentage: u32 = 50,
        /// Reports missed in a row until the health is unknown.
        #[schemars(range(min = 1, max = 1000))]
        missed_before_unknown: u32 = 3,
    }

    /// How another member becomes host; player hosts only.
    struct Migration {
        /// Who.
        policy: MigrationPolicy = MigrationPolicy::CandidateList,
        /// How long the session waits for the old host.
        disconnect_grace: Duration = Duration::seconds(30),
    }

    /// Makes a type a hub.
    struct Hub {
        /// Routes create and join.
        enabled: bool = true,
        /// Which session with space is taken first.
        placement: Placement = Placement::Fullest,
        /// Only sessions of the caller's region.
        match_region: bool = true,
        /// A party goes to one session.
        keep_parties_together: bool = true,
    }

    /// The session browser.
    struct Browser {
        /// Every session is listed.
        auto_register: bool = false,
        /// A session may be listed by its leader or host.
        allow_manual: bool = false,
        /// What is shown and searched, text to text.
        params: TextMap = TextMap::new(),
        /// When an entry is taken away.
        auto_remove_when: Vec<RemoveWhen> = vec![RemoveWhen::Full, RemoveWhen::Closed, RemoveWhen::Unjoinable],
    }

    /// The lease that a member has on an instance.
    struct PlaySession {
        /// Whether entering an instance takes a launch token.
        launch_token: LaunchToken = LaunchToken::Optional,
        /// How long a token may be used.
        token_ttl: Duration = Duration::seconds(60),
        /// The server's heartbeats come this often.
        heartbeat_interval: Duration = Duration::seconds(120),
        /// A lease without a heartbeat for this long ends.
        heartbeat_timeout: Duration = Duration::seconds(240),
        /// A lease without the launcher's heartbeat for longer ends; `null` is unchecked.
        launcher_timeout: Option<Duration> = Some(Duration::seconds(240)),
        /// How long a member may go on when his charge is exhausted.
        charge_exhausted_grace: Duration = Duration::seconds(120),
        /// Of what there is one lease at a time.
        exclusive_per: ExclusivePer = ExclusivePer::Device,
        /// What becomes of a member who left the server in order.
        on_normal: OnNormal = OnNormal::Leave,
        /// What becomes of a member whose lease timed out.
        on_lost: OnLost = OnLost::Inactive,
    }
}

choices! {
    /// Where hosts come from.
    enum HostType {
        /// Game servers of a fleet.
        Dedicated,
        /// A member's own machine.
        Player,
        /// Given with the session.
        Preallocated,
        /// A fleet's game server beside the one that is played on.
        Utility,
    }

    /// What happens when there is no dedicated host to be had.
    enum Fallback {
        /// The instance is closed.
        None,
        /// A member hosts.
        Player,
    }

    /// How a host is picked among the members.
    enum PlayerHostChoice {
        /// The member to whom the slowest connection is the fastest.
        MinWorstLatency,
        /// The member with the lowest mean latency.
        MinMeanLatency,
        /// The leader.
        Leader,
        /// The oldest member.
        Oldest,
    }

    /// How another member becomes host.
    enum MigrationPolicy {
        /// Nobody does.
        None,
        /// The next of the list that the host keeps.
        CandidateList,
        /// The oldest member.
        Oldest,
        /// The first to claim it.
        Greedy,
    }

    /// Which hub is taken first.
    enum Placement { Fullest, Emptiest, Oldest, }

    /// When a browser entry is taken away.
    enum RemoveWhen { Full, Closed, Unjoinable, }

    /// Whether entering an instance takes a launch token.
    enum LaunchToken {
        /// Always.
        Required,
        /// Without one a player has no lease.
        Optional,
        /// Never.
        Disabled,
    }

    /// Of what there is one lease at a time.
    enum ExclusivePer { Device, Player, None, }

    /// What becomes of a member who left the server in order.
    enum OnNormal { Leave, Inactive, Keep, }

    /// What becomes of a member whose lease timed out.
    enum OnLost { Inactive, Remove, }
}
