//! The rows `settle`, `apply-join` and `apply-update`: what the law itself costs, by the size of the session.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use model::session::{
    Actor, AllPresent, Command, Constants, Draft, Join, JoinedState, NewSession, Session,
};
use model::session_type::{
    Creation, CustomDataLimits, Joinability, JoinabilityBy, SessionType, Size, TeamOverflow,
    Timeouts, Visibility,
};
use model::{PlayerId, SessionId, Timestamp};
use uuid::Uuid;

use super::figure::{Figure, Outcome};
use super::{Length, measure};

/// Members of the sessions, and the rows' names.
const SIZES: [(u32, [&str; 3]); 3] = [
    (8, ["settle.8", "apply-join.8", "apply-update.8"]),
    (100, ["settle.100", "apply-join.100", "apply-update.100"]),
    (
        10_000,
        ["settle.10000", "apply-join.10000", "apply-update.10000"],
    ),
];
/// Operations between two looks at the clock.
const ROUND: u64 = 200;
/// When everything happens: nothing is ever due.
const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Nanoseconds an operation; the baseline of each row is the same with 8 members, in the same run.
pub(super) fn run(length: Length) -> anyhow::Result<Vec<Outcome>> {
    let span = match length {
        Length::Full => Duration::from_secs(2),
        Length::Quick => Duration::from_millis(200),
    };
    let mut outcomes = Vec::new();
    let mut small: Option<[f64; 3]> = None;
    for (members, rows) in SIZES {
        let session = filled(members)?;
        let newcomer = player(members)?;
        let join = Command::Join(Join::new(newcomer.clone(), JoinedState::Active));
        let middle = player(members / 2)?;
        let update = Command::UpdateMember {
            player: middle.clone(),
            state: None,
            custom_data: None,
            custom: Some(serde_json::json!({ "weapon": "bow", "ready": 7 })),
        };
        let settle = measured(span, || {
            let draft = settled(&session);
            black_box(draft.finish(NOW));
        });
        let applied = |by: Actor, command: Command| -> anyhow::Result<(f64, u64)> {
            // Every measured one goes as this one does: nothing is committed.
            settled(&session).apply(&by, &command, NOW)?;
            Ok(measured(span, || {
                let mut draft = settled(&session);
                let _ = black_box(draft.apply(&by, &command, NOW));
                black_box(draft.finish(NOW));
            }))
        };
        let figures = [
            settle,
            applied(Actor::Player(newcomer), join)?,
            applied(Actor::Player(middle), update)?,
        ];
        let values = figures.map(|(nanos, _)| nanos);
        let baseline = *small.get_or_insert(values);
        for ((row, (value, n)), baseline) in rows.into_iter().zip(figures).zip(baseline) {
            outcomes.push(Outcome::Measured(Figure {
                row,
                unit: "ns",
                value,
                baseline,
                n,
            }));
        }
    }
    Ok(outcomes)
}

fn settled(session: &Session) -> Draft<'_> {
    let mut draft = session.draft();
    draft.settle(NOW, &AllPresent);
    draft
}

/// Nanoseconds an operation, and how many there were.
fn measured(span: Duration, mut operation: impl FnMut()) -> (f64, u64) {
    let started = measure::now();
    let mut done = 0;
    while started.elapsed() < span {
        for _ in 0..ROUND {
            operation();
        }
        done += ROUND;
    }
    (started.elapsed().as_nanos() as f64 / done as f64, done)
}

/// A session in which so many have joined and are active.
fn filled(members: u32) -> anyhow::Result<Session> {
    let constants = Constants {
        session_type: Arc::new(session_type(members)?),
        type_revision: 1,
        written: BTreeSet::new(),
    };
    let id = SessionId(Uuid::from_u128(1));
    let new = NewSession::new(id, Uuid::from_u128(2), Arc::new(constants), Actor::Server);
    let (mut session, _) = Session::create(new, NOW)?;
    for n in 0..members {
        let join = Command::Join(Join::new(player(n)?, JoinedState::Active));
        let mut draft = session.draft();
        draft.apply(&Actor::Server, &join, NOW)?;
        let changes = draft.finish(NOW);
        session.commit(changes);
    }
    Ok(session)
}

fn player(n: u32) -> anyhow::Result<PlayerId> {
    format!("player-{n}").parse().context("a player's id")
}

/// One that holds a newcomer more; the limit on sizes is YAML's, not the law's.
fn session_type(members: u32) -> anyhow::Result<SessionType> {
    Ok(SessionType {
        name: "Measured".parse().context("a name")?,
        revision: 1,
        custom_data: Default::default(),
        creation: Creation {
            by_players: true,
            by_servers: true,
            by_matchmaking: true,
        },
        can_join_matchmaking: false,
        large: false,
        size: Size {
            teams: None,
            players_per_team: 4,
            max_members: members + 1,
            can_change_own_team: true,
            spectators: 0,
            team_overflow: TeamOverflow::Fail,
        },
        visibility: Visibility::Open,
        joinability: Joinability::Public,
        read_restriction: Joinability::Public,
        invites: Default::default(),
        joinability_by: JoinabilityBy::Members,
        capabilities: Default::default(),
        timeouts: Timeouts {
            session_empty: None,
            ..Timeouts::default()
        },
        leader_election_grace: None,
        instance: None,
        formation: Default::default(),
        roles: Default::default(),
        ownership: None,
        player_visibility: Default::default(),
        version_policy: Default::default(),
        custom_data_limits: CustomDataLimits::default(),
        subscriptions: Default::default(),
        together: Default::default(),
        backfill: None,
    })
}
