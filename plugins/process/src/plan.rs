//! The decision of one fleet: which game servers to retire and how many to start. Pure.

use std::time::Duration;

use model::GameServerId;
use model::game_server::GameServerState;

/// What is known of one row of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub id: GameServerId,
    pub state: GameServerState,
    pub used: u16,
    pub fleet_revision: u64,
    /// How long it has been running under our eyes.
    pub age: Duration,
    /// Whether it is ours to end: on this node, and not ending already.
    pub ours: bool,
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The fleet is gone.
    Nothing,
    /// This many of this content, in at most `max` rows.
    Fleet {
        revision: u64,
        desired: u32,
        max: u32,
    },
}

/// Why a game server is retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// There are more than are wanted: only if it is idle at that moment.
    Surplus,
    /// Its fleet has other content now, or none.
    Outdated,
    /// It is draining already.
    Draining,
    /// It has not become ready in time.
    NeverReady,
}

impl Why {
    /// Whether it is to be taken out of service even while it is in use.
    pub fn drain(self) -> bool {
        self != Self::Surplus
    }

    /// For people.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Surplus => "retired: more were running than wanted",
            Self::Outdated => "retired: its fleet has changed",
            Self::Draining => "retired: it was draining",
            Self::NeverReady => "did not become ready in time",
        }
    }
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Plan {
    /// To be asked for leave, then ended.
    pub retire: Vec<(GameServerId, Why)>,
    /// How many to start.
    pub start: u32,
}

/// Decides. `in_flight` are being started and have no row yet; `allowed` bounds how many may be started now.
pub(crate) fn plan(
    rows: &[Row],
    wanted: Wanted,
    in_flight: u32,
    allowed: u32,
    start_timeout: Duration,
) -> Plan {
    let mut plan = Plan::default();
    let mut serving: Vec<&Row> = Vec::new();
    for row in rows {
        match fault(row, wanted, start_timeout) {
            Some(why) if row.ours => plan.retire.push((row.id, why)),
            Some(_) => {}
            None => serving.push(row),
        }
    }
    let Wanted::Fleet { desired, max, .. } = wanted else {
        return plan;
    };
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let running = count(serving.len()).saturating_add(in_flight);
    let room = max.saturating_sub(count(rows.len()).saturating_add(in_flight));
    plan.start = desired.saturating_sub(running).min(room).min(allowed);
    // Those that are not ready yet go first, then the youngest: the old ones have proved themselves.
    let surplus = usize::try_from(running.saturating_sub(desired)).unwrap_or(usize::MAX);
    let mut idle: Vec<&Row> = serving
        .into_iter()
        .filter(|row| row.ours && row.used == 0)
        .collect();
    idle.sort_by_key(|row| (row.state != GameServerState::Starting, row.age, row.id));
    let retired = idle.into_iter().take(surplus);
    plan.retire
        .extend(retired.map(|row| (row.id, Why::Surplus)));
    plan
}

/// Why a game server should not go on, whatever the numbers are.
fn fault(row: &Row, wanted: Wanted, start_timeout: Duration) -> Option<Why> {
    let current = match wanted {
        Wanted::Nothing => false,
        Wanted::Fleet { revision, .. } => row.fleet_revision == revision,
    };
    match row.state {
        GameServerState::Draining | GameServerState::Gone => Some(Why::Draining),
        GameServerState::Starting | GameServerState::Ready if !current => Some(Why::Outdated),
        GameServerState::Starting if row.age >= start_timeout => Some(Why::NeverReady),
        GameServerState::Starting | GameServerState::Ready => None,
    }
}

#[cfg(test)]
mod tests;
