//! Laws over random histories of commands, lost connections and clock steps.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::*;
use crate::formation::AutoLaunch;
use crate::instance::CloseReason;
use crate::roles::Migration;
use crate::session_type::{BackfillSettings, BackfillUntil};
use crate::ticket::{EndReason, TicketState};

/// A property's configuration: so many cases, unless `PROPTEST_CASES` says how many.
pub(super) fn cases(cases: u32) -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(cases),
    }
}

/// One step of a history: time passes, somebody may be gone, somebody tries something.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) wait: i64,
    pub(super) gone: Vec<PlayerId>,
    pub(super) actor: Actor,
    pub(super) command: Command,
}

fn a_player() -> impl Strategy<Value = PlayerId> {
    select(vec!["a", "b", "c", "d", "e"]).prop_map(player)
}

fn a_state() -> impl Strategy<Value = JoinedState> {
    select(vec![
        JoinedState::Ready,
        JoinedState::Active,
        JoinedState::Inactive,
    ])
}

fn an_attempt() -> impl Strategy<Value = AllocationId> {
    select(vec![
        hosting::FIRST,
        hosting::FIRST,
        hosting::FIRST,
        hosting::SECOND,
    ])
}

fn an_actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        8 => a_player().prop_map(Actor::Player),
        2 => an_attempt().prop_map(Actor::Host),
        3 => Just(Actor::Service),
        1 => Just(Actor::Server),
        1 => Just(Actor::Admin),
    ]
}

fn a_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        12 => Just(Value::Null),
        3 => any::<f64>().prop_map(|number| json!({"nested": [null, number]})),
        3 => any::<i64>().prop_map(Value::from),
        1 => Just(json!("x".repeat(5_000))),
    ]
}

fn some_data() -> impl Strategy<Value = CustomData> {
    proptest::collection::btree_map("[a-c]{0,2}", ".{0,4}", 0..4)
}

fn a_join() -> impl Strategy<Value = Join> {
    let place = (
        a_player(),
        a_state(),
        proptest::option::of(0u8..3),
        any::<bool>(),
        proptest::bool::weighted(0.3),
        proptest::bool::weighted(0.2),
    );
    (place, some_data(), a_value(), a_value()).prop_map(
        |((player, state, team, local, initialize, spectator), custom_data, constants, custom)| {
            Join {
                initialize,
                team,
                spectator,
                device: local.then(|| "console".to_owned()),
                custom_data,
                constants,
                custom,
                ..Join::new(player, state)
            }
        },
    )
}

fn an_update() -> impl Strategy<Value = Update> {
    let joinability = vec![
        Joinability::Public,
        Joinability::Followed,
        Joinability::Local,
        Joinability::Private,
    ];
    (
        proptest::option::of(select(joinability)),
        proptest::option::of(any::<bool>()),
        proptest::option::of(some_data()),
        proptest::option::of(a_value()),
        proptest::collection::btree_map(0u8..3, some_data(), 0..2),
        proptest::option::of(proptest::collection::btree_set(a_keyword(), 0..3)),
        proptest::option::of(proptest::collection::vec(0u32..6, 0..3)),
    )
        .prop_map(
            |(joinability, closed, custom_data, custom, teams, keywords, turn)| Update {
                keywords,
                turn,
                joinability,
                closed,
                custom_data,
                custom,
                teams,
                password: None,
            },
        )
}

fn a_keyword() -> impl Strategy<Value = Name> {
    "[abAB]".prop_map(|text| text.parse().unwrap())
}

fn a_member_command() -> impl Strategy<Value = Command> {
    let seats = proptest::collection::vec((a_player(), proptest::option::of(0u8..3)), 0..4);
    let member = (
        a_player(),
        proptest::option::of(a_state()),
        proptest::option::of(some_data()),
        proptest::option::of(a_value()),
    );
    prop_oneof![
        8 => a_join().prop_map(Command::Join),
        4 => member.prop_map(|(player, state, custom_data, custom)| {
            Command::UpdateMember { player, state, custom_data, custom }
        }),
        3 => a_player().prop_map(|player| Command::Leave { player }),
        1 => a_player().prop_map(|player| Command::Kick { player }),
        1 => a_player().prop_map(|player| Command::Promote { player }),
        2 => (a_player(), 0u8..3).prop_map(|(player, team)| Command::Move { player, team }),
        3 => (seats, proptest::bool::weighted(0.3))
            .prop_map(|(players, initialize)| Command::Reserve { players, initialize }),
        6 => together::a_command(),
        2 => an_update().prop_map(Command::Update),
        1 => a_server_command(),
        4 => an_invite_command(),
        4 => a_standing_command().prop_map(Command::Standing),
    ]
}

fn a_standing_command() -> impl Strategy<Value = StandingCommand> {
    use StandingCommand::*;
    let a_type = || select(vec!["class", "class", "rank", "none"]).prop_map(standing::name);
    let a_role = || select(vec!["healer", "tank", "officer", "none"]).prop_map(standing::name);
    let permission = || select(vec![Permission::Invite, Permission::Kick, Permission::Move]);
    let figures = (proptest::option::of(0u32..4), proptest::option::of(0u32..3));
    let figures = figures.prop_map(|(max, target)| crate::roles::RoleSettings { max, target });
    let roles = proptest::collection::btree_map(a_type(), a_role(), 0..3);
    let preference = proptest::collection::btree_map(a_role(), 0u8..110, 0..3);
    let groups = || proptest::collection::vec(select(vec!["g", "G", "h"]), 0..3);
    let named = |groups: Vec<&str>| -> Vec<crate::Name> {
        groups.into_iter().map(standing::name).collect()
    };
    let own = (
        proptest::option::of(roles),
        proptest::option::of(preference),
        proptest::option::of(groups().prop_map(named)),
        groups().prop_map(named),
        subscriptions::a_change(),
    );
    let own = own.prop_map(
        |(roles, role_preference, groups, encounters, subscriptions)| OwnProperties {
            roles,
            role_preference,
            groups,
            encounters,
            subscriptions,
        },
    );
    prop_oneof![
        4 => (a_player(), own).prop_map(|(player, own)| SetOwn { player, own }),
        4 => (a_player(), a_type(), proptest::option::of(a_role()))
            .prop_map(|(player, role_type, role)| SetRole { player, role_type, role }),
        1 => (a_type(), a_role(), figures).prop_map(|(of, role, figures)| SetRoleSettings {
            settings: [(of, [(role, figures)].into())].into(),
        }),
        2 => a_player().prop_map(|player| AddOwner { player }),
        2 => a_player().prop_map(|player| RemoveOwner { player }),
        1 => a_player().prop_map(|player| Block { player }),
        2 => a_player().prop_map(|player| Unblock { player }),
        1 => (a_player(), permission())
            .prop_map(|(player, permission)| Grant { player, permission }),
        1 => (a_player(), permission())
            .prop_map(|(player, permission)| Revoke { player, permission }),
        2 => [a_player(), a_player()].prop_map(|players| Swap { players }),
        2 => a_player().prop_map(|player| Spectate { player }),
        1 => proptest::collection::vec(a_player(), 0..3)
            .prop_map(|players| ReserveSpectators { players }),
    ]
}

fn an_invite_command() -> impl Strategy<Value = Command> {
    let players = proptest::collection::vec(a_player(), 0..4);
    let word = select(vec!["", "come"]).prop_map(str::to_owned);
    (players, word, 0..6u8).prop_map(|(players, context, dice)| {
        let player = players.first().cloned().unwrap_or_else(|| player("e"));
        match dice {
            0..3 => Command::Invite { players, context },
            3 => Command::InviteNewcomers { players, context },
            4 => Command::Withdraw { player },
            _ => Command::KickAll { players },
        }
    })
}

fn a_server_command() -> impl Strategy<Value = Command> {
    let name = select(vec!["director", "DIRECTOR", "referee"]);
    let custom = proptest::option::of(a_value());
    (name, a_value(), custom, any::<bool>()).prop_map(|(name, constants, custom, comes)| {
        let name = name.parse().unwrap();
        if comes {
            Command::PutServer {
                name,
                constants,
                custom,
            }
        } else {
            Command::RemoveServer { name }
        }
    })
}

fn a_host_command() -> impl Strategy<Value = Command> {
    use InstanceStatus::{Allocated, Closed, Joinable, Pending, Requested, Unjoinable};
    let all = vec![
        Requested, Allocated, Pending, Joinable, Joinable, Unjoinable, Closed,
    ];
    let version = proptest::option::of(select(vec!["1.4.0", "1.9.9", "2.0.0"]));
    let update = (
        an_attempt(),
        proptest::option::of(select(all)),
        version,
        proptest::option::of(some_data()),
        proptest::option::of(proptest::collection::vec("[a-d]", 0..4)),
    )
        .prop_map(
            |(allocation_id, status, version, join_custom_data, connected)| {
                let version = version.map(|version| version.parse().unwrap());
                HostUpdate {
                    allocation_id,
                    status,
                    version,
                    join_custom_data,
                    connected,
                }
            },
        );
    prop_oneof![
        3 => (10u128..13).prop_map(|number| Command::RequestInstance(InstanceRequest {
            id: InstanceId(id(number)),
            startup_params: None,
            fleet: None,
        })),
        3 => an_attempt().prop_map(|id| Command::Allocate { allocation: hosting::attempt(id) }),
        1 => an_attempt().prop_map(|id| Command::Hedge { allocation: hosting::attempt(id) }),
        2 => an_attempt().prop_map(|allocation_id| Command::Acknowledge { allocation_id }),
        4 => update.prop_map(Command::HostUpdate),
        1 => an_attempt().prop_map(|allocation_id| Command::LoseHost { allocation_id }),
        1 => Just(Command::CloseInstance { reason: CloseReason::Requested }),
    ]
}

fn a_ticket_command() -> impl Strategy<Value = Command> {
    use TicketState::{Canceled, Expired, Found, Placing, Proposed, Searching};
    let live = select(vec![Searching, Searching, Proposed, Placing, Found]);
    prop_oneof![
        (5u128..7, live).prop_map(|(number, state)| {
            Command::SetTicket(TicketRef {
                state,
                ..tickets::searching(number)
            })
        }),
        (5u128..7, select(vec![Canceled, Expired, Found, Searching])).prop_map(
            |(number, state)| Command::ClearTicket {
                id: TicketId(id(number)),
                state,
                reason: EndReason::LeftQueue,
            }
        ),
    ]
}

fn a_backfill_command() -> impl Strategy<Value = Command> {
    let players = proptest::collection::vec((a_player(), 0u8..3), 0..3);
    prop_oneof![
        2 => proptest::collection::vec((0u8..3, 0u16..3), 0..3).prop_map(|wanted| {
            Command::SetBackfill {
                wanted,
                created_before: None,
            }
        }),
        1 => Just(Command::AcknowledgeBackfill),
        1 => Just(Command::RemoveBackfill),
        2 => (players, 2u64..9).prop_map(|(players, row)| {
            let players = players.into_iter();
            let players = players.map(|(player, team)| Backfilled { player, team });
            Command::Refill {
                players: players.collect(),
                row,
            }
        }),
    ]
}

fn a_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        12 => a_member_command(),
        8 => a_host_command(),
        2 => a_ticket_command(),
        2 => a_backfill_command(),
        1 => (0..12u8, some_data()).prop_map(|(dice, params)| match dice {
            0 => Command::Delete,
            1 | 2 => Command::Keep { kept: dice == 1 },
            3 => Command::SetBrowserEntry { params: None },
            4 | 5 => Command::SetBrowserEntry { params: Some(params) },
            _ => join("a", JoinedState::Active),
        }),
    ]
}

fn a_step() -> impl Strategy<Value = Step> {
    let wait = prop_oneof![
        40 => Just(0i64),
        20 => 0i64..2_000,
        2 => select(vec![29_999i64, 30_000, 120_000, 180_000, 7_200_000]),
        1 => Just(-5_000i64),
    ];
    let gone = prop_oneof![
        5 => Just(Vec::new()),
        1 => proptest::collection::vec(a_player(), 1..3),
    ];
    (wait, gone, an_actor(), a_command(), any::<bool>()).prop_map(
        |(wait, gone, actor, command, own)| {
            // Half of the time it is the right one who acts, else too little would ever happen.
            let actor = if own {
                rightful(&command).unwrap_or(actor)
            } else {
                actor
            };
            Step {
                wait,
                gone,
                actor,
                command,
            }
        },
    )
}

fn rightful(command: &Command) -> Option<Actor> {
    match command {
        Command::Join(join) => Some(Actor::Player(join.player.clone())),
        Command::UpdateMember { player, .. }
        | Command::SetConnectivity { player, .. }
        | Command::Leave { player }
        | Command::Move { player, .. }
        | Command::Standing(
            StandingCommand::SetOwn { player, .. } | StandingCommand::SetRole { player, .. },
        ) => Some(Actor::Player(player.clone())),
        Command::HostUpdate(update) => Some(Actor::Host(update.allocation_id)),
        Command::Acknowledge { allocation_id } => Some(Actor::Host(*allocation_id)),
        Command::Update(_) | Command::Delete => None,
        _ => Some(Actor::Service),
    }
}

fn a_timeout() -> impl Strategy<Value = crate::Timeout> {
    prop_oneof![
        2 => Just(None),
        1 => Just(Some(Millis(0))),
        2 => (1u64..60_000).prop_map(|ms| Some(Millis(ms))),
    ]
}

fn a_type() -> impl Strategy<Value = SessionType> {
    let timeouts = (a_timeout(), a_timeout(), a_timeout(), a_timeout());
    let size = (
        proptest::option::of(1u8..3),
        1u16..4,
        1u32..6,
        any::<bool>(),
    );
    let hosted = proptest::bool::weighted(0.8);
    let overflow = select(vec![
        TeamOverflow::Fail,
        TeamOverflow::Fail,
        TeamOverflow::AllowOverflow,
        TeamOverflow::PartialWithOverflow,
        TeamOverflow::PartialWithoutOverflow,
        TeamOverflow::Overfill,
    ]);
    let outside = (0u32..3, overflow);
    let flags = (any::<bool>(), hosted, any::<bool>(), any::<bool>());
    let migration = select(vec![Migration::EndSession, Migration::Oldest]);
    let owned = proptest::option::of(migration);
    let invites = (1u64..60_000, 0u64..60_000, any::<bool>(), any::<bool>());
    let rest = (flags, invites, together::a_together(), owned, outside);
    (timeouts, a_timeout(), size, rest).prop_map(
        |(timeouts, grace, size, (flags, invites, together, owned, outside))| {
            let (spectators, team_overflow) = outside;
            let (reserved_removal, ready_removal, inactive_removal, session_empty) = timeouts;
            let (teams, players_per_team, max_members, can_change_own_team) = size;
            let (closes, hosted, by_leader, patient) = flags;
            let (time_out, min_interval, allow_members, reject_stale) = invites;
            let mut of_type = owned.map_or_else(game, standing::owned);
            of_type.invites = InviteSettings {
                time_out: Millis(time_out),
                min_interval: Millis(min_interval),
                allow_members,
                reject_stale,
                ..InviteSettings::default()
            };
            of_type.timeouts = Timeouts {
                reserved_removal,
                ready_removal,
                inactive_removal,
                session_empty,
                ..Timeouts::default()
            };
            of_type.leader_election_grace = grace;
            of_type.capabilities.connectivity = together.qos.is_some();
            of_type.together = together;
            of_type.size = Size {
                teams,
                players_per_team,
                max_members: max_members + spectators,
                can_change_own_team,
                spectators,
                team_overflow,
            };
            of_type.instance = of_type.instance.filter(|_| hosted);
            if let Some(settings) = &mut of_type.instance {
                settings.close_on_empty = closes;
                // Half of the types wait long enough for a host to get somewhere.
                if patient {
                    settings.allocation_timeout = Millis::seconds(36_000);
                    settings.boot_timeout = Millis::seconds(36_000);
                }
            }
            of_type.formation.browser.allow_manual = !by_leader;
            of_type.backfill = patient.then_some(BackfillSettings {
                ack_timeout: Millis::seconds(30),
                until: match closes {
                    true => BackfillUntil::Closed,
                    false => BackfillUntil::Full,
                },
            });
            of_type.formation.auto_launch = patient.then_some(AutoLaunch::MinMembers(2));
            if by_leader {
                of_type.joinability_by = JoinabilityBy::Leader;
            }
            of_type
        },
    )
}

/// A session with one member, perhaps made by a match.
fn a_session() -> impl Strategy<Value = Session> {
    (a_type(), any::<bool>(), any::<bool>()).prop_map(|(of_type, matched, reserved)| {
        let hosted = of_type.instance.is_some();
        let initialize = matched && of_type.together.initialization.is_some();
        let mut new = new_session(of_type, Actor::Service);
        new.initialize = initialize;
        new.members = vec![if reserved {
            NewSeat::Reserved {
                player: player("a"),
                team: None,
            }
        } else {
            joined("a", JoinedState::Active)
        }];
        if matched && hosted {
            new.match_id = Some(crate::MatchId(id(3)));
            new.queue = Some("tdm".parse().unwrap());
            new.keeps_tickets = true;
            let request = InstanceRequest {
                id: InstanceId(id(10)),
                startup_params: None,
                fleet: None,
            };
            new.instance = Some(request);
        }
        Session::create(new, at(0)).unwrap().0
    })
}

/// What the store and the memory hold must be the same session, indexes and all.
fn assert_same(a: &Session, b: &Session) {
    assert_eq!(a.header, b.header);
    assert_eq!(a.members, b.members);
    assert_eq!(a.by_player, b.by_player);
    assert_eq!(a.due, b.due);
    assert_eq!(a.engaged, b.engaged);
    assert_eq!(a.away, b.away);
    assert_eq!(a.grouped, b.grouped);
}

fn through_the_store(session: &Session) -> Session {
    let header = Header::from_json(&session.header().to_json().unwrap()).unwrap();
    let members = session
        .members()
        .map(|member| Member::from_json(&member.to_json().unwrap()).unwrap())
        .collect();
    Session::load(session.constants().clone(), header, members)
}

/// It is there only while players get in, and gives no seat that is taken.
fn assert_backfill_in_order(session: &Session) {
    let header = session.header();
    if header.backfill.is_some() {
        assert_eq!(
            header.instance.as_ref().map(|instance| instance.status),
            Some(InstanceStatus::Joinable)
        );
        assert!(!header.closed && header.matched.is_some());
        let given = backfill_seats(session.constants(), header);
        let given: u32 = given.into_iter().map(u32::from).sum();
        assert!(given <= session.player_seats_free());
    }
}

fn assert_in_order(session: &Session) {
    let header = session.header();
    let size = session.constants().session_type.size;
    assert!(session.seats_taken() <= session.max_members());
    assert_eq!(
        usize::try_from(session.seats_taken()).unwrap(),
        session.members().count()
    );
    let (spectators, players): (Vec<_>, Vec<_>) = session
        .members()
        .partition(|member| member.standing.spectator);
    let count = |members: &[&Arc<Member>]| u32::try_from(members.len()).unwrap();
    assert!(count(&spectators) <= size.spectators);
    assert!(
        spectators
            .iter()
            .all(|member| member.team.is_none() && member.standing.roles.is_empty())
    );
    assert!(players.iter().all(|member| member.team.is_some()));
    let seats = session.max_members() - size.spectators;
    assert_eq!(count(&players) + session.player_seats_free(), seats);
    if size.teams.is_some() && size.team_overflow != TeamOverflow::Overfill {
        assert!(
            header
                .teams
                .iter()
                .all(|team| team.taken <= u32::from(size.players_per_team))
        );
    }
    assert!(
        session
            .members()
            .all(|member| member.index < header.next_index)
    );
    assert_backfill_in_order(session);
    assert!(
        session
            .members()
            .all(|member| member.is_joined() == member.joined_at.is_some())
    );
    assert!(
        session
            .members()
            .all(|member| member.version <= header.change_number)
    );
    assert_eq!(header.empty_since.is_some(), session.members().count() == 0);
    if header.leader.is_some() {
        assert!(session.leader().is_some_and(|leader| leader.is_joined()));
        let looks_on = session
            .leader()
            .is_some_and(|leader| leader.standing.spectator);
        assert!(!looks_on || !players.iter().any(|member| member.is_joined()));
    } else {
        assert!(header.leader_lost.is_some() || header.seats.joined() == 0);
    }
    assert!(header.leader_lost.is_none() || header.seats.joined() > 0);
    let invites: Vec<_> = header.invites.iter().collect();
    assert!(invites.is_sorted_by_key(|invite| invite.expires_at));
    for invite in invites {
        assert!(
            session.member_of(&invite.player).is_none(),
            "an invite holds no seat"
        );
        assert!((1..=header.change_number).contains(&invite.version));
        assert!(
            session
                .next_timer()
                .is_some_and(|at| at <= invite.expires_at)
        );
    }
    together::assert_in_order(session);
    let owned = session.constants().session_type.ownership.is_some();
    assert!(!owned || header.ranks.owners > 0 || header.seats.joined() == 0);
    let blocked = &header.ranks.blocked;
    assert!(
        blocked
            .iter()
            .all(|player| session.member_of(player).is_none())
    );
    let plain = |member: &&Arc<Member>| {
        member.standing
            == Standing {
                spectator: member.standing.spectator,
                ..Standing::default()
            }
    };
    assert!(
        session
            .members()
            .filter(|member| !member.is_joined())
            .all(|member| plain(&member))
    );
    subscriptions::assert_in_order(session);
    let open = header.open_instance().is_some();
    assert!(!open || session.sweep_at() == session.next_timer());
}

/// Settles again and again at one instant: each time at most one transition a member, at rest within four, or
/// within twelve where two episodes of newcomers go through their stages.
fn assert_rests(session: &Session, now: Timestamp, liveness: &dyn Liveness) {
    let mut session = session.clone();
    let together = session.constants().session_type.together.clone();
    for _ in 0..together.initialization.map_or(4, |_| 12) {
        let mut draft = session.draft();
        draft.settle(now, liveness);
        together::assert_one_stage(&session, &draft);
        let changes = draft.finish(now);
        let mut moved: Vec<u32> = changes.events.iter().filter_map(moved_member).collect();
        moved.sort_unstable();
        let transitions = moved.len();
        moved.dedup();
        assert_eq!(
            moved.len(),
            transitions,
            "one transition a member: {:?}",
            changes.events
        );
        let done = changes.is_empty() || changes.deleted;
        session.commit(changes);
        if done {
            return;
        }
    }
    let mut draft = session.draft();
    draft.settle(now, liveness);
    assert!(
        draft.finish(now).is_empty(),
        "not at rest after that many settles"
    );
}

fn moved_member(event: &Event) -> Option<u32> {
    match event {
        // With its last owner the whole session ends, which is no transition of a member.
        Event::MemberRemoved {
            reason: RemovalReason::SessionEnded,
            ..
        } => None,
        Event::MemberChanged { index, .. } | Event::MemberRemoved { index, .. } => Some(*index),
        _ => None,
    }
}

/// Nothing happens by itself before `next_timer`, and something does at it. What launches by itself is the shell's to
/// ask for, which has the id.
fn assert_timer(session: &Session, now: Timestamp) {
    let settled_at = |at: Timestamp| {
        let mut draft = session.draft();
        draft.settle(at, &AllPresent);
        if draft.launch_at().is_some_and(|due| due <= at) {
            let request = Command::RequestInstance(hosting::request(99));
            draft.apply(&Actor::Service, &request, at).unwrap();
        }
        draft.finish(at)
    };
    match session.next_timer() {
        None => assert!(settled_at(Timestamp(now.0 + 100_000_000)).is_empty()),
        Some(timer) => {
            if timer > now {
                assert!(settled_at(timer - Millis(1)).is_empty());
            }
            assert!(!settled_at(timer.max(now)).is_empty());
        }
    }
}

/// What the events alone say of a session.
#[derive(Debug, PartialEq)]
struct Told {
    seats: BTreeMap<u32, (PlayerId, MemberState)>,
    leader: Option<u32>,
    instance: Option<(InstanceId, InstanceStatus)>,
    ticket: Option<(TicketId, TicketState)>,
}

impl Told {
    fn of(session: &Session) -> Told {
        let header = session.header();
        let seat = |member: &Arc<Member>| (member.index, (member.player.clone(), member.state));
        let instance = header.instance.as_ref();
        let ticket = header.ticket.as_ref();
        Told {
            seats: session.members().map(seat).collect(),
            leader: header.leader,
            instance: instance.map(|instance| (instance.id, instance.status)),
            ticket: ticket.map(|ticket| (ticket.id, ticket.state)),
        }
    }

    /// Each event begins where the one before has ended: no state is skipped.
    fn hear(&mut self, event: &Event) {
        match event.clone() {
            Event::MemberReserved { index, player } => {
                let before = self.seats.insert(index, (player, MemberState::Reserved));
                assert_eq!(before, None, "a new seat");
            }
            Event::MemberJoined {
                index,
                player,
                state,
            } => {
                let before = self.seats.insert(index, (player.clone(), state));
                let reserved = (player, MemberState::Reserved);
                assert!(before.is_none_or(|before| before == reserved));
            }
            Event::MemberChanged {
                index,
                player,
                from,
                to,
            } => {
                let before = self.seats.insert(index, (player.clone(), to));
                assert_eq!(before, Some((player, from)));
                assert!(from != MemberState::Reserved && to != MemberState::Reserved);
            }
            Event::MemberUpdated { index, player, .. }
            | Event::SubscriptionsChanged { index, player } => {
                assert_eq!(self.seats[&index].0, player);
            }
            Event::MemberRemoved {
                index,
                player,
                from,
                ..
            } => {
                assert_eq!(self.seats.remove(&index), Some((player, from)));
            }
            Event::LeaderChanged { from, to } => {
                assert_eq!(self.leader, from);
                self.leader = to;
            }
            Event::InstanceChanged { id, from, to, .. } => {
                let open = self
                    .instance
                    .filter(|(_, status)| *status != InstanceStatus::Closed);
                assert_eq!(open, from.map(|from| (id, from)));
                self.instance = Some((id, to));
            }
            Event::InstanceUpdated { id, .. } => {
                assert_eq!(self.instance.map(|one| one.0), Some(id))
            }
            Event::TicketChanged { id, state, .. } => self.ticket = Some((id, state)),
            // Of what else there is no more to be told than that it changed.
            _ => {}
        }
    }
}

/// One step of the shell; whether the session goes on.
pub(super) fn step(session: &mut Session, step: &Step, now: Timestamp) -> bool {
    let gone = Gone(step.gone.iter().cloned().collect());
    assert_rests(session, now, &gone);
    let before = session.clone();
    let mut draft = before.draft();
    draft.settle(now, &gone);
    let settled = (
        draft.header().clone(),
        members_of(&draft),
        draft.work.events.clone(),
    );
    if draft.apply(&step.actor, &step.command, now).is_err() {
        let left = (
            draft.header().clone(),
            members_of(&draft),
            draft.work.events.clone(),
        );
        assert_eq!(left, settled, "a refusal leaves what settling did");
    }
    let view = members_of(&draft);
    let changes = draft.finish(now);
    session.commit(changes.clone());
    match &changes.header {
        None => {
            assert!(changes.members.is_empty() && changes.events.is_empty());
            assert_same(session, &before);
        }
        Some(header) => {
            assert_eq!(header.change_number, before.header.change_number + 1);
            let mut same_number = Header::clone(header);
            same_number.change_number = before.header.change_number;
            let differs = same_number != *before.header || !changes.members.is_empty();
            assert!(
                differs || changes.deleted,
                "a change number without a change"
            );
            let mut written = changes
                .members
                .iter()
                .filter_map(|(_, member)| member.as_ref());
            assert!(written.all(|member| member.version == header.change_number));
        }
    }
    let mut told = Told::of(&before);
    changes.events.iter().for_each(|event| told.hear(event));
    if changes.deleted {
        assert!(told.seats.is_empty());
        assert_eq!(session.members().count(), 0);
        assert!(changes.header.unwrap().open_instance().is_none());
        return false;
    }
    assert_eq!(
        members_of(&session.draft()),
        view,
        "the commit is what the draft showed"
    );
    assert_eq!(
        told,
        Told::of(session),
        "the events say all that happened to seats, leader, instance and ticket"
    );
    told::assert_told(&before, session, &changes.events);
    assert_eq!(changes.next_timer, session.next_timer());
    assert_eq!(changes.sweep_at, session.sweep_at());
    assert_in_order(session);
    assert_timer(session, now);
    assert_same(session, &through_the_store(session));
    true
}

fn members_of(draft: &Draft<'_>) -> Vec<Arc<Member>> {
    let unversioned = |member: &Arc<Member>| {
        let mut member = Member::clone(member);
        member.version = 0;
        Arc::new(member)
    };
    draft.members().map(unversioned).collect()
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn any_history_keeps_the_law(
        first in a_session(),
        steps in proptest::collection::vec(a_step(), 1..60),
    ) {
        let mut now = at(0);
        let mut session = first.clone();
        for one in &steps {
            now = Timestamp(now.0 + one.wait);
            if !step(&mut session, one, now) {
                (session, now) = (first.clone(), at(0));
            }
        }
    }
}
