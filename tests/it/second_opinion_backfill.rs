//! The server and the naive implementation agree over random histories of games that ask their queue for players (F13).

use std::collections::BTreeMap;

use model::instance::InstanceStatus;
use model::wire::{Assignment, MemberState, SetBackfill, WantedPlayers};
use model::{SessionId, Timestamp};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use sdk::{Client, Error};
use tests::naive::{BackfillRules, By, Naive, Refusal, Rules, Step, Waits};
use tests::queue::{session_of, ticket};
use tests::world::{START, World, create};
use tests::{Host, eventually, run};

use crate::second_opinion::{passing, take};

/// Steps in all, and over how many servers with a clock of their own.
const STEPS: usize = 4_000;
const WORLDS: usize = 2;
/// Everybody there is: as many as have seats, and those who wait.
const NAMES: [&str; 8] = ["ann", "bob", "cid", "dan", "eve", "fay", "gus", "hal"];
/// A game is given up then: its host's token does not last for ever.
const GAME_MAX_MS: u64 = 1_200_000;
/// Players of a match; with one less nobody who waits is matched.
const SEATS: usize = 4;

const FLEET: &str = "---\napiVersion: v1\nkind: Fleet\nname: arena\nprovider: process\nregions: [eu-west]\n\
                     capacity: { buffer: 1, max: 10000 }\nconfig: { command: [muster, arena], ports: 20000-29999 }\n\
                     ---\napiVersion: v1\nkind: SessionType\nname: Party\ncreation: { by_players: true }\n\
                     can_join_matchmaking: true\nsize: { teams: 1, players_per_team: 4 }\n\
                     timeouts: { inactive_removal: null }\n";

#[test]
fn f13_the_server_and_a_naive_implementation_agree_on_who_is_asked_for_and_let_in() {
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

/// Time-outs at once, soon, late and never.
fn rules(random: &mut StdRng, n: usize) -> Rules {
    let mut time = || match random.random_range(0..5) {
        0 => None,
        1 => Some(1),
        2 => Some(1_000),
        3 => Some(30_000),
        _ => Some(90_000),
    };
    Rules {
        name: format!("Type{n}"),
        reserved_removal: time(),
        ready_removal: time(),
        inactive_removal: time(),
        session_empty: time(),
        election_grace: time(),
        seats: SEATS,
        teams: 2,
        backfill: Some(BackfillRules {
            ack_timeout: *[1_000, 30_000, 60_000].choose(random).expect("one"),
            until_full: random.random_ratio(1, 3),
        }),
        watched: false,
        presence_window: 20_000,
    }
}

async fn agree(mut random: StdRng, steps: usize) {
    let rules: Vec<Rules> = (0..12).map(|n| rules(&mut random, n)).collect();
    let yaml: Vec<String> = rules.iter().map(Rules::queue_yaml).collect();
    let mut history = History::new(&format!("{}{FLEET}", yaml.join("---\n")), &rules[0]).await;
    for _ in 0..steps {
        let lasts = history.now - history.game_begun;
        if history.naive.ended() || lasts > GAME_MAX_MS || random.random_ratio(1, 150) {
            let rules = rules.choose(&mut random).expect("one").clone();
            history.begin(rules).await;
        }
        if random.random_ratio(1, 3) {
            let passing = passing(&mut random, history.naive.next_timer(), history.now);
            history.now += passing;
            history.world.at(history.now - history.begun);
            history.told.push(format!("{passing} ms pass"));
            history.agrees().await;
        }
        if !history.naive.ended() {
            history.step(&mut random).await;
        }
    }
    assert!(
        history.refills > steps / 100 && history.asked > steps / 30,
        "hardly anything was going on: {} refills, asked {} times",
        history.refills,
        history.asked
    );
    history.world.stop().await;
}

/// A server with one game at a time, and what the second opinion says of it.
struct History {
    world: World,
    clients: BTreeMap<&'static str, Client>,
    parties: BTreeMap<&'static str, SessionId>,
    begun: u64,
    game_begun: u64,
    now: u64,
    naive: Naive,
    /// The game, the host that plays it and what it was told.
    game: Option<(SessionId, Host, Assignment)>,
    waiting: Vec<Waits>,
    told: Vec<String>,
    refills: usize,
    asked: usize,
}

impl History {
    async fn new(yaml: &str, any: &Rules) -> History {
        let world = World::with(yaml).await;
        let now = u64::try_from(START.0).expect("after 1970");
        let (mut clients, mut parties) = (BTreeMap::new(), BTreeMap::new());
        for name in NAMES {
            let client = world.player(name);
            parties.insert(name, create(&client, "Party").await.id);
            clients.insert(name, client);
        }
        History {
            clients,
            parties,
            begun: now,
            game_begun: now,
            now,
            naive: Naive::world(any.clone(), now),
            game: None,
            waiting: Vec::new(),
            told: Vec::new(),
            refills: 0,
            asked: 0,
            world,
        }
    }

    /// Another game, of the first four.
    async fn begin(&mut self, rules: Rules) {
        let admin = self.world.admin();
        if let Some((id, ..)) = self.game.take() {
            // It may be over already.
            let _ = admin.delete_session(id).await;
        }
        for waits in std::mem::take(&mut self.waiting) {
            let cancelled = self
                .client(&waits.player)
                .cancel_ticket(self.party(&waits.player));
            let cancelled = cancelled.await;
            assert!(cancelled.is_ok(), "{cancelled:?} after\n{}", self.so_far());
        }
        let mut host = Host::start(&self.world.server, "arena", "eu-west").await;
        let mut made = Vec::new();
        let body = ticket(&rules.queue());
        for name in &NAMES[..SEATS] {
            let queued = self.client(name).create_ticket(self.party(name), &body);
            made.push(queued.await.expect("a ticket"));
        }
        let id = session_of(&admin, made[0].id).await;
        let assignment = host.open(id).await;
        let seen = admin.session(id).await.expect("the game");
        self.game_begun = self.now;
        self.told = vec![format!("{rules:?}")];
        self.naive = Naive::matched(rules, &seen, &self.naive);
        self.game = Some((id, host, assignment));
        self.agrees().await;
    }

    fn client(&self, name: &str) -> &Client {
        &self.clients[name]
    }

    fn party(&self, name: &str) -> SessionId {
        self.parties[name]
    }

    fn waits(&self, name: &str) -> bool {
        self.waiting.iter().any(|waits| waits.player == name)
    }

    async fn step(&mut self, random: &mut StdRng) {
        let name = *NAMES.choose(random).expect("one");
        // Who waits does not come in by another door, and who is in does not queue.
        if random.random_ratio(1, 4) {
            self.queues_or_cancels(name).await;
        } else {
            let (by, step) = self.draw(random, name);
            let who = match by {
                By::Backend => "a server".to_owned(),
                By::Player(name) => name.to_owned(),
            };
            self.told.push(format!("{who}: {step:?}"));
            let expected = self.naive.step(by, &step, self.now);
            let seen = self.take(by, &step).await;
            self.asked += usize::from(matches!(step, Step::Ask(..)) && expected.is_ok());
            self.judge(expected, seen);
        }
        self.agrees().await;
    }

    async fn queues_or_cancels(&mut self, name: &'static str) {
        if self.waits(name) {
            self.told.push(format!("{name} waits no longer"));
            let cancelled = self.client(name).cancel_ticket(self.party(name)).await;
            cancelled.expect("it waits");
            self.waiting.retain(|waits| waits.player != name);
        } else if self.naive.team_of(name).is_none() && self.waiting.len() + 1 < SEATS {
            self.told.push(format!("{name} queues"));
            let body = ticket(&self.naive.rules().queue());
            let made = self.client(name).create_ticket(self.party(name), &body);
            made.await.expect("a ticket");
            self.waiting.push(Waits {
                player: name.to_owned(),
                since: self.now,
            });
        }
    }

    fn draw(&self, random: &mut StdRng, name: &'static str) -> (By<'static>, Step) {
        let states = [
            MemberState::Ready,
            MemberState::Active,
            MemberState::Inactive,
        ];
        let state = *states.choose(random).expect("one");
        let team = self.naive.team_of(name);
        let any_team = team.unwrap_or_else(|| random.random_range(0..2));
        let has_seat = team.is_some();
        let player = By::Player(name);
        match random.random_range(0..20) {
            0..4 if !self.waits(name) => (player, Step::Join(state, any_team)),
            4 => (player, Step::Flags(random.random(), random.random())),
            5 | 6 if has_seat => (player, Step::Leave),
            7 if !self.waits(name) => {
                let reserve = Step::Reserve(vec![name.to_owned()], any_team);
                (By::Backend, reserve)
            }
            8 => (By::Backend, Step::Kick(name.to_owned())),
            9 => (By::Backend, Step::Close(random.random_ratio(1, 4))),
            10 => (By::Backend, Step::Joinable(random.random_ratio(3, 4))),
            11 | 12 => (By::Backend, Step::Acknowledge),
            13 => (By::Backend, Step::StopAsking),
            _ => {
                let wanted = (0..2).map(|_| *[0, 1, 1, 2].choose(random).expect("one"));
                let mut wanted: Vec<u16> = wanted.collect();
                // Who asks for nobody where that ends it asks no longer, and is told so.
                let ends = self.naive.rules().backfill.as_ref();
                if ends.is_some_and(|rules| rules.until_full) && wanted.iter().sum::<u16>() == 0 {
                    wanted[0] = 1;
                }
                let before = self.now + random.random_range(0..3) * 500;
                let before = random.random_ratio(1, 4).then_some(before);
                (By::Backend, Step::Ask(wanted, before))
            }
        }
    }

    /// The same over HTTP.
    async fn take(&self, by: By<'_>, step: &Step) -> Result<(), Error> {
        let (id, host, assignment) = self.game.as_ref().expect("a game");
        let backend = self.world.backend();
        match step {
            Step::Joinable(joinable) => {
                let status = match joinable {
                    true => InstanceStatus::Joinable,
                    false => InstanceStatus::Unjoinable,
                };
                let said = host.says(*id, assignment.allocation_id, status);
                said.await.map(drop)
            }
            Step::Ask(wanted, before) => {
                let teams = (0_u8..).zip(wanted);
                let body = SetBackfill {
                    teams: teams
                        .map(|(team, &players_required)| WantedPlayers {
                            team,
                            players_required,
                        })
                        .collect(),
                    created_before: before.map(|at| {
                        let at = i64::try_from(at).expect("a time");
                        Timestamp(at).into()
                    }),
                };
                host.client.set_backfill(*id, &body).await.map(drop)
            }
            Step::Acknowledge => {
                let heard = host.client.acknowledge_backfill(*id).await;
                heard.map(drop)
            }
            Step::StopAsking => backend.remove_backfill(*id).await,
            _ => {
                let client = match by {
                    By::Backend => &backend,
                    By::Player(name) => self.client(name),
                };
                take(client, *id, step).await.map(drop)
            }
        }
    }

    fn judge(&self, expected: Result<(), Refusal>, seen: Result<(), Error>) {
        let same = match (&expected, &seen) {
            (Ok(()), Ok(())) => true,
            (Err((status, problem)), Err(error)) => {
                (error.status(), error.problem_type()) == (Some(*status), Some(*problem))
            }
            _ => false,
        };
        assert!(
            same,
            "expected {expected:?}\nthe server says {seen:?}\nafter\n{}",
            self.so_far()
        );
    }

    fn so_far(&self) -> String {
        self.told.join("\n")
    }

    /// Both have the same session, once everybody is in who is to be.
    async fn agrees(&mut self) {
        let Some(id) = self.game.as_ref().map(|(id, ..)| *id) else {
            return;
        };
        let admin = self.world.admin();
        let what = format!(
            "the refill that is due after\n{}\n{:?}\n{:?}",
            self.so_far(),
            self.naive,
            self.waiting
        );
        let seen = eventually(&what, async || {
            // Reading settles it.
            let read = self.naive.step(By::Backend, &Step::Read, self.now);
            let seen = admin.session(id).await;
            match (read, seen) {
                (Err(_), Err(error)) if error.status() == Some(404) => Some(None),
                (Ok(()), Ok(seen)) => {
                    while let Some((player, team)) = self.naive.new_in(&seen) {
                        self.lets_in(&player, team);
                    }
                    let complete = self.naive.next_in(&self.waiting).is_none();
                    complete.then_some(Some(seen))
                }
                (read, seen) => {
                    panic!(
                        "read: {read:?}\nthe server: {seen:?}\nafter\n{}",
                        self.so_far()
                    )
                }
            }
        })
        .await;
        let Some(seen) = seen else { return };
        let asks = admin.backfill(id).await.ok();
        let differs = self.naive.differs(&seen);
        let otherwise = self.naive.asks_otherwise(asks.as_ref());
        if let Some(difference) = differs.or(otherwise) {
            panic!("{difference}\nafter\n{}", self.so_far());
        }
    }

    fn lets_in(&mut self, player: &str, team: u8) {
        let next = self.naive.next_in(&self.waiting);
        let right = next
            .as_ref()
            .is_some_and(|(waits, teams)| waits.player == player && teams.contains(&team));
        let so_far = self.so_far();
        assert!(
            right,
            "{player} comes on team {team}, not {next:?}, after\n{so_far}"
        );
        self.told.push(format!("{player} comes on team {team}"));
        self.naive.refill(player, team, self.now);
        self.waiting.retain(|waits| waits.player != player);
        self.refills += 1;
    }
}
