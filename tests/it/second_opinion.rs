//! The server and a second, naive implementation of timers and seats agree over random histories (A.2).

use model::SessionId;
use model::wire::{
    JoinSession, MemberState, Reservation, Reserve, Session, UpdateMember, UpdateSession,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use sdk::{Client, Condition, Error, Who};
use tests::naive::{By, Naive, Refusal, Rules, Step};
use tests::world::{START, World, of, seat};
use tests::{player, run};

/// Steps in all, and over how many servers with a clock of their own.
const STEPS: usize = 100_000;
const WORLDS: usize = 2;
/// Everybody there is: more than any session has seats for.
const NAMES: [&str; 6] = ["ann", "bob", "cid", "dan", "eve", "fay"];

#[test]
fn r49_r50_the_server_and_a_naive_implementation_agree_for_100_000_random_steps() {
    let seed = tests::seed("MUSTER_SEED");
    std::thread::scope(|scope| {
        for world in 0..WORLDS {
            scope.spawn(move || {
                let random = StdRng::seed_from_u64(seed.wrapping_add(world as u64));
                run(agree(random, STEPS / WORLDS));
            });
        }
    });
}

async fn agree(mut random: StdRng, steps: usize) {
    let rules: Vec<Rules> = (0..24).map(|n| rules(&mut random, n)).collect();
    let yaml: Vec<String> = rules.iter().map(Rules::yaml).collect();
    let world = World::with(&yaml.join("---\n")).await;
    let clients = NAMES.map(|name| world.player(name));
    let backend = world.backend();
    let mut now = u64::try_from(START.0).expect("after 1970");
    let begun = now;
    let mut naive = Naive::world(rules[0].clone(), now);
    let mut id = None;
    let mut history: Vec<String> = Vec::new();
    for _ in 0..steps {
        let actor = random.random_range(0..NAMES.len());
        let goes_on = !naive.ended() && !random.random_ratio(1, 200);
        let Some(session) = id.filter(|_| goes_on) else {
            let rules = rules.choose(&mut random).expect("one").clone();
            let made = clients[actor].create_session(&of(&rules.name)).await;
            let made = made.expect("a session");
            naive = Naive::created(rules.clone(), NAMES[actor], now, &naive);
            history = vec![format!("{rules:?}\n{} creates it", NAMES[actor])];
            compare(&naive, &made, &history);
            id = Some(made.id);
            continue;
        };
        if random.random_ratio(1, 3) {
            now += passing(&mut random, naive.next_timer(), now);
            world.at(now - begun);
        }
        let by_backend = random.random_ratio(1, 8);
        let step = step(&mut random, by_backend);
        let (by, client) = match by_backend {
            true => (By::Backend, &backend),
            false => (By::Player(NAMES[actor]), &clients[actor]),
        };
        history.push(format!("{} ms: {by:?} {step:?}", now - begun));
        let expected = naive.step(by, &step, now);
        let seen = take(client, session, &step).await;
        judge(&naive, expected, seen, &history);
    }
    world.stop().await;
}

/// Time-outs at once, soon, late and never, and few seats.
fn rules(random: &mut StdRng, n: usize) -> Rules {
    let mut time = || match random.random_range(0..6) {
        0 => None,
        1 => Some(0),
        2 => Some(1),
        3 => Some(1_000),
        4 => Some(30_000),
        _ => Some(90_000),
    };
    Rules {
        name: format!("Type{n}"),
        reserved_removal: time(),
        ready_removal: time(),
        inactive_removal: time(),
        session_empty: time(),
        election_grace: time(),
        seats: random.random_range(1..=5),
        teams: 1,
        backfill: None,
        watched: random.random_ratio(1, 3),
        presence_window: *[1, 500, 20_000].choose(random).expect("one"),
    }
}

/// Often right before, at, or right after the next timer.
pub(crate) fn passing(random: &mut StdRng, next: Option<u64>, now: u64) -> u64 {
    let left = next.map_or(0, |at| at.saturating_sub(now));
    match random.random_range(0..8) {
        0 => 1,
        1 => random.random_range(0..2_000),
        2 => random.random_range(0..120_000),
        3 => left.saturating_sub(1),
        4 => left + 1,
        _ => left,
    }
}

fn step(random: &mut StdRng, by_backend: bool) -> Step {
    let name = |random: &mut StdRng| (*NAMES.choose(random).expect("one")).to_owned();
    let kinds = if by_backend { 6..11 } else { 0..11 };
    match random.random_range(kinds) {
        0..3 => {
            let states = [
                MemberState::Ready,
                MemberState::Active,
                MemberState::Inactive,
            ];
            Step::Join(*states.choose(random).expect("one"), 0)
        }
        3 | 4 => Step::Flags(random.random(), random.random()),
        5 => Step::Leave,
        6 | 7 => {
            let count = random.random_range(1..=2);
            Step::Reserve((0..count).map(|_| name(random)).collect(), 0)
        }
        8 => Step::Read,
        9 => match random.random_range(0..3) {
            0 => Step::Kick(name(random)),
            1 => Step::Promote(name(random)),
            _ => Step::Close(random.random_ratio(1, 3)),
        },
        _ => Step::Read,
    }
}

/// The same over HTTP; `None`: the session is over with it.
pub(crate) async fn take(
    client: &Client,
    id: SessionId,
    step: &Step,
) -> Result<Option<Session>, Error> {
    match step {
        Step::Read => client.session(id).await.map(Some),
        Step::Join(state, team) => {
            let body = JoinSession {
                ready: *state == MemberState::Ready,
                active: *state == MemberState::Active,
                team: Some(*team),
                ..JoinSession::default()
            };
            client.join(id, Who::Me, &body).await.map(Some)
        }
        Step::Flags(ready, active) => {
            let body = UpdateMember {
                ready: Some(*ready),
                active: Some(*active),
                ..UpdateMember::default()
            };
            client.update_member(id, Who::Me, &body).await.map(Some)
        }
        Step::Leave => client.leave(id, Who::Me).await,
        Step::Kick(name) => client.leave(id, Who::Player(&player(name))).await,
        Step::Promote(name) => client.promote(id, &player(name)).await.map(Some),
        Step::Reserve(names, team) => {
            let on_team = |name: &String| Reservation {
                team: Some(*team),
                ..seat(name)
            };
            let body = Reserve {
                initialize: false,
                players: names.iter().map(on_team).collect(),
            };
            client.reserve(id, &body).await.map(Some)
        }
        Step::Close(closed) => {
            let body = UpdateSession {
                closed: Some(*closed),
                ..UpdateSession::default()
            };
            let updated = client.update_session(id, &body, Condition::Always);
            updated.await.map(Some)
        }
        Step::Joinable(_) | Step::Ask(..) | Step::Acknowledge | Step::StopAsking => {
            unreachable!("these sessions have no host")
        }
    }
}

fn judge(
    naive: &Naive,
    expected: Result<(), Refusal>,
    seen: Result<Option<Session>, Error>,
    history: &[String],
) {
    match (expected, seen) {
        (Ok(()), Ok(Some(session))) if !naive.ended() => compare(naive, &session, history),
        (Ok(()), Ok(None)) if naive.ended() => {}
        (Err((status, problem)), Err(error))
            if (error.status(), error.problem_type()) == (Some(status), Some(problem)) => {}
        (expected, seen) => panic!(
            "expected {expected:?}, ended: {}\nthe server says {seen:?}\nafter\n{}",
            naive.ended(),
            history.join("\n")
        ),
    }
}

fn compare(naive: &Naive, session: &Session, history: &[String]) {
    if let Some(difference) = naive.differs(session) {
        panic!("{difference}\nafter\n{}", history.join("\n"));
    }
}
