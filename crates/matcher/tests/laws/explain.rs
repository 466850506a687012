//! Explanations are true: what they say is judged by the checker and by exhaustive search, which share nothing with them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use matcher::{
    Event, Explanation, Fall, Figures, Gate, Match, MatchTeam, Matcher, Minimum, Outlook,
    RegionStanding, Search, check_match, sentences, validate,
};
use model::queue::{
    Aggregate, Comparison, ExpansionTarget, Operand, Queue, Reading, RegionRules, RuleKind, Scope,
    Sort, SortOrder,
};
use model::{Millis, Region, Ticket, Timestamp};
use proptest::prelude::*;

use crate::random::{Draft, cases, draft, random_queue};
use crate::rare::Crowd;
use crate::world::{QueueExt, TicketExt, name, possible, queue, region, texts, ticket};

/// When the tickets of random crowds are asked about; some were created before.
const NOW: i64 = 5_000;

/// A paused matcher with these tickets: nobody is matched.
fn paused(queue: &Queue, tickets: &[Ticket], at: i64) -> Matcher {
    let mut queue = queue.clone();
    queue.active = false;
    let mut matcher = Matcher::new(vec![Arc::new(queue)], 1);
    for ticket in tickets {
        matcher.handle(Timestamp(at), Event::Add(Arc::new(ticket.clone())));
    }
    assert_eq!(matcher.len(), tickets.len(), "all of them wait");
    matcher
}

fn explain(matcher: &Matcher, ticket: &Ticket, at: i64) -> Explanation {
    matcher
        .explain(ticket.id, ticket, Timestamp(at))
        .expect("it waits")
}

/// The tickets of drafts that are let in and are alive.
fn crowd(queue: &Queue, drafts: &[Draft]) -> Vec<Ticket> {
    let tickets = (1..).zip(drafts).map(|(id, draft)| draft.ticket(id, NOW));
    tickets.filter(|t| validate(queue, t).is_ok()).collect()
}

/// Two parties against each other under these teams and regions, at their own ages.
fn judged(queue: &Queue, pair: [&Ticket; 2], at: i64, place: Option<Region>) -> Result<(), String> {
    let teams = queue.teams.iter().zip(pair);
    let found = Match {
        handle: 0,
        queue: queue.name.clone(),
        region: place,
        teams: teams
            .map(|(team, ticket)| MatchTeam {
                name: team.name.clone(),
                tickets: vec![ticket.id],
                roles: Default::default(),
            })
            .collect(),
        figures: Figures::default(),
    };
    check_match(queue, &pair, Timestamp(at), &found)
}

/// The same queue for any two parties, without rules and expansions.
fn roomy(old: &Queue) -> Queue {
    let mut roomy = queue(&[(1, 20), (1, 20)]);
    roomy.attributes = old.attributes.clone();
    roomy.cross_play = true;
    roomy
}

fn without_pings(ticket: &Ticket) -> Ticket {
    let mut ticket = ticket.clone();
    for player in &mut ticket.players {
        player.latencies.clear();
    }
    ticket
}

/// Whether the two alone break the rule of this name, whichever team they are on.
fn break_rule(queue: &Queue, rule: &str, pair: [&Ticket; 2], at: i64) -> bool {
    let index = queue.rules.iter().position(|r| r.name.as_str() == rule);
    let index = index.expect("a rule of the queue");
    let mut alone = roomy(queue);
    alone.rules = vec![queue.rules[index].clone()];
    for expansion in &queue.expansions {
        let mut expansion = expansion.clone();
        match &mut expansion.target {
            ExpansionTarget::Rule(of) | ExpansionTarget::RuleMin(of) if *of == index => *of = 0,
            _ => continue,
        }
        alone.expansions.push(expansion);
    }
    let (a, b) = (without_pings(pair[0]), without_pings(pair[1]));
    judged(&alone, [&a, &b], at, None).is_err() && judged(&alone, [&b, &a], at, None).is_err()
}

/// Whether the two may be together in no region.
fn have_no_region(queue: &Queue, pair: [&Ticket; 2], at: i64) -> bool {
    let mut alone = roomy(queue);
    alone.regions = queue.regions.clone();
    let of_regions = |target: &ExpansionTarget| {
        matches!(
            target,
            ExpansionTarget::MaxLatency | ExpansionTarget::MaxLatencyDelta
        )
    };
    let expansions = queue.expansions.iter();
    alone.expansions = expansions
        .filter(|e| of_regions(&e.target))
        .cloned()
        .collect();
    let players = pair.iter().flat_map(|ticket| &ticket.players);
    let mut regions: BTreeSet<Option<Region>> = BTreeSet::from([None]);
    regions.extend(players.flat_map(|p| p.latencies.keys().cloned().map(Some)));
    regions.extend(queue.regions.allow.iter().flatten().cloned().map(Some));
    let mut regions = regions.into_iter();
    regions.all(|place| judged(&alone, pair, at, place).is_err())
}

/// Whether a player of the one has one of the other on his list.
fn names(own: &Ticket, other: &Ticket) -> bool {
    let mut lists = own.players.iter().map(|player| &player.avoid);
    lists.any(|list| other.players.iter().any(|p| list.contains(&p.player)))
}

/// Whether the first names a player of the other, where that is kept strictly.
fn is_avoided(queue: &Queue, pair: [&Ticket; 2], at: i64) -> bool {
    let mut alone = roomy(queue);
    alone.avoid = queue.avoid;
    let (a, b) = (without_pings(pair[0]), without_pings(pair[1]));
    names(pair[0], pair[1]) && judged(&alone, [&a, &b], at, None).is_err()
}

/// Whether no teams can hold both parties, whoever fills the other seats.
fn fit_nowhere(queue: &Queue, pair: [&Ticket; 2]) -> bool {
    let [a, b] = pair.map(|ticket| ticket.players.len());
    let seats = |team: usize| usize::from(queue.teams[team].players_max);
    let teams = 0..queue.teams.len();
    !teams.clone().any(|of_a| {
        teams.clone().any(|of_b| match of_a == of_b {
            true => a + b <= seats(of_a),
            false => a <= seats(of_a) && b <= seats(of_b),
        })
    })
}

/// Whether what is said to keep the two apart does, by the judgement of the checker.
fn keeps_out(queue: &Queue, rule: &str, pair: [&Ticket; 2], at: i64) -> bool {
    match rule {
        "teams" => fit_nowhere(queue, pair),
        "avoid" => is_avoided(queue, pair, at),
        "regions" | "regions.max_latency" | "regions.max_latency_delta" => {
            have_no_region(queue, pair, at)
        }
        rule => break_rule(queue, rule, pair, at),
    }
}

/// What one ticket is told of another with which it is alone: who keeps it out, and when that ends.
fn told(queue: &Queue, pair: [&Ticket; 2], at: i64) -> (Option<String>, Option<Timestamp>) {
    let matcher = paused(queue, &[pair[0].clone(), pair[1].clone()], NOW);
    let said = explain(&matcher, pair[0], at);
    assert_eq!(said.looked_at, 1);
    match said.kept_out.as_slice() {
        [] => assert_eq!(said.candidates.tickets, 1),
        [kept] => assert_eq!((kept.tickets, said.candidates.tickets), (1, 0)),
        more => panic!("one ticket counts once: {more:?}"),
    }
    let rule = said.kept_out.first().map(|kept| kept.rule.clone());
    (rule, said.nearest_miss.and_then(|miss| miss.reached_at))
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..cases(400) })]

    /// What is said to keep a ticket out does, by the judgement of the checker; when it is said to end, it ends,
    /// and not before.
    #[test]
    fn what_keeps_out_does_and_ends_when_it_is_said_to(
        queue in random_queue(),
        drafts in (draft(), draft()),
        later in 0_i64..9_000,
    ) {
        let tickets = crowd(&queue, &[drafts.0, drafts.1]);
        let [a, b] = tickets.as_slice() else { return Ok(()) };
        let ends = [a, b].into_iter().filter_map(|t| t.expires_at).min();
        let live = |at: i64| ends.is_none_or(|end| at < end.0);
        let (rule, reached) = told(&queue, [a, b], NOW);
        // Whom a list names is told nothing of it.
        if queue.avoid.is_none_or(|avoid| avoid.soft) || names(a, b) == names(b, a) {
            prop_assert_eq!(rule.is_none(), told(&queue, [b, a], NOW).0.is_none());
        }
        let Some(rule) = rule else {
            prop_assert!(!have_no_region(&queue, [a, b], NOW));
            prop_assert!(!fit_nowhere(&queue, [a, b]));
            return Ok(());
        };
        prop_assert!(keeps_out(&queue, &rule, [a, b], NOW), "{rule} does not");
        let at = NOW + later;
        match reached {
            Some(reached) => {
                prop_assert!(live(reached.0), "one of them is gone by then");
                prop_assert_eq!(told(&queue, [a, b], reached.0).0, None);
                prop_assert!(told(&queue, [a, b], reached.0 - 1).0.is_some());
                if at < reached.0 {
                    prop_assert!(told(&queue, [a, b], at).0.is_some());
                } else if live(at) {
                    prop_assert_eq!(told(&queue, [a, b], at).0, None, "limits never narrow");
                }
            }
            None if live(at) => {
                let then = told(&queue, [a, b], at).0;
                prop_assert!(then.is_some_and(|rule| keeps_out(&queue, &rule, [a, b], at)));
            }
            None => {}
        }
    }

    /// In a pool of many each other ticket counts once, as it does alone; the place is that of its age; a match that is
    /// said to be possible is there, one that is said not to be is not.
    #[test]
    fn counts_places_and_outlooks_are_true(
        queue in random_queue(),
        drafts in prop::collection::vec(draft(), 1..8),
    ) {
        let tickets = crowd(&queue, &drafts);
        let matcher = paused(&queue, &tickets, NOW);
        for own in &tickets {
            let said = explain(&matcher, own, NOW);
            prop_assert!(!said.is_sample);
            prop_assert_eq!(said.looked_at, tickets.len() as u64 - 1);
            let mut kept: BTreeMap<String, u64> = BTreeMap::new();
            let mut candidates = (0, 0);
            for other in tickets.iter().filter(|other| other.id != own.id) {
                match told(&queue, [own, other], NOW).0 {
                    Some(rule) => *kept.entry(rule).or_default() += 1,
                    None => candidates = (candidates.0 + 1, candidates.1 + other.players.len() as u64),
                }
            }
            prop_assert_eq!((said.candidates.tickets, said.candidates.players), candidates);
            let counted = said.kept_out.iter().map(|kept| (kept.rule.clone(), kept.tickets));
            prop_assert_eq!(counted.collect::<BTreeMap<_, _>>(), kept);
            let key = |t: &Ticket| (t.created_at, t.id);
            let has_build = queue.rules.iter().any(|rule| rule.name.as_str() == "build");
            let build = |t: &Ticket| t.players[0].attributes.get(&name("build")).cloned();
            let pool: Vec<&Ticket> =
                tickets.iter().filter(|t| !has_build || build(t) == build(own)).collect();
            let older = pool.iter().filter(|t| key(t) < key(own)).count();
            let place = (said.position.place, said.position.of, said.position.in_queue);
            prop_assert_eq!(place, (older + 1, pool.len(), tickets.len()));
            let all: Vec<&Ticket> = tickets.iter().collect();
            let found = possible(&queue, &all, Timestamp(NOW), Some(own.id));
            match &said.outlook {
                Outlook::Possible => prop_assert!(found.is_some(), "there is none"),
                Outlook::TooFew { .. } | Outlook::CannotFillTeams | Outlook::ShortOf => {
                    prop_assert_eq!(found, None);
                }
                Outlook::Open { rules } => prop_assert!(!rules.is_empty()),
            }
            prop_assert!(sentences(&said).iter().all(|sentence| sentence.ends_with('.')));
        }
    }

    /// A region is considered if the ticket alone could play there by the checker; one that is said to open then does.
    #[test]
    fn regions_are_considered_when_they_are_said_to(queue in random_queue(), draft in draft()) {
        let tickets = crowd(&queue, &[draft]);
        let [own] = tickets.as_slice() else { return Ok(()) };
        let mut alone = roomy(&queue);
        alone.teams.truncate(1);
        alone.regions = queue.regions.clone();
        alone.expansions = queue.expansions.iter().filter(|e| matches!(
            e.target, ExpansionTarget::MaxLatency | ExpansionTarget::MaxLatencyDelta
        )).cloned().collect();
        let judge = |place: &Region, at: i64| {
            let found = Match {
                handle: 0,
                queue: alone.name.clone(),
                region: Some(place.clone()),
                teams: vec![MatchTeam { name: alone.teams[0].name.clone(), tickets: vec![own.id], roles: Default::default() }],
                figures: Figures::default(),
            };
            check_match(&alone, &[own], Timestamp(at), &found).is_ok()
        };
        let matcher = paused(&queue, &tickets, NOW);
        for view in explain(&matcher, own, NOW).regions {
            let is_considered = matches!(view.standing, RegionStanding::Considered { .. });
            prop_assert_eq!(is_considered, judge(&view.region, NOW));
            if let RegionStanding::TooFar { opens_at: Some(at), .. } = view.standing {
                prop_assert!(judge(&view.region, at.0) && !judge(&view.region, at.0 - 1));
            }
        }
    }
}

#[test]
fn the_nearest_miss_is_told_with_its_distance_and_when_it_is_reached() {
    let q = queue(&[(2, 2), (2, 2)]).distance("skill", 100.0);
    let steps = [(10_000, Some(200.0)), (20_000, Some(500.0))];
    let q = q.widens(ExpansionTarget::Rule(0), &steps);
    let own = ticket(1, 0, &[1_000.0]);
    let tickets = [
        own.clone(),
        ticket(2, 0, &[1_212.0]),
        ticket(3, 0, &[788.0]),
        ticket(4, 0, &[3_000.0]),
    ];
    let said = explain(&paused(&q, &tickets, 14_000), &own, 14_000);
    let words = sentences(&said);
    assert_eq!(
        words,
        [
            "Queue q is paused; tickets wait.",
            "3 more players are wanted within skill 200.",
            "2 players wait at skill 212 from yours; you reach each other in 6 s.",
            "Nobody could play with you; kept out are 3 by rule skill-gap.",
            "By age it is number 1 of 4.",
            "In 6 s skill-gap widens from 200 to 500.",
        ]
    );
    assert_eq!(said.gate, Gate::Paused);
    let miss = said.nearest_miss.expect("somebody is near");
    assert_eq!((miss.rule.as_str(), miss.gap), ("skill-gap", Some(212.0)));
    assert_eq!(miss.reached_at, Some(Timestamp(20_000)));
}

#[test]
fn who_waits_elsewhere_counts_by_the_rule_that_parts_them() {
    let mut q = queue(&[(1, 1), (1, 1)]).rule(
        "build",
        RuleKind::Equal {
            read: Reading::of(name("build")),
            per: Scope::Match,
        },
    );
    q.regions = RegionRules {
        allow: Some(vec![region("eu"), region("us"), region("ap")]),
        max_latency: Some(Millis(80)),
        max_latency_delta: None,
    };
    let q = q.widens(ExpansionTarget::MaxLatency, &[(30_000, Some(150.0))]);
    let here = |id, build: &str| {
        ticket(id, 0, &[0.0])
            .with("build", model::ticket::Value::String(build.into()))
            .with("mode", texts(&["dm"]))
            .pings(&[("eu", 20), ("us", 120), ("sa", 10)])
    };
    let matcher = paused(&q, &[here(1, "1"), here(2, "2"), here(3, "2")], 0);
    let said = explain(&matcher, &here(1, "1"), 10_000);
    let words = sentences(&said);
    let expected = [
        "Nobody could play with you; kept out are 2 by rule build.",
        "Region eu (20 ms) is considered; nobody who could play with you is there.",
        "Region us is too far: regions.max_latency is 80 ms, yours 120 ms; it is considered in 20 s.",
        "Region ap is left out, as not every player of the party measured it.",
        "Region sa is not among those of the queue.",
        "By age it is number 1 of 1 (and 2 wait with other values of what must be equal).",
        "In 20 s regions.max_latency widens from 80 ms to 150 ms.",
    ];
    for sentence in expected {
        assert!(
            words.contains(&sentence.to_owned()),
            "{sentence}: {words:#?}"
        );
    }
}

/// More than are counted, and whether they wait or have gone.
#[test]
fn what_is_said_of_who_waits_here_does_not_hang_on_how_many_wait_elsewhere() {
    let lobby = RuleKind::Equal {
        read: Reading::of(name("lobby")),
        per: Scope::Match,
    };
    let q = queue(&[(1, 1), (1, 1)]).rule("lobby", lobby);
    let here = |id: u64| {
        let code = model::ticket::Value::String(format!("code-{id}"));
        ticket(id, 0, &[0.0]).with("lobby", code)
    };
    let others: Vec<Ticket> = (2..1_200).map(here).collect();
    let mut matcher = paused(&q, &others, 0);
    assert_eq!(
        matcher.handle(Timestamp(0), Event::Add(Arc::new(here(1)))),
        []
    );
    let said = explain(&matcher, &here(1), 0);
    assert_eq!(said.outlook, Outlook::TooFew { players: 1 });
    assert!(said.is_sample, "who waits elsewhere was not counted whole");
    for other in others {
        assert_eq!(matcher.handle(Timestamp(0), Event::Remove(other.id)), []);
    }
    let said = explain(&matcher, &here(1), 0);
    assert_eq!(said.outlook, Outlook::TooFew { players: 1 });
    assert!(!said.is_sample);
}

/// An order by something else stands before the rules, and keeps nobody out.
#[test]
fn an_order_of_its_own_changes_nothing_of_what_keeps_out() {
    let mut q = queue(&[(2, 2), (2, 2)]).distance("skill", 100.0);
    q.sort = Some(Sort {
        read: Reading::of(name("rank")),
        order: SortOrder::Nearest,
    });
    let ranked = |id, skill, rank| {
        let rank = model::ticket::Value::Number(rank);
        ticket(id, 0, &[skill]).with("rank", rank)
    };
    let tickets = [
        ranked(1, 0.0, 0.0),
        ranked(2, 50.0, 9_000.0),
        ranked(3, 150.0, 0.0),
    ];
    let said = explain(&paused(&q, &tickets, 0), &tickets[0], 0);
    assert_eq!(said.candidates.tickets, 1);
    assert_eq!(said.kept_out[0].rule, "skill-gap");
    let miss = said.nearest_miss.expect("the third");
    assert_eq!((miss.gap, miss.own_limit), (Some(150.0), Some(100.0)));
}

#[test]
fn a_ticket_in_a_match_that_is_being_made_is_told_so() {
    let queue = Arc::new(queue(&[(1, 1), (1, 1)]));
    let mut matcher = Matcher::new(vec![queue], 1);
    let (a, b) = (ticket(1, 0, &[0.0]), ticket(2, 0, &[0.0]));
    matcher.handle(Timestamp(0), Event::Add(Arc::new(a.clone())));
    let alone = explain(&matcher, &a, 0);
    assert_eq!(alone.outlook, Outlook::TooFew { players: 1 });
    assert_eq!(sentences(&alone)[0], "1 more player is wanted.");
    matcher.handle(Timestamp(0), Event::Add(Arc::new(b.clone())));
    let said = explain(&matcher, &a, 0);
    assert_eq!(said.search, Search::InMatch);
    assert_eq!(
        sentences(&said),
        ["A match with this ticket is being made."]
    );
    matcher.handle(Timestamp(0), Event::Committed(1));
    assert_eq!(matcher.explain(a.id, &a, Timestamp(0)), None);
}

/// Far more wait than are looked at: what lies beyond the range is counted all the same, what lies within is sampled.
#[test]
fn in_a_large_pool_counts_are_exact_or_said_to_be_a_sample() {
    let q = queue(&[(4, 4), (4, 4)]).distance("skill", 10.0);
    let tickets: Vec<Ticket> = (0..5_000).map(|n| ticket(n, 0, &[n as f64])).collect();
    let said = explain(&paused(&q, &tickets, 0), &tickets[2_000], 0);
    assert!(!said.is_sample);
    assert_eq!(said.candidates.tickets, 20);
    assert_eq!(said.kept_out[0].tickets, 4_979);
    assert_eq!((said.position.place, said.position.of), (2_001, 5_000));
    assert_eq!(said.outlook, Outlook::Possible);
    let near: Vec<Ticket> = (0..5_000).map(|n| ticket(n, 0, &[0.0])).collect();
    let said = explain(&paused(&q, &near, 0), &near[2_000], 0);
    assert!(said.is_sample);
    assert_eq!(said.outlook, Outlook::Possible);
    let text = sentences(&said).join(" ");
    assert!(
        text.contains("At least 1024 players could play with you."),
        "{text}"
    );
}

/// Searches that ended before all was tried are not said to be done, neither the ticket's own nor another's that leaves
/// it unsure; only the oldest is searched for again, in full. Once all was tried in a pool that has become small, all are.
#[test]
fn a_search_that_was_cut_is_told_with_what_happens_next() {
    let sum = RuleKind::Compare {
        read: Reading::of(name("skill")),
        per: Scope::Team,
        of: Aggregate::Sum,
        team: None,
        by: Comparison::Equal,
        with: Operand::Number(0.5),
    };
    let mut crowd = Crowd::new(queue(&[(3, 3), (3, 3)]).rule("sum", sum));
    let tickets: Vec<Ticket> = (0..23)
        .map(|n| ticket(n + 1, n as i64, &[(n * n) as f64]))
        .collect();
    for ticket in &tickets {
        crowd.put(ticket.clone());
    }
    crowd.settle(23);
    let said = |crowd: &Crowd, n: usize| explain(&crowd.matcher, &tickets[n], 24);
    let all: Vec<Explanation> = (0..23).map(|n| said(&crowd, n)).collect();
    let (oldest, others) = all.split_first().expect("the oldest");
    assert_eq!(oldest.search, Search::Done);
    let cut = others.iter().map(|one| one.search);
    assert!(
        cut.clone()
            .any(|s| s == Search::GivenUp { as_oldest: false })
    );
    assert!(cut.clone().any(|s| s == Search::Unsure));
    assert!(cut.clone().all(|s| s != Search::Done), "not all was tried");
    for one in others {
        let last = sentences(one).pop().expect("a sentence");
        assert!(last.contains("not every combination"), "{last}");
        assert!(last.contains("no more than 16 wait here"), "{last}");
    }
    for ticket in &tickets[..7] {
        crowd.event(24, Event::Remove(ticket.id));
    }
    crowd.settle(24);
    for n in 7..23 {
        assert_eq!(said(&crowd, n).search, Search::Done);
    }
}

/// Five players now, three of those who have waited for 8 s.
fn shrinking() -> Queue {
    let q = queue(&[(4, 4), (1, 1)]);
    let q = q.widens(ExpansionTarget::TeamMin(0), &[(8_000, Some(2.0))]);
    q.widens(ExpansionTarget::TeamMin(1), &[(8_000, Some(1.0))])
}

/// What is said of the number of players.
fn counted(tickets: &[Ticket], at: i64) -> (Outlook, Vec<String>) {
    let (said, words) = asked(tickets, at);
    (said.outlook, words)
}

fn asked(tickets: &[Ticket], at: i64) -> (Explanation, Vec<String>) {
    let mut matcher = Matcher::new(vec![Arc::new(shrinking())], 1);
    for ticket in tickets {
        let said = matcher.handle(ticket.created_at, Event::Add(Arc::new(ticket.clone())));
        assert_eq!(said, [], "nobody is matched yet");
    }
    let said = explain(&matcher, &tickets[0], at);
    let words = sentences(&said).into_iter();
    let words = words.take_while(|sentence| !sentence.contains("could play with you"));
    let words = words.collect();
    (said, words)
}

#[test]
fn the_minimum_and_its_falls_are_told_as_data_too() {
    let (said, _) = asked(&[ticket(1, 0, &[0.0, 0.0])], 1_000);
    let expected = Minimum {
        players: 5,
        of_newcomers: 5,
        falls: vec![Fall {
            at: Timestamp(8_000),
            players: 3,
            missing: 1,
            waited: Millis(8_000),
        }],
    };
    assert_eq!(said.minimum, expected);
}

#[test]
fn players_are_counted_by_the_minimum_that_holds_now_and_its_fall_is_told() {
    let solos = |at: [i64; 3]| [1, 2, 3].map(|id| ticket(id, at[id as usize - 1], &[0.0]));
    let (outlook, words) = counted(&solos([0, 0, 0]), 1_000);
    assert_eq!(outlook, Outlook::TooFew { players: 2 });
    assert_eq!(
        words,
        ["2 more players are wanted.", "In 7 s 3 players are enough."]
    );
    // The ticket itself would be content; the others are not yet.
    let (outlook, words) = counted(&solos([0, 5_000, 7_000]), 9_000);
    assert_eq!(outlook, Outlook::TooFew { players: 2 });
    assert_eq!(
        words,
        ["2 more players are wanted.", "In 6 s 3 players are enough."]
    );
    let pair = [ticket(1, 0, &[0.0, 0.0])];
    let (outlook, words) = counted(&pair, 0);
    assert_eq!(outlook, Outlook::TooFew { players: 3 });
    assert_eq!(
        words,
        [
            "3 more players are wanted.",
            "In 8 s 3 players are enough who have each waited 8 s.",
        ]
    );
    let (outlook, words) = counted(&pair, 9_000);
    assert_eq!(outlook, Outlook::TooFew { players: 1 });
    assert_eq!(
        words,
        [
            "1 more player is wanted.",
            "Whoever comes asks for 5 players at first."
        ]
    );
}
