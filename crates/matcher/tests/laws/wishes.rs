//! Rules that are wishes and soft avoid lists: the best match with the same oldest partner, and nobody waits for one.

use std::collections::BTreeSet;

use matcher::{Figures, Match, MatchTeam, check_match};
use model::queue::{
    Aggregate, Avoid, Comparison, Operand, Queue, Reading, RegionRules, Rule, RuleKind, Scope,
    Sort, SortOrder,
};
use model::ticket::Value;
use model::{PlayerId, Ticket, TicketId, Timestamp};
use proptest::prelude::*;

use crate::random::{Draft, cases, draft, last_rule, random_queue};
use crate::rules::ids;
use crate::world::{QueueExt, TicketExt, World, name, queue, texts, ticket};

fn wish(mut q: Queue, weight: f64, kind: RuleKind) -> Queue {
    let name = name(&format!("wish-{}", q.rules.len()));
    q.rules.push(Rule {
        name,
        prefer: Some(weight),
        kind,
    });
    q
}

fn same_hat(per: Scope) -> RuleKind {
    RuleKind::Equal {
        read: Reading::of(name("hat")),
        per,
    }
}

fn hat(id: u64, skill: f64, hat: &str) -> Ticket {
    ticket(id, 0, &[skill]).with("hat", Value::String(hat.into()))
}

/// Fewer unwelcome meetings, then the weight of the wishes that are kept: as the checker judges each by itself.
fn score(queue: &Queue, tickets: &[&Ticket], now: i64, found: &Match) -> (i64, f64) {
    let mut preference = 0.0;
    for rule in &queue.rules {
        let Some(weight) = rule.prefer else { continue };
        let mut alone = Queue {
            rules: vec![Rule {
                prefer: None,
                ..rule.clone()
            }],
            expansions: Vec::new(),
            regions: RegionRules::default(),
            avoid: None,
            ..queue.clone()
        };
        for team in &mut alone.teams {
            team.players_min = 1;
        }
        let nowhere = Match {
            region: None,
            ..found.clone()
        };
        let unmeasured: Vec<Ticket> = tickets
            .iter()
            .map(|ticket| (*ticket).clone().pings(&[]))
            .collect();
        let unmeasured: Vec<&Ticket> = unmeasured.iter().collect();
        if check_match(&alone, &unmeasured, Timestamp(now), &nowhere).is_ok() {
            preference += weight;
        }
    }
    let ids: BTreeSet<TicketId> = found.tickets().collect();
    let playing: Vec<&&Ticket> = tickets.iter().filter(|t| ids.contains(&t.id)).collect();
    let mut meetings = 0;
    for (a, b) in playing
        .iter()
        .flat_map(|a| playing.iter().map(move |b| (a, b)))
    {
        for player in a.players.iter().filter(|_| a.id != b.id) {
            let met = |other: &&PlayerId| player.avoid.contains(*other);
            meetings += b.players.iter().map(|p| &p.player).filter(met).count() as i64;
        }
    }
    (-meetings, preference)
}

/// The best score of all matches that contain both of these tickets.
fn best(queue: &Queue, waiting: &[&Ticket], now: i64, both: [TicketId; 2]) -> Option<(i64, f64)> {
    let mut best = None;
    let regions: BTreeSet<_> = waiting
        .iter()
        .flat_map(|t| &t.players)
        .flat_map(|p| p.latencies.keys().cloned().map(Some))
        .chain(queue.regions.allow.iter().flatten().cloned().map(Some))
        .chain([None])
        .collect();
    for bits in 1_u32..1 << waiting.len() {
        let set: Vec<&Ticket> = (0..waiting.len())
            .filter(|n| bits & (1 << n) != 0)
            .map(|n| waiting[n])
            .collect();
        if !both.iter().all(|id| set.iter().any(|t| t.id == *id)) {
            continue;
        }
        for region in &regions {
            let mut found = Match {
                handle: 0,
                queue: queue.name.clone(),
                region: region.clone(),
                teams: queue
                    .teams
                    .iter()
                    .map(|team| MatchTeam {
                        name: team.name.clone(),
                        tickets: Vec::new(),
                        roles: Default::default(),
                    })
                    .collect(),
                figures: Figures::default(),
            };
            every_split(&set, 0, &mut found, &mut |found| {
                if check_match(queue, &set, Timestamp(now), found).is_ok() {
                    let score = score(queue, &set, now, found);
                    if best.is_none_or(|best| score > best) {
                        best = Some(score);
                    }
                }
            });
        }
    }
    best
}

fn every_split(set: &[&Ticket], depth: usize, m: &mut Match, see: &mut dyn FnMut(&Match)) {
    let Some(ticket) = set.get(depth) else {
        return see(m);
    };
    for team in 0..m.teams.len() {
        m.teams[team].tickets.push(ticket.id);
        every_split(set, depth + 1, m, see);
        m.teams[team].tickets.pop();
    }
}

#[test]
fn the_youngest_partners_are_chosen_by_the_wishes_and_the_oldest_never_loses() {
    let q = wish(
        queue(&[(1, 1), (1, 1), (1, 1)]),
        2.0,
        same_hat(Scope::Match),
    );
    let mut world = World::new(q.clone());
    // Three who may not meet each other yet but for one: the pool fills while no match is possible.
    let narrow = q.distance("rank", 5.0);
    world.queue = std::sync::Arc::new(narrow.clone());
    world.matcher = matcher::Matcher::new(vec![std::sync::Arc::new(narrow)], 3);
    let at = |id, colour: &str, rank: f64| hat(id, 0.0, colour).with("rank", Value::Number(rank));
    assert!(world.add(at(1, "red", 0.0)).is_empty());
    assert!(world.add(at(2, "blue", 10.0)).is_empty());
    assert!(world.add(at(3, "red", 10.0)).is_empty());
    // The fourth meets the oldest first of all, or nobody; 1 is out of reach of 2 and 3.
    let found = world.add(at(4, "blue", 5.0)).remove(0);
    assert_eq!(ids(&found), [2, 3, 4], "the only one");
    assert_eq!(found.figures.preference, 0.0);
}

#[test]
fn among_the_splits_of_a_set_the_wishes_come_before_the_balance() {
    let q = wish(queue(&[(2, 2), (2, 2)]), 1.0, same_hat(Scope::Team)).balance("skill", 200.0);
    let mut world = World::new(q);
    world.add(hat(1, 100.0, "red"));
    world.add(hat(2, 90.0, "red"));
    world.add(hat(3, 10.0, "blue"));
    let found = world.add(hat(4, 0.0, "blue")).remove(0);
    assert_eq!(found.figures.preference, 1.0);
    assert_eq!(
        found.figures.balance_gap, 90.0,
        "a wish is kept although the teams are uneven"
    );
    // A hard limit is not given up for a wish.
    let q = wish(queue(&[(2, 2), (2, 2)]), 1.0, same_hat(Scope::Team)).balance("skill", 20.0);
    let mut world = World::new(q);
    world.add(hat(1, 100.0, "red"));
    world.add(hat(2, 90.0, "red"));
    world.add(hat(3, 10.0, "blue"));
    let found = world.add(hat(4, 0.0, "blue")).remove(0);
    assert_eq!(
        (found.figures.preference, found.figures.balance_gap),
        (0.0, 0.0)
    );
}

#[test]
fn whom_he_would_rather_not_meet_he_meets_only_if_nobody_else_is_there() {
    let mut q = wish(
        queue(&[(1, 1), (1, 1), (1, 1)]),
        1_000.0,
        same_hat(Scope::Match),
    );
    q.avoid = Some(Avoid {
        players_max: 3,
        soft: true,
    });
    let avoids = |mut ticket: Ticket, other: &str| {
        ticket.players[0].avoid = [other.parse().expect("a player")].into();
        ticket
    };
    // Nobody else: they meet, and the match says so.
    let mut world = World::new(q.clone());
    world.add(avoids(hat(1, 0.0, "red"), "p2-0"));
    world.add(hat(2, 0.0, "red"));
    let found = world.add(hat(3, 0.0, "red")).remove(0);
    assert_eq!(
        (found.figures.avoided, found.figures.preference),
        (1, 1_000.0)
    );
    // Four at once: the list counts before all wishes.
    let mut world = World::new(q);
    let paused = Queue {
        active: false,
        ..(*world.queue).clone()
    };
    let (now, open) = (Timestamp(0), world.queue.clone());
    world.matcher = matcher::Matcher::new(vec![std::sync::Arc::new(paused)], 3);
    let four = [
        hat(1, 0.0, "red"),
        avoids(hat(2, 0.0, "red"), "p3-0"),
        hat(3, 0.0, "red"),
        hat(4, 0.0, "blue"),
    ];
    for ticket in four {
        let event = matcher::Event::Add(std::sync::Arc::new(ticket));
        assert!(world.matcher.handle(now, event).is_empty());
    }
    let said = world.matcher.set_queues(now, vec![open]);
    let tick = world.matcher.handle(now, matcher::Event::Tick);
    let mut matches = said.into_iter().chain(tick).filter_map(|said| match said {
        matcher::Output::Match(found) => Some(found),
        _ => None,
    });
    let found = matches.next().expect("a match");
    assert_eq!(ids(&found), [1, 2, 4]);
    assert_eq!((found.figures.avoided, found.figures.preference), (0, 0.0));
}

/// Wishes on random queues, half of which have few other rules.
fn wished() -> impl Strategy<Value = Queue> {
    let wishes = prop::collection::vec((last_rule(), 1_u8..5), 1..4);
    let teams = prop_oneof![
        Just(vec![(1, 1), (1, 1)]),
        Just(vec![(1, 1); 3]),
        Just(vec![(2, 2), (2, 2)]),
        Just(vec![(1, 2), (1, 2)]),
        Just(vec![(1, 1), (3, 3)]),
    ];
    let plain = (teams, 10_u8..120).prop_map(|(teams, max)| {
        let mut q = queue(&teams).distance("skill", f64::from(max));
        q.party_players_max = 3;
        q
    });
    let any_queue = prop_oneof![3 => plain.boxed(), 1 => random_queue().boxed()];
    (any_queue, wishes, any::<bool>()).prop_map(|(mut q, wishes, avoid)| {
        for (last, weight) in wishes {
            if let Some(kind) = last.kind() {
                q = wish(q, f64::from(weight), kind);
            }
        }
        q.avoid = avoid.then_some(Avoid {
            players_max: 3,
            soft: true,
        });
        q
    })
}

/// At most so many tickets wait when the best match is looked for by trying all.
const TICKETS: usize = 7;

proptest! {
    #![proptest_config(cases(256))]
    #[test]
    fn no_other_match_with_the_same_two_oldest_keeps_more_of_the_wishes(
        q in wished(),
        drafts in prop::collection::vec(draft(), 2..14),
    ) {
        let open = std::sync::Arc::new(q);
        let paused = Queue { active: false, ..(*open).clone() };
        let mut matcher = matcher::Matcher::new(vec![std::sync::Arc::new(paused)], 3);
        let now = Timestamp(5_000);
        let mut waiting: Vec<std::sync::Arc<Ticket>> = Vec::new();
        for (draft, id) in drafts.iter().zip(1_u64..) {
            let draft = Draft { life: None, ..draft.clone() };
            let made = std::sync::Arc::new(draft.ticket(id, now.0));
            if waiting.len() < TICKETS && matcher::validate(&open, &made).is_ok() {
                waiting.push(made.clone());
                let said = matcher.handle(now, matcher::Event::Add(made));
                prop_assert!(said.is_empty());
            }
        }
        let mut said = matcher.set_queues(now, vec![open.clone()]);
        said.extend(matcher.handle(now, matcher::Event::Tick));
        for said in said {
            let matcher::Output::Match(found) = said else {
                continue;
            };
            let of: BTreeSet<TicketId> = found.tickets().collect();
            let all: Vec<&Ticket> = waiting.iter().map(|t| &**t).collect();
            let score_of = score(&open, &all, now.0, &found);
            let (meetings, preference) = score_of;
            prop_assert_eq!(meetings, -i64::from(found.figures.avoided));
            prop_assert!((preference - found.figures.preference).abs() < 1e-9);
            let mut oldest: Vec<&&Ticket> = all.iter().filter(|t| of.contains(&t.id)).collect();
            // Who came first breaks ties, and the ids count up.
            oldest.sort_by_key(|t| (t.created_at, t.id));
            if let [first, second, ..] = oldest[..] {
                let best = best(&open, &all, now.0, [first.id, second.id]);
                prop_assert_eq!(best, Some(score_of));
            }
            waiting.retain(|t| !of.contains(&t.id));
        }
    }
}

/// Where the search for this order begins, none of the nearest is.
#[test]
fn in_a_large_pool_the_first_of_the_order_are_taken_however_far_they_are() {
    for (order, expected) in [
        (SortOrder::Nearest, [1, 700, 701, 702]),
        (SortOrder::Ascending, [1, 2, 3, 701]),
        (SortOrder::Descending, [1, 701, 999, 1_000]),
    ] {
        let mut q = queue(&[(4, 4)]);
        q.sort = Some(Sort {
            read: Reading::of(name("rank")),
            order,
        });
        let q = q.rule(
            "leader",
            RuleKind::Contains {
                attribute: name("hat"),
                values: vec!["crown".into()],
                per: Scope::Match,
                team: None,
                min: 1,
                max: None,
            },
        );
        let mut matcher = matcher::Matcher::new(vec![std::sync::Arc::new(q)], 1);
        let mut said = Vec::new();
        let crowd = (1..=1_000_u64).filter(|id| *id != 701).chain([701]);
        for id in crowd {
            let colour = if id == 701 { "crown" } else { "red" };
            let ticket = hat(id, 0.0, colour).with("rank", Value::Number(id as f64));
            // The oldest is the first, and all others are younger the later they come.
            let event = matcher::Event::Add(std::sync::Arc::new(ticket));
            said.extend(matcher.handle(Timestamp(id as i64), event));
        }
        for _ in 0..2 {
            said.extend(matcher.handle(Timestamp(2_000), matcher::Event::Tick));
        }
        let found = said.iter().find_map(|said| match said {
            matcher::Output::Match(found) => Some(found),
            _ => None,
        });
        assert_eq!(ids(found.expect("a match")), expected, "{order:?}");
    }
}

#[test]
fn in_a_large_pool_one_ticket_after_the_other_is_changed_for_the_wishes() {
    let q = wish(
        queue(&[(2, 2), (2, 2)]),
        1.0,
        RuleKind::Compare {
            read: Reading::of(name("rank")),
            per: Scope::Match,
            of: Aggregate::Min,
            team: None,
            by: Comparison::AtLeast,
            with: Operand::Number(50.0),
        },
    )
    .distance("skill", 100.0);
    let q = wish(
        q,
        1.0,
        RuleKind::Contains {
            attribute: name("mode"),
            values: vec!["healer".into()],
            per: Scope::Match,
            team: None,
            min: 1,
            max: None,
        },
    );
    let paused = Queue {
        active: false,
        ..q.clone()
    };
    let mut matcher = matcher::Matcher::new(vec![std::sync::Arc::new(paused)], 3);
    let now = Timestamp(0);
    for n in 0..40_u64 {
        let rank = Value::Number(if n < 2 || n % 8 == 0 { 60.0 } else { 10.0 });
        let likes = if n == 34 { "healer" } else { "dm" };
        let ticket = ticket(n + 1, n as i64, &[n as f64]).with("rank", rank);
        let ticket = ticket.with("mode", texts(&[likes]));
        let event = matcher::Event::Add(std::sync::Arc::new(ticket));
        matcher.handle(Timestamp(100), event);
    }
    let mut said = matcher.set_queues(now, vec![std::sync::Arc::new(q)]);
    said.extend(matcher.handle(Timestamp(100), matcher::Event::Tick));
    let first = said.into_iter().find_map(|said| match said {
        matcher::Output::Match(found) => Some(found),
        _ => None,
    });
    let first = first.expect("a match");
    assert!(ids(&first).contains(&1), "with the oldest");
    // One change at a time finds the healer; nobody below 50 would take two at once.
    assert_eq!(first.figures.preference, 1.0, "{:?}", first.figures);
}
