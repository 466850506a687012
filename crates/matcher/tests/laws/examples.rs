//! The worked examples under `sessiontypes/examples`: who of these players meets, who does not, and which rule says so.

use std::collections::BTreeMap;
use std::path::Path;

use matcher::{Figures, Match, MatchTeam, check_match, prepare, validate};
use model::config::{self, ProviderSchema};
use model::queue::Queue;
use model::ticket::Value;
use model::{Ticket, Timestamp};

use crate::rules::ids;
use crate::world::{TicketExt, World, name, texts, ticket};

/// The queue of an example, read as `muster serve` would.
fn example(folder: &str) -> Queue {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sessiontypes/examples");
    let folder = config::read_dir(&path.join(folder)).expect("the example can be read");
    let process = ProviderSchema {
        provider: "process",
        schema: serde_json::json!({}),
        lint: |_| Vec::new(),
    };
    let config = folder
        .check(&[process])
        .config
        .expect("a set without errors");
    let queue = config.queues.into_values().next().expect("a queue");
    std::sync::Arc::unwrap_or_clone(queue)
}

fn number(x: f64) -> Value {
    Value::Number(x)
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// A ticket as the door lets it in: `of` says what each of its players brings.
fn party(queue: &Queue, id: u64, at: i64, of: &[&[(&str, Value)]]) -> Ticket {
    let mut ticket = ticket(id, at, &vec![0.0; of.len()]);
    ticket.queue = queue.name.clone();
    for (player, brings) in ticket.players.iter_mut().zip(of) {
        player.attributes.clear();
        for (attribute, value) in *brings {
            player.attributes.insert(name(attribute), value.clone());
        }
    }
    prepare(queue, &mut ticket);
    validate(queue, &ticket).expect("a ticket that may queue");
    ticket
}

fn solo(queue: &Queue, id: u64, brings: &[(&str, Value)]) -> Ticket {
    party(queue, id, 0, &[brings])
}

/// Why these teams are no match at this time.
fn why_not(queue: &Queue, now: i64, teams: &[&[&Ticket]]) -> String {
    let all: Vec<&Ticket> = teams.iter().flat_map(|team| team.iter().copied()).collect();
    let regions = queue.regions.allow.as_ref();
    let named = queue
        .teams
        .iter()
        .zip(teams)
        .map(|(team, tickets)| MatchTeam {
            name: team.name.clone(),
            tickets: tickets.iter().map(|ticket| ticket.id).collect(),
            roles: BTreeMap::new(),
        });
    let seated = Match {
        handle: 1,
        queue: queue.name.clone(),
        region: regions.and_then(|regions| regions.first().cloned()),
        teams: named.collect(),
        figures: Figures::default(),
    };
    let said = check_match(queue, &all, Timestamp(now), &seated);
    said.expect_err("no match")
}

/// All that the world makes of these tickets, one after the other.
fn add_all(world: &mut World, tickets: impl IntoIterator<Item = Ticket>) -> Vec<Match> {
    let each = tickets.into_iter().flat_map(|ticket| world.add(ticket));
    each.collect()
}

/// The tickets of each team, by number.
fn teams(found: &Match) -> Vec<Vec<u128>> {
    let of = |team: &MatchTeam| {
        let mut ids: Vec<u128> = team.tickets.iter().map(|id| id.0.as_u128()).collect();
        ids.sort_unstable();
        ids
    };
    let mut teams: Vec<Vec<u128>> = found.teams.iter().map(of).collect();
    teams.sort();
    teams
}

#[test]
fn two_even_teams_share_out_the_strong_and_leave_the_far_one_waiting() {
    let queue = example("01-two-even-teams");
    let skills = [1500.0, 1600.0, 1510.0, 1590.0, 1520.0, 1580.0, 1530.0];
    let mut tickets: Vec<Ticket> = (1..)
        .zip(skills)
        .map(|(id, skill)| solo(&queue, id, &[("skill", number(skill))]))
        .collect();
    let far = solo(&queue, 8, &[("skill", number(1900.0))]);
    let last = solo(&queue, 9, &[("skill", number(1570.0))]);
    let mut world = World::new(queue.clone());
    tickets.push(far.clone());
    assert!(
        add_all(&mut world, tickets.clone()).is_empty(),
        "seven, and one too far away"
    );
    let found = add_all(&mut world, [last]).remove(0);
    assert_eq!(ids(&found), [1, 2, 3, 4, 5, 6, 7, 9]);
    assert!(found.figures.balance_gap <= 5.0, "{:?}", found.figures);
    assert!(world.matcher.is_waiting(far.id));
    let [a, b, c, d, e, f, g, ..] = &tickets[..] else {
        unreachable!()
    };
    let why = why_not(&queue, 0, &[&[a, b, c, d], &[e, f, g, &far]]);
    assert_eq!(why, "rule skill-gap is broken");
    let others = [
        1500.0, 1500.0, 1510.0, 1590.0, 1600.0, 1600.0, 1600.0, 1600.0,
    ];
    let weak: Vec<Ticket> = (11..)
        .zip(others)
        .map(|(id, skill)| solo(&queue, id, &[("skill", number(skill))]))
        .collect();
    let (one, other) = weak.split_at(4);
    let (one, other): (Vec<&Ticket>, Vec<&Ticket>) = (one.iter().collect(), other.iter().collect());
    assert_eq!(
        why_not(&queue, 0, &[&one, &other]),
        "rule fair-teams is broken"
    );
    // After half a minute both sides accept anybody, but the teams must still be even.
    world.exhaustive = false;
    world.advance(30_000);
    let later: Vec<Ticket> = (21..)
        .zip([1890.0, 1500.0, 1880.0, 1510.0, 1870.0, 1520.0, 1530.0])
        .map(|(id, skill)| party(&queue, id, 0, &[&[("skill", number(skill))]]))
        .collect();
    let found = add_all(&mut world, later).remove(0);
    assert!(ids(&found).contains(&8));
    assert!(found.figures.balance_gap <= 100.0);
}

#[test]
fn hunters_meet_a_monster_that_is_worthy_of_them() {
    let queue = example("02-hunters-against-one-monster");
    let hunter = |id, skill| {
        solo(
            &queue,
            id,
            &[("side", texts(&["hunter"])), ("skill", number(skill))],
        )
    };
    let monster = |id, skill| {
        solo(
            &queue,
            id,
            &[("side", texts(&["monster"])), ("skill", number(skill))],
        )
    };
    let friends = party(
        &queue,
        1,
        0,
        &[&[("skill", number(1000.0))], &[("skill", number(1100.0))]],
    );
    let (weak, strong) = (monster(4, 1100.0), monster(5, 1300.0));
    let hunters = [friends, hunter(2, 1050.0), hunter(3, 950.0)];
    let mut world = World::new(queue.clone());
    assert!(add_all(&mut world, hunters.clone()).is_empty());
    assert!(add_all(&mut world, [weak.clone()]).is_empty());
    let [a, b, c] = &hunters;
    assert_eq!(
        why_not(&queue, 0, &[&[a, b, c], &[&weak]]),
        "rule worthy-monster is broken"
    );
    assert_eq!(
        why_not(&queue, 0, &[&[a, &strong], &[b]]),
        "team hunters has 3 players"
    );
    let d = hunter(6, 1300.0);
    assert_eq!(
        why_not(&queue, 0, &[&[a, b, c], &[&d]]),
        "team monster lacks a role"
    );
    let found = add_all(&mut world, [strong]).remove(0);
    assert_eq!(teams(&found), [vec![1, 2, 3], vec![5]]);
    assert!(world.matcher.is_waiting(weak.id));
    // The weak one waits a minute, then four who have waited as long take him.
    world.advance(60_000);
    let found = add_all(&mut world, (7..=10).map(|id| hunter(id, 1000.0))).remove(0);
    assert_eq!(teams(&found), [vec![4], vec![7, 8, 9, 10]]);
}

#[test]
fn each_team_gets_its_medic_and_nobody_plays_far_away() {
    let queue = example("03-team-requirement-and-latency");
    let of = |id, class: &str, pings: &[(&str, u32)]| {
        let mut ticket = ticket(id, 0, &[0.0])
            .with("class", text(class))
            .pings(pings);
        ticket.queue = queue.name.clone();
        prepare(&queue, &mut ticket);
        validate(&queue, &ticket).expect("a ticket that may queue");
        ticket
    };
    let near = [("eu-west", 20), ("us-east", 110)];
    let riflemen: Vec<Ticket> = (1..=7).map(|id| of(id, "rifleman", &near)).collect();
    let mut world = World::new(queue.clone());
    world.exhaustive = false;
    assert!(add_all(&mut world, riflemen.clone()).is_empty());
    assert!(
        add_all(&mut world, [of(8, "medic", &near)]).is_empty(),
        "one medic for two teams"
    );
    let american = of(9, "medic", &[("us-east", 20), ("eu-west", 110)]);
    assert!(
        add_all(&mut world, [american.clone()]).is_empty(),
        "too far away"
    );
    let found = add_all(&mut world, [of(10, "medic", &near)]).remove(0);
    let region = found.region.clone().expect("a region");
    assert_eq!((found.figures.players, region.as_str()), (9, "eu-west"));
    assert!(world.matcher.is_waiting(american.id));
    let all: Vec<&Ticket> = riflemen.iter().collect();
    let why = why_not(
        &queue,
        0,
        &[&all[..4], &[all[4], all[5], all[6], &american]],
    );
    assert_eq!(why, "regions.max_latency: player p9-0 has 110 ms");
    let unmeasured = ticket(12, 0, &[0.0]).with("class", text("medic"));
    let said = validate(&queue, &unmeasured)
        .expect_err("a refusal")
        .to_string();
    assert!(
        said.starts_with("regions.max_latency: player p12-0 has measured no region"),
        "{said}"
    );
    let medic = of(11, "medic", &near);
    let why = why_not(&queue, 0, &[&all[..4], &[all[4], all[5], all[6], &medic]]);
    assert_eq!(why, "rule medics is broken");
}

#[test]
fn the_highest_levels_go_first_and_the_oldest_with_them() {
    let queue = example("04-explicit-sort");
    let of = |id, level: f64, licence: &str| {
        let brings = [("level", number(level)), ("licence", text(licence))];
        party(&queue, id, id as i64, &[&brings])
    };
    let levels = [3.0, 40.0, 7.0, 90.0, 12.0, 61.0, 8.0];
    let crew: Vec<Ticket> = (1..)
        .zip(levels)
        .map(|(id, level)| of(id, level, "none"))
        .collect();
    let mut world = World::new(queue.clone());
    world.now = 100;
    assert!(
        add_all(&mut world, crew.clone()).is_empty(),
        "no captain, no raid"
    );
    let all: Vec<&Ticket> = crew.iter().collect();
    assert_eq!(
        why_not(&queue, 100, &[&all[..5]]),
        "rule a-captain is broken"
    );
    let (captain, other) = (of(8, 5.0, "captain"), of(9, 5.0, "captain"));
    let both = [&all[..3], &[&captain, &other]].concat();
    assert_eq!(why_not(&queue, 100, &[&both]), "rule a-captain is broken");
    let found = add_all(&mut world, [captain]).remove(0);
    assert_eq!(
        ids(&found),
        [1, 2, 4, 6, 8],
        "the oldest, then levels 90, 61 and 40"
    );
    // What is left is four with the next captain, and a novice makes five.
    assert!(add_all(&mut world, [other]).is_empty());
    let found = add_all(&mut world, [of(10, 1.0, "none")]).remove(0);
    assert_eq!(ids(&found), [3, 5, 7, 9, 10]);
}

#[test]
fn players_meet_on_what_they_all_like() {
    let queue = example("05-intersection-of-attributes");
    let of = |id, maps: &[&str], modes: &[&str], language: &str| {
        let brings = [
            ("maps", texts(maps)),
            ("modes", texts(modes)),
            ("languages", texts(&[language])),
        ];
        solo(&queue, id, &brings)
    };
    let both = ["ctf", "tdm"];
    let a = of(1, &["harbour", "city"], &both, "en");
    let b = of(2, &["harbour", "canyon"], &both, "de");
    let c = of(3, &["harbour"], &["ctf", "tdm", "koth"], "en");
    let elsewhere = of(4, &["canyon"], &both, "de");
    let picky = of(5, &["harbour"], &["ctf"], "de");
    let french = of(6, &["harbour"], &both, "fr");
    let mut world = World::new(queue.clone());
    let first = [&a, &b, &c, &elsewhere, &picky, &french].map(Ticket::clone);
    assert!(add_all(&mut world, first).is_empty());
    assert_eq!(
        why_not(&queue, 0, &[&[&a, &c], &[&b, &elsewhere]]),
        "rule a-map is broken"
    );
    assert_eq!(
        why_not(&queue, 0, &[&[&a, &c], &[&b, &picky]]),
        "rule two-modes is broken"
    );
    assert_eq!(
        why_not(&queue, 0, &[&[&a, &c], &[&b, &french]]),
        "rule a-language is broken"
    );
    let found = add_all(&mut world, [of(7, &["city", "harbour"], &both, "de")]).remove(0);
    assert_eq!(
        teams(&found),
        [[1, 3], [2, 7]],
        "each team with its language"
    );
    for ticket in [elsewhere, picky, french] {
        assert!(world.matcher.is_waiting(ticket.id));
    }
}

#[test]
fn all_players_are_compared_also_those_of_one_party() {
    let queue = example("06-comparison-across-players");
    let brings = |mode: &str, level: f64, character: &str| {
        [
            ("mode", text(mode)),
            ("level", number(level)),
            ("character", text(character)),
        ]
    };
    let of =
        |id, mode: &str, level, character: &str| solo(&queue, id, &brings(mode, level, character));
    let pair = party(
        &queue,
        1,
        0,
        &[&brings("tdm", 10.0, "mage"), &brings("tdm", 20.0, "rogue")],
    );
    let mut apart = pair.clone();
    apart.players[1]
        .attributes
        .insert(name("level"), number(90.0));
    let said = validate(&queue, &apart).expect_err("a refusal").to_string();
    assert_eq!(
        said,
        "rule close-levels: its players differ by 80 in level, 30 may be, whoever joins the party"
    );
    apart.players[1].attributes.remove(&name("level"));
    let said = validate(&queue, &apart).expect_err("a refusal").to_string();
    assert!(
        said.starts_with("attribute level: player p1-1 has none"),
        "{said}"
    );
    let (b, c) = (of(2, "tdm", 8.0, "knight"), of(3, "tdm", 12.0, "mage"));
    let (d, e) = (of(4, "tdm", 22.0, "rogue"), of(5, "ctf", 15.0, "knight"));
    let high = of(6, "tdm", 26.0, "knight");
    let again = of(7, "tdm", 15.0, "mage");
    let mut world = World::new(queue.clone());
    // The pools of the two modes are one to the helper that knows another attribute's.
    world.exhaustive = false;
    assert!(
        add_all(
            &mut world,
            [&pair, &b, &c, &d, &e, &high, &again].map(Ticket::clone)
        )
        .is_empty()
    );
    assert_eq!(
        why_not(&queue, 0, &[&[&pair, &b], &[&c, &d, &e]]),
        "rule same-mode is broken"
    );
    assert_eq!(
        why_not(&queue, 0, &[&[&pair, &b], &[&c, &d, &high]]),
        "rule close-levels is broken"
    );
    assert_eq!(
        why_not(&queue, 0, &[&[&pair, &b], &[&c, &d, &again]]),
        "rule own-character is broken"
    );
    let found = add_all(&mut world, [of(8, "tdm", 16.0, "knight")]).remove(0);
    assert_eq!(ids(&found), [1, 2, 3, 4, 8]);
    let low = ["mage", "rogue", "knight", "mage", "rogue", "knight"];
    let low: Vec<Ticket> = (11..)
        .zip(low)
        .map(|(id, character)| of(id, "tdm", 3.0, character))
        .collect();
    let low: Vec<&Ticket> = low.iter().collect();
    assert_eq!(
        why_not(&queue, 0, &[&low[..3], &low[3..]]),
        "rule someone-leads is broken"
    );
}

#[test]
fn a_hundred_play_at_once_and_after_a_while_fewer() {
    let queue = example("07-match-of-100");
    let of = |id, players: usize| {
        let each: Vec<&[(&str, Value)]> = vec![&[]; players];
        let mut ticket = ticket(id, 0, &vec![0.0; each.len()]).pings(&[("eu-west", 30)]);
        ticket.queue = queue.name.clone();
        prepare(&queue, &mut ticket);
        validate(&queue, &ticket).expect("a ticket that may queue");
        ticket
    };
    let mut world = World::new(queue.clone());
    world.exhaustive = false;
    assert!(add_all(&mut world, (1..=24).map(|id| of(id, 4))).is_empty());
    assert!(add_all(&mut world, [of(25, 3)]).is_empty(), "99 players");
    let found = add_all(&mut world, [of(26, 1)]).remove(0);
    assert_eq!(found.figures.players, 100);
    world.advance(1_000);
    assert!(
        add_all(&mut world, (31..=50).map(|id| of(id, 4))).is_empty(),
        "80 players"
    );
    let all: Vec<Ticket> = (51..=75).map(|id| of(id, 4)).collect();
    let all: Vec<&Ticket> = all.iter().collect();
    assert_eq!(
        why_not(&queue, 0, &[&all[..20]]),
        "team everybody has 80 players"
    );
    assert!(
        world.advance(29_000).len() == 1,
        "they have waited for half a minute by now"
    );
    assert!(add_all(&mut world, (81..=99).map(|id| of(id, 4))).is_empty());
    assert!(world.advance(29_999).is_empty(), "76 players");
    assert_eq!(world.advance(1)[0].figures.players, 76, "60 would do");
}

#[test]
fn four_armies_of_whole_parties_are_equally_strong() {
    let queue = example("08-large-match-of-several-teams");
    let of = |id: u64, players: usize| {
        let skill = |n: usize| {
            [(
                "skill",
                number(1000.0 + ((id * 7 + n as u64 * 3) % 11) as f64 * 100.0),
            )]
        };
        let brings: Vec<[(&str, Value); 1]> = (0..players).map(skill).collect();
        let brings: Vec<&[(&str, Value)]> = brings.iter().map(|b| &b[..]).collect();
        party(&queue, id, 0, &brings)
    };
    let mut world = World::new(queue.clone());
    world.exhaustive = false;
    let parties = [5, 5, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1];
    let mut matches = add_all(
        &mut world,
        (1..).zip(parties).map(|(id, players)| of(id, players)),
    );
    assert!(matches.is_empty(), "39 players");
    matches.extend(add_all(&mut world, [of(17, 1)]));
    let found = matches.remove(0);
    assert_eq!((found.figures.players, found.teams.len()), (40, 4));
    assert!(found.figures.balance_gap <= 100.0, "{:?}", found.figures);
    // Ten of the strongest against thirty of the weakest.
    let of = |id, skill: f64| party(&queue, id, 0, &[&[("skill", number(skill))][..]; 5]);
    let strong = [of(21, 2000.0), of(22, 2000.0)];
    let weak: Vec<Ticket> = (23..=28).map(|id| of(id, 1000.0)).collect();
    let (strong, weak): (Vec<&Ticket>, Vec<&Ticket>) =
        (strong.iter().collect(), weak.iter().collect());
    let why = why_not(&queue, 0, &[&strong, &weak[..2], &weak[2..4], &weak[4..]]);
    assert_eq!(why, "rule equal-armies is broken");
    let all = strong.into_iter().chain(weak).cloned();
    assert!(
        add_all(&mut world, all).is_empty(),
        "two parties of the strongest stand on two sides at best"
    );
}

#[test]
fn forty_similar_players_meet_and_one_who_is_far_better_waits() {
    let queue = example("09-large-match-of-similar-players");
    let of = |id, build: &str, battle: f64| {
        let rating =
            Value::Numbers([("battle".to_owned(), battle), ("duel".to_owned(), 0.0)].into());
        solo(
            &queue,
            id,
            &[("client_version", text(build)), ("rating", rating)],
        )
    };
    let mut world = World::new(queue.clone());
    world.exhaustive = false;
    let similar: Vec<Ticket> = (1..=39)
        .map(|id| of(id, "1.2", 1400.0 + id as f64 * 5.0))
        .collect();
    let (old, strong) = (of(50, "1.1", 1500.0), of(51, "1.2", 1700.0));
    assert!(add_all(&mut world, similar.clone()).is_empty());
    assert!(add_all(&mut world, [old.clone(), strong.clone()]).is_empty());
    let found = add_all(&mut world, [of(40, "1.2", 1600.0)]).remove(0);
    assert_eq!(ids(&found), (1..=40).collect::<Vec<u128>>());
    assert!(found.figures.distance_gap <= 200.0);
    assert!(world.matcher.is_waiting(old.id) && world.matcher.is_waiting(strong.id));
    let all: Vec<&Ticket> = similar.iter().collect();
    let mut other: Vec<&Ticket> = all[20..].to_vec();
    other.push(&strong);
    assert_eq!(
        why_not(&queue, 0, &[&all[..20], &other]),
        "rule similar is broken"
    );
    other.pop();
    other.push(&old);
    assert_eq!(
        why_not(&queue, 0, &[&all[..20], &other]),
        "rule same-build is broken"
    );
}

#[test]
fn a_compound_rule_is_kept_by_any_of_its_parts() {
    let queue = example("10-compound-rule");
    let of = |id, skill, maps: &[&str], tags: &[&str]| {
        let brings = [
            ("skill", number(skill)),
            ("maps", texts(maps)),
            ("tags", texts(tags)),
        ];
        solo(&queue, id, &brings)
    };
    let (city, canyon) = (["city"], ["canyon"]);
    let new = of(1, 900.0, &city, &["newcomer"]);
    let (b, c) = (of(2, 1000.0, &city, &[]), of(3, 1100.0, &city, &[]));
    let smurf = of(4, 950.0, &city, &["smurf"]);
    let elsewhere = of(5, 1000.0, &canyon, &[]);
    let mut world = World::new(queue.clone());
    assert!(
        add_all(
            &mut world,
            [&new, &b, &c, &smurf, &elsewhere].map(Ticket::clone)
        )
        .is_empty()
    );
    let why = why_not(&queue, 0, &[&[&new, &b], &[&c, &smurf]]);
    assert_eq!(why, "rule newcomers-among-themselves is broken");
    let why = why_not(&queue, 0, &[&[&new, &b], &[&c, &elsewhere]]);
    assert_eq!(why, "rule a-map-or-masters is broken");
    let found = add_all(&mut world, [of(6, 1000.0, &city, &[])]).remove(0);
    assert_eq!(ids(&found), [1, 2, 3, 6]);
    assert!(world.matcher.is_waiting(smurf.id) && world.matcher.is_waiting(elsewhere.id));
    // Masters play any map, the smurf among them if need be.
    let masters = [
        of(7, 2100.0, &city, &[]),
        of(8, 2200.0, &canyon, &[]),
        of(9, 2300.0, &["port"], &[]),
    ];
    assert!(add_all(&mut world, masters).is_empty());
    let found = add_all(&mut world, [of(10, 2000.0, &canyon, &["smurf"])]).remove(0);
    assert_eq!(ids(&found), [7, 8, 9, 10]);
}
