//! The rules of a queue one by one: what the checker says of a match, and what the matcher makes of it.

use std::collections::BTreeMap;

use matcher::{Figures, Match, MatchTeam, check_match};
use model::queue::{Aggregate, Comparison, ExpansionTarget, Queue, Reading, RuleKind, Scope};
use model::ticket::Value;
use model::{Ticket, Timestamp};
use proptest::prelude::*;

use crate::random::{cases, draft, last_rule};
use crate::rules::ids;
use crate::world::{QueueExt, TicketExt, World, compare, name, queue, texts, ticket};

/// A match with these tickets on its teams.
fn seated(queue: &Queue, teams: &[&[&Ticket]]) -> Match {
    let named = queue.teams.iter().zip(teams);
    Match {
        handle: 1,
        queue: queue.name.clone(),
        region: None,
        teams: named
            .map(|(team, tickets)| MatchTeam {
                name: team.name.clone(),
                tickets: tickets.iter().map(|t| t.id).collect(),
                roles: BTreeMap::new(),
            })
            .collect(),
        figures: Figures::default(),
    }
}

/// Whether the checker is content with these teams at this time.
fn keeps_at(queue: &Queue, now: i64, teams: &[&[&Ticket]]) -> bool {
    let all: Vec<&Ticket> = teams.iter().flat_map(|team| team.iter().copied()).collect();
    check_match(queue, &all, Timestamp(now), &seated(queue, teams)).is_ok()
}

fn hat(ticket: Ticket, hat: &str) -> Ticket {
    ticket.with("hat", Value::String(hat.into()))
}

fn contains(per: Scope, team: Option<usize>, min: u32, max: Option<u32>) -> RuleKind {
    RuleKind::Contains {
        attribute: name("mode"),
        values: vec!["tank".into(), "healer".into()],
        per,
        team,
        min,
        max,
    }
}

/// Two teams of two: 10 and 30 with red hats against 20 (red) and 60 (blue).
fn four() -> [Ticket; 4] {
    let skills = [10.0, 30.0, 20.0, 60.0];
    let hats = ["red", "red", "red", "blue"];
    let mut id = 0;
    skills.map(|skill| {
        id += 1;
        hat(ticket(id, 0, &[skill]), hats[id as usize - 1])
    })
}

#[test]
fn the_checker_judges_each_kind_of_rule() {
    use Aggregate::{Max, Mean, Min, Sum};
    use Comparison::{AtLeast, AtMost, Equal, Greater, Less, Unequal};
    let [a, b, c, d] = four();
    let skill = || Reading::of(name("skill"));
    let red = || Reading::of(name("hat"));
    let distance = |max| RuleKind::Distance {
        read: skill(),
        per: Scope::Player,
        of: Mean,
        max,
    };
    let balance = |of, max| RuleKind::Balance {
        read: skill(),
        of,
        max,
    };
    let equal = |per| RuleKind::Equal { read: red(), per };
    let different = |per| RuleKind::Different { read: red(), per };
    let not = |kind| RuleKind::Not(Box::new(kind));
    let (each, team, all) = (Scope::Player, Scope::Team, Scope::Match);
    for (kind, kept) in [
        (distance(50.0), true),
        (distance(49.0), false),
        (balance(Mean, 20.0), true),
        (balance(Mean, 19.0), false),
        (balance(Sum, 40.0), true),
        (balance(Sum, 39.0), false),
        (balance(Min, 10.0), true),
        (balance(Min, 9.0), false),
        (balance(Max, 30.0), true),
        (balance(Max, 29.0), false),
        (equal(team), false),
        (equal(all), false),
        (different(team), false),
        (not(different(all)), true),
        (compare(each, Mean, None, AtLeast, 10.0), true),
        (compare(each, Mean, None, Greater, 10.0), false),
        (compare(each, Mean, Some(1), Greater, 10.0), true),
        (compare(each, Mean, None, Unequal, 15.0), true),
        (compare(each, Mean, None, Equal, 10.0), false),
        (compare(team, Mean, Some(1), Equal, 40.0), true),
        (compare(team, Sum, None, AtMost, 80.0), true),
        (compare(team, Sum, None, Less, 80.0), false),
        (compare(all, Mean, None, Equal, 30.0), true),
        (compare(all, Max, None, Less, 60.0), false),
        (RuleKind::Any(vec![equal(all), distance(50.0)]), true),
        (RuleKind::All(vec![equal(all), distance(50.0)]), false),
    ] {
        let q = queue(&[(2, 2), (2, 2)]).rule("it", kind.clone());
        assert_eq!(keeps_at(&q, 0, &[&[&a, &b], &[&c, &d]]), kept, "{kind:?}");
    }
    let q = queue(&[(2, 2), (2, 2)]).rule("it", different(team));
    assert!(
        !keeps_at(&q, 0, &[&[&a, &d], &[&b, &c]]),
        "two reds in one team"
    );
}

#[test]
fn the_checker_counts_who_has_one_of_some_texts() {
    let modes = [
        &["tank", "healer"][..],
        &["dm"],
        &["tank"],
        &["dm", "healer"],
    ];
    let mut id = 0;
    let [a, b, c, d] = modes.map(|modes| {
        id += 1;
        ticket(id, 0, &[0.0]).with("mode", texts(modes))
    });
    let (team, all) = (Scope::Team, Scope::Match);
    for (kind, kept) in [
        (contains(all, None, 3, Some(3)), true),
        (contains(all, None, 4, None), false),
        (contains(all, None, 0, Some(2)), false),
        (contains(team, None, 1, Some(2)), true),
        (contains(team, None, 2, None), false),
        (contains(team, Some(1), 2, None), true),
        (contains(team, Some(0), 2, None), false),
    ] {
        let q = queue(&[(2, 2), (2, 2)]).rule("it", kind.clone());
        assert_eq!(keeps_at(&q, 0, &[&[&a, &b], &[&c, &d]]), kept, "{kind:?}");
    }
}

#[test]
fn one_of_several_numbers_is_read_by_its_key() {
    let read = || Reading {
        attribute: name("level"),
        key: Some("duel".into()),
    };
    let of = |id, duel: f64, raid: f64| {
        let levels = BTreeMap::from([("duel".to_owned(), duel), ("raid".to_owned(), raid)]);
        ticket(id, 0, &[0.0]).with("level", Value::Numbers(levels))
    };
    let distance = RuleKind::Distance {
        read: read(),
        per: Scope::Party,
        of: Aggregate::Mean,
        max: 10.0,
    };
    let mut world = World::new(queue(&[(1, 1), (1, 1)]).rule("gap", distance));
    world.add(of(1, 100.0, 5.0));
    assert!(world.add(of(2, 150.0, 5.0)).is_empty());
    assert_eq!(ids(&world.add(of(3, 105.0, 900.0))[0]), [1, 3]);
    let same = RuleKind::Equal {
        read: read(),
        per: Scope::Match,
    };
    let mut world = World::new(queue(&[(1, 1), (1, 1)]).rule("same", same));
    world.exhaustive = false;
    world.add(of(1, 3.0, 5.0));
    assert!(world.add(of(2, 4.0, 5.0)).is_empty());
    assert_eq!(ids(&world.add(of(3, 3.0, 7.0))[0]), [1, 3]);
}

#[test]
fn the_named_team_alone_must_be_worthy() {
    let worthy = compare(
        Scope::Team,
        Aggregate::Mean,
        Some(0),
        Comparison::AtLeast,
        80.0,
    );
    let mut world = World::new(queue(&[(1, 1), (3, 3)]).rule("split-worthy", worthy));
    for id in 1..=4 {
        assert!(world.add(ticket(id, 0, &[50.0])).is_empty());
    }
    let found = world.add(ticket(5, 0, &[85.0])).remove(0);
    assert_eq!(ids(&found), [1, 2, 3, 5]);
    assert_eq!(found.teams[0].tickets[0].0.as_u128(), 5);
    // Equal seats do not make a team that a rule names interchangeable.
    let worthy = compare(
        Scope::Team,
        Aggregate::Mean,
        Some(0),
        Comparison::AtLeast,
        80.0,
    );
    let mut world = World::new(queue(&[(1, 1), (1, 1)]).rule("split-worthy", worthy));
    for pair in 0..20 {
        world.add(ticket(pair * 2, 0, &[50.0]));
        let found = world.add(ticket(pair * 2 + 1, 0, &[90.0])).remove(0);
        assert_eq!(
            found.teams[0].tickets[0].0.as_u128(),
            u128::from(pair * 2 + 1)
        );
    }
}

#[test]
fn teams_start_smaller_once_everybody_has_waited() {
    let fewer = [(10_000, Some(1.0))];
    let q = queue(&[(2, 2), (2, 2)])
        .widens(ExpansionTarget::TeamMin(0), &fewer)
        .widens(ExpansionTarget::TeamMin(1), &fewer);
    let mut world = World::new(q);
    world.add(ticket(1, 0, &[0.0]));
    world.advance(5_000);
    world.add(ticket(2, 5_000, &[0.0]));
    assert!(
        world.advance(9_999).is_empty(),
        "the second would wait longer"
    );
    assert_eq!(ids(&world.advance(1)[0]), [1, 2]);
    world.add(ticket(3, 0, &[0.0]));
    world.add(ticket(4, 14_999, &[0.0, 0.0]));
    let found = world.add(ticket(5, 14_999, &[0.0])).remove(0);
    assert_eq!(
        ids(&found),
        [3, 4, 5],
        "a full match needs nobody's patience"
    );
}

#[test]
fn each_wanted_role_finds_a_player_who_would_take_it() {
    let mut q = queue(&[(2, 2), (2, 2)]);
    for team in &mut q.teams {
        team.roles = BTreeMap::from([(name("tank"), 1), (name("healer"), 1)]);
    }
    let mut world = World::new(q);
    let of = |id, roles: &[&str]| ticket(id, 0, &[0.0]).with("mode", texts(roles));
    world.add(of(1, &["tank"]));
    world.add(of(2, &["tank"]));
    world.add(of(3, &["tank"]));
    assert!(world.add(of(4, &["healer", "tank"])).is_empty());
    assert!(world.add(of(5, &["dm"])).is_empty());
    let found = world.add(of(6, &["tank", "healer"])).remove(0);
    assert_eq!(ids(&found), [1, 2, 4, 6]);
    for team in &found.teams {
        let healers = team.tickets.iter().filter(|id| id.0.as_u128() > 2);
        assert_eq!(healers.count(), 1, "not both healers in one team");
    }
}

#[test]
fn a_rule_is_given_up_by_each_ticket_for_itself() {
    let apart = RuleKind::Different {
        read: Reading::of(name("hat")),
        per: Scope::Match,
    };
    let q = queue(&[(1, 1), (1, 1)]).rule("hats", apart);
    let mut world = World::new(q.widens(ExpansionTarget::Rule(0), &[(10_000, None)]));
    world.add(ticket(1, 0, &[0.0]));
    world.advance(10_000);
    assert!(
        world.add(ticket(2, 10_000, &[0.0])).is_empty(),
        "the younger one minds"
    );
    assert!(world.advance(9_999).is_empty());
    assert_eq!(ids(&world.advance(1)[0]), [1, 2]);
}

proptest! {
    #![proptest_config(cases(300))]

    /// `not`, `any` and `all` are what logic says, whatever stands in them.
    #[test]
    fn the_checker_knows_logic(
        rules in prop::collection::vec(last_rule(), 2..4),
        drafts in prop::collection::vec(draft(), 4),
    ) {
        let parts: Vec<RuleKind> = rules.iter().filter_map(|rule| rule.kind()).collect();
        prop_assume!(!parts.is_empty());
        let tickets: Vec<Ticket> = drafts
            .iter()
            .zip(1..)
            .map(|(draft, id)| {
                let mut ticket = draft.ticket(id, 0);
                ticket.players.iter_mut().for_each(|player| player.latencies.clear());
                ticket
            })
            .collect();
        let teams: [&[&Ticket]; 2] = [&[&tickets[0], &tickets[1]], &[&tickets[2], &tickets[3]]];
        let keeps = |kind: RuleKind| {
            let q = queue(&[(1, 9), (1, 9)]).rule("it", kind);
            keeps_at(&q, 0, &teams)
        };
        let not = |kind: &RuleKind| RuleKind::Not(Box::new(kind.clone()));
        let each: Vec<bool> = parts.iter().map(|part| keeps(part.clone())).collect();
        prop_assert_eq!(keeps(RuleKind::All(parts.clone())), each.iter().all(|kept| *kept));
        prop_assert_eq!(keeps(RuleKind::Any(parts.clone())), each.iter().any(|kept| *kept));
        for (part, kept) in parts.iter().zip(&each) {
            prop_assert_eq!(keeps(not(part)), !kept);
        }
        let none = RuleKind::All(parts.iter().map(not).collect());
        prop_assert_eq!(keeps(not(&RuleKind::Any(parts.clone()))), keeps(none));
    }

    /// A match is judged as it is, not in the order in which its tickets stand.
    #[test]
    fn the_checker_does_not_mind_the_order_of_tickets(
        rules in prop::collection::vec(last_rule(), 1..4),
        drafts in prop::collection::vec(draft(), 6),
        now in 0_i64..6_000,
    ) {
        let mut q = queue(&[(1, 9), (1, 9)]);
        for rule in rules {
            q = rule.join(q);
        }
        let tickets: Vec<Ticket> = drafts.iter().zip(1..).map(|(d, id)| d.ticket(id, 0)).collect();
        let (a, b) = tickets.split_at(3);
        let (a, b): (Vec<&Ticket>, Vec<&Ticket>) = (a.iter().collect(), b.iter().collect());
        let (mut c, mut d) = (a.clone(), b.clone());
        c.reverse();
        d.rotate_left(1);
        prop_assert_eq!(keeps_at(&q, now, &[&a, &b]), keeps_at(&q, now, &[&c, &d]));
    }
}
