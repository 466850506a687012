//! Tests of the decision of one fleet: laws over all inputs, and one example of each rule.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const TIMEOUT: Duration = Duration::from_secs(60);

fn row(number: u128, state: GameServerState, used: u16) -> Row {
    Row {
        id: GameServerId(uuid::Uuid::from_u128(number)),
        state,
        used,
        fleet_revision: 1,
        age: Duration::from_secs(10),
        ours: true,
    }
}

fn wanted(desired: u32, max: u32) -> Wanted {
    Wanted::Fleet {
        revision: 1,
        desired,
        max,
    }
}

fn retired(plan: &Plan) -> Vec<(u128, Why)> {
    plan.retire
        .iter()
        .map(|(id, why)| (id.0.as_u128(), *why))
        .collect()
}

#[test]
fn starts_what_is_missing_within_max_and_what_is_allowed() {
    let rows = [row(1, GameServerState::Ready, 0)];
    let start = |desired, max, in_flight, allowed| {
        plan(&rows, wanted(desired, max), in_flight, allowed, TIMEOUT).start
    };
    assert_eq!(start(5, 10, 0, u32::MAX), 4);
    assert_eq!(start(5, 10, 3, u32::MAX), 1, "three are on their way");
    assert_eq!(start(5, 3, 0, u32::MAX), 2, "max");
    assert_eq!(start(5, 10, 0, 1), 1, "one at a time after a failure");
    assert_eq!(start(1, 10, 0, u32::MAX), 0);
}

#[test]
fn what_drains_takes_room_but_does_not_serve() {
    let rows = [
        row(1, GameServerState::Draining, 1),
        row(2, GameServerState::Ready, 0),
    ];
    let plan = plan(&rows, wanted(2, 2), 0, u32::MAX, TIMEOUT);
    assert_eq!(retired(&plan), [(1, Why::Draining)]);
    assert_eq!(plan.start, 0, "there is no room until it is gone");
}

#[test]
fn surplus_is_idle_and_the_unproven_go_first_then_the_youngest() {
    let young = Row {
        age: Duration::from_secs(1),
        ..row(3, GameServerState::Ready, 0)
    };
    let rows = [
        row(1, GameServerState::Ready, 1),
        row(2, GameServerState::Ready, 0),
        young,
        row(4, GameServerState::Starting, 0),
    ];
    let plan = |desired| retired(&plan(&rows, wanted(desired, 9), 0, u32::MAX, TIMEOUT));
    assert_eq!(plan(3), [(4, Why::Surplus)]);
    assert_eq!(plan(2), [(4, Why::Surplus), (3, Why::Surplus)]);
    assert_eq!(plan(0).len(), 3, "the one in use stays");
}

#[test]
fn other_content_and_late_starts_are_replaced() {
    let outdated = Row {
        fleet_revision: 0,
        ..row(1, GameServerState::Ready, 1)
    };
    let late = Row {
        age: TIMEOUT,
        ..row(2, GameServerState::Starting, 0)
    };
    let plan = plan(&[outdated, late], wanted(2, 9), 0, u32::MAX, TIMEOUT);
    assert_eq!(retired(&plan), [(1, Why::Outdated), (2, Why::NeverReady)]);
    assert_eq!(plan.start, 2);
}

#[test]
fn rows_of_others_count_and_are_left_alone() {
    let theirs = Row {
        ours: false,
        fleet_revision: 0,
        ..row(1, GameServerState::Ready, 0)
    };
    let serving = Row {
        ours: false,
        ..row(2, GameServerState::Ready, 0)
    };
    let plan = plan(&[theirs, serving], wanted(2, 3), 0, u32::MAX, TIMEOUT);
    assert_eq!(retired(&plan), []);
    assert_eq!(plan.start, 1);
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let state = prop_oneof![
        Just(GameServerState::Starting),
        Just(GameServerState::Ready),
        Just(GameServerState::Draining),
    ];
    let one = (state, 0_u16..3, 0_u64..2, 0_u64..120, any::<bool>());
    prop::collection::vec(one, 0..12).prop_map(|rows| {
        let rows = rows.into_iter().enumerate();
        rows.map(|(index, (state, used, fleet_revision, age, ours))| Row {
            fleet_revision,
            age: Duration::from_secs(age),
            ours,
            ..row(index as u128, state, used)
        })
        .collect()
    })
}

proptest! {
    #[test]
    fn a_plan_keeps_its_bounds(
        rows in rows(),
        desired in 0_u32..16,
        max in 0_u32..16,
        in_flight in 0_u32..4,
        allowed in 0_u32..8,
    ) {
        let decided = plan(&rows, wanted(desired, max), in_flight, allowed, TIMEOUT);
        let total = u32::try_from(rows.len()).expect("few") + in_flight;
        prop_assert!(decided.start == 0 || total + decided.start <= max);
        prop_assert!(decided.start <= allowed);
        let retired: BTreeSet<_> = decided.retire.iter().map(|(id, _)| *id).collect();
        prop_assert_eq!(retired.len(), decided.retire.len(), "each once");
        for (id, why) in &decided.retire {
            let row = rows.iter().find(|row| row.id == *id).expect("of a row");
            prop_assert!(row.ours);
            prop_assert!(*why != Why::Surplus || row.used == 0);
        }
        let surplus = decided.retire.iter().any(|(_, why)| *why == Why::Surplus);
        prop_assert!(!(surplus && decided.start > 0), "never both too many and too few");
    }

    #[test]
    fn when_the_plan_is_done_there_is_nothing_to_do(rows in rows(), desired in 0_u32..16) {
        let decided = plan(&rows, wanted(desired, 64), 0, u32::MAX, TIMEOUT);
        let gone: BTreeSet<_> = decided.retire.iter().map(|(id, _)| *id).collect();
        let mut after: Vec<Row> = rows.into_iter().filter(|row| !gone.contains(&row.id)).collect();
        let started = (0..decided.start).map(|number| Row {
            age: Duration::ZERO,
            ..row(1_000 + u128::from(number), GameServerState::Ready, 0)
        });
        after.extend(started);
        let again = plan(&after, wanted(desired, 64), 0, u32::MAX, TIMEOUT);
        prop_assert_eq!(again, Plan::default());
    }
}
