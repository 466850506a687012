//! What a ticket is told of sessions that ask for players: judged by the checker of refills, which shares nothing with it.

use std::sync::Arc;

use matcher::{
    Backfill, Event, Explanation, Matcher, Outlook, Sessions, check_refill, sentences, validate,
};
use model::queue::{ExpansionTarget, Queue, Reading, RegionRules, RuleKind, Scope};
use model::ticket::Value;
use model::{Millis, Ticket, Timestamp};
use proptest::prelude::*;

use crate::backfill::{duel, nobody, played, session};
use crate::random::{cases, draft, random_queue};
use crate::world::{QueueExt, TicketExt, name, possible, queue, region, ticket};

/// When sessions ask and random tickets are asked about.
const NOW: i64 = 5_000;

/// A matcher with these sessions and this ticket.
fn matcher(queue: &Queue, asked: &[Backfill], own: &Ticket) -> Matcher {
    let mut matcher = Matcher::new(vec![Arc::new(queue.clone())], 1);
    let events = asked
        .iter()
        .cloned()
        .map(|one| Event::Backfill(Arc::new(one)));
    for event in events.chain([Event::Add(Arc::new(own.clone()))]) {
        assert_eq!(
            matcher.handle(own.created_at, event),
            [],
            "nobody joins yet"
        );
    }
    matcher
}

fn explain(queue: &Queue, asked: &[Backfill], own: &Ticket, at: i64) -> Explanation {
    let said = matcher(queue, asked, own).explain(own.id, own, Timestamp(at));
    said.expect("it waits")
}

fn told(queue: &Queue, asked: &[Backfill], own: &Ticket, at: i64) -> Option<Sessions> {
    explain(queue, asked, own, at).sessions
}

/// By what the ticket is kept from how many.
fn kept(said: &Sessions) -> Vec<(&str, u64)> {
    let kept = said.kept_from.iter();
    kept.map(|kept| (kept.rule.as_str(), kept.sessions))
        .collect()
}

/// Sessions of a 2v2 of players at 0 that lack the first.
fn lacking(n: u64) -> Vec<Backfill> {
    let one = |n| Backfill {
        session: session(n),
        ..duel(0, [0.0; 4], &[0])
    };
    (1..=n).map(one).collect()
}

#[test]
fn a_session_just_out_of_reach_is_told_with_how_far_it_is() {
    let q = queue(&[(2, 2), (2, 2)]).distance("skill", 200.0);
    let own = ticket(1, 0, &[201.0]);
    let said = explain(&q, &lacking(1), &own, 0);
    assert_eq!(said.outlook, Outlook::TooFew { players: 3 });
    assert_eq!(
        sentences(&said),
        [
            "3 more players are wanted.",
            "Nobody could play with you.",
            "1 session that is played asks for players; you are kept from 1 by rule skill-gap.",
            "With you in it the nearest of them would span skill 201, where skill-gap allows you 200; no widening brings you there.",
            "By age it is number 1 of 1.",
        ]
    );
    let sessions = said.sessions.expect("one asks");
    assert_eq!((sessions.asking, sessions.open), (1, 0));
    let miss = sessions.nearest_miss.expect("it is near");
    assert_eq!((miss.gap, miss.limit), (Some(201.0), Some(200.0)));
    // By its own age it comes within reach; then it joins.
    let q = q.widens(ExpansionTarget::Rule(0), &[(6_000, Some(210.0))]);
    let said = told(&q, &lacking(1), &own, 1_000).expect("one asks");
    let miss = said.nearest_miss.expect("it is near");
    assert_eq!(miss.reached_at, Some(Timestamp(6_000)));
    let mut matcher = matcher(&q, &lacking(1), &own);
    assert_eq!(matcher.handle(Timestamp(5_999), Event::Tick), []);
    assert_eq!(matcher.handle(Timestamp(6_000), Event::Tick).len(), 1);
    assert_eq!(told(&q, &[], &own, 0), None, "nobody asks");
}

#[test]
fn every_reason_that_keeps_a_ticket_from_a_session_is_told_by_name() {
    let read = Reading::of(name("hat"));
    let per = Scope::Match;
    let mut q = queue(&[(2, 2), (2, 2)])
        .rule(
            "build",
            RuleKind::Equal {
                read: Reading::of(name("build")),
                per,
            },
        )
        .rule("own-hat", RuleKind::Different { read, per });
    q.regions = RegionRules {
        allow: None,
        max_latency: Some(Millis(80)),
        max_latency_delta: None,
    };
    q.active = false;
    let hats = |hat: &str| Value::String(hat.to_owned());
    let own = ticket(1, 10, &[0.0])
        .with("hat", hats("red"))
        .pings(&[("eu", 20), ("us", 120)]);
    let mut all: Vec<Backfill> = Vec::new();
    let mut ask = |of: &str, build: &str, hat: &str| {
        let mut asked = lacking(1).remove(0);
        asked.session = session(all.len() as u64 + 1);
        asked.region = Some(region(of));
        let parties = asked.teams.iter_mut().flat_map(|team| &mut team.parties);
        for (party, hat) in parties.zip([hat, "blue", "white"]) {
            let wears = (**party).clone().with("hat", hats(hat));
            *party = Arc::new(wears.with("build", hats(build)));
        }
        all.push(asked);
    };
    ask("eu", "2", "green");
    ask("eu", "1", "red");
    ask("us", "1", "green");
    ask("ap", "1", "green");
    for _ in 0..3 {
        ask("eu", "1", "green");
    }
    all[4].created_before = Some(Timestamp(10));
    all[5].refused.insert(own.id);
    let said = told(&q, &all, &own, 10).expect("all of them ask");
    let mut names = kept(&said);
    names.sort_unstable();
    assert_eq!(
        names,
        [
            ("build", 1),
            ("created_before", 1),
            ("own-hat", 1),
            ("refused", 1),
            ("regions", 1),
            ("regions.max_latency", 1),
        ]
    );
    assert_eq!((said.asking, said.open), (7, 1));
    assert!(!said.is_sample && said.undecided.is_empty());
    let pair = ticket(1, 0, &[0.0, 0.0]);
    let said = told(&queue(&[(2, 2), (2, 2)]), &lacking(1), &pair, 0);
    assert_eq!(kept(&said.expect("one asks")), [("seats", 1)]);
}

#[test]
fn what_all_who_play_together_decide_is_named_where_nothing_else_keeps_a_ticket_out() {
    let q = queue(&[(2, 2), (2, 2)]).balance("skill", 10.0);
    let said = told(&q, &lacking(2), &ticket(1, 0, &[500.0]), 0).expect("two ask");
    assert_eq!((said.asking, said.open), (2, 2));
    assert_eq!(said.undecided, ["skill-balance"]);
    assert_eq!(said.nearest_miss, None);
}

/// As many sessions ask as may: few of them are looked at, those beyond the ticket's reach are counted all the same.
#[test]
fn of_many_sessions_the_nearest_are_looked_at_and_the_far_ones_counted() {
    let mut q = queue(&[(2, 2), (2, 2)]).distance("skill", 10.0);
    q.active = false;
    let all = |apart: f64| {
        let one = |n: u64| Backfill {
            session: session(n),
            ..duel(0, [n as f64 * apart; 4], &[0])
        };
        (0..2_000).map(one).collect::<Vec<Backfill>>()
    };
    let own = ticket(1, 0, &[1_000.0]);
    let said = told(&q, &all(1.0), &own, 0).expect("they ask");
    assert_eq!((said.asking, said.open, said.is_sample), (2_000, 21, false));
    assert_eq!(kept(&said), [("skill-gap", 1_979)]);
    let miss = said.nearest_miss.expect("somebody is near");
    assert_eq!(miss.gap, Some(11.0));
    let said = told(&q, &all(0.0), &ticket(1, 0, &[5.0]), 0).expect("they ask");
    assert_eq!((said.asking, said.open, said.is_sample), (2_000, 256, true));
}

/// So many are judged that nothing may be asked any more of when they would be reached.
#[test]
fn of_a_session_of_which_no_more_may_be_asked_it_is_not_said_that_it_is_never_reached() {
    let mut q = queue(&[(2, 2), (2, 2)])
        .distance("skill", 10.0)
        .distance("rank", 5.0)
        .widens(ExpansionTarget::Rule(1), &[(10_000, Some(10.0))]);
    let mut own = ticket(1, 0, &[0.0]);
    // Three questions each of a session in which three play.
    for n in 0..11 {
        let hat = format!("hat{n}");
        let read = Reading::of(name(&hat));
        let per = Scope::Match;
        q = q.rule(&hat, RuleKind::Different { read, per });
        own = own.with(&hat, Value::String("red".to_owned()));
    }
    let mut all = lacking(248);
    for party in all
        .iter_mut()
        .flat_map(|one| &mut one.teams)
        .flat_map(|team| &mut team.parties)
    {
        *party = Arc::new((**party).clone().with("rank", Value::Number(6.0)));
    }
    let near = |n: usize| told(&q, &all[..n], &own, 0).expect("they ask").nearest_miss;
    let of_few = near(8).expect("there are questions left");
    assert_eq!(
        (of_few.rule.as_str(), of_few.reached_at),
        ("rank-gap", Some(Timestamp(10_000)))
    );
    assert_eq!(near(248), None);
}

/// Whether the ticket alone may join a session, on whichever team.
fn may_join(queue: &Queue, asked: &Backfill, own: &Ticket, at: i64) -> bool {
    let mut teams = 0..queue.teams.len();
    teams.any(|team| {
        let mut refill = nobody(queue, asked.session);
        refill.teams[team].tickets.push(own.id);
        check_refill(queue, asked, &[own], Timestamp(at), &refill).is_ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..cases(400) })]

    /// What is said to keep a ticket from a session does, by the judgement of the checker, and ends when it is said to,
    /// not before; where nothing keeps it and nothing is undecided, it may join.
    #[test]
    fn what_keeps_a_ticket_from_a_session_does_and_ends_when_it_is_said_to(
        queue in random_queue(),
        drafts in prop::collection::vec(draft(), 2..8),
        own in draft(),
        left in any::<prop::sample::Index>(),
        later in 0_i64..9_000,
    ) {
        let mut queue = queue;
        queue.active = false;
        let crowd = (1..).zip(&drafts).map(|(id, draft)| Arc::new(draft.ticket(id, NOW)));
        let crowd: Vec<Arc<Ticket>> = crowd.filter(|t| validate(&queue, t).is_ok()).collect();
        let all: Vec<&Ticket> = crowd.iter().map(|t| &**t).collect();
        let own = own.ticket(100, NOW);
        let Some(found) = possible(&queue, &all, Timestamp(NOW), None) else { return Ok(()) };
        prop_assume!(validate(&queue, &own).is_ok());
        let mut asked = played(&queue, &found, &crowd, 7, NOW);
        let parties: usize = asked.teams.iter().map(|team| team.parties.len()).sum();
        leave(&mut asked, left.index(parties));
        let Some(said) = told_at(&queue, &asked, &own, NOW) else { return Ok(()) };
        let live = |at: i64| own.expires_at.is_none_or(|end| at < end.0);
        let joins = |at: i64| may_join(&queue, &asked, &own, at);
        prop_assert_eq!((said.asking, said.is_sample), (1, false));
        match said.kept_from.as_slice() {
            [] => {
                prop_assert_eq!(said.open, 1);
                let decided = without(&queue, &said.undecided);
                prop_assert!(may_join(&decided, &asked, &own, NOW), "something keeps it out");
            }
            [one] => {
                prop_assert_eq!((one.sessions, said.open), (1, 0));
                prop_assert!(!joins(NOW), "{} does not keep it out", one.rule);
                let at = NOW + later;
                match said.nearest_miss.and_then(|miss| miss.reached_at) {
                    Some(reached) => {
                        prop_assert!(live(reached.0));
                        prop_assert!(!joins(reached.0 - 1));
                        let then = told_at(&queue, &asked, &own, reached.0);
                        prop_assert_eq!(then.expect("it asks").open, 1);
                    }
                    None => prop_assert!(!live(at) || !joins(at)),
                }
            }
            more => prop_assert!(false, "one session counts once: {:?}", more),
        }
    }
}

/// The queue as if it only wished for what these rules demand, without roles and lists of players to avoid if these are
/// named.
fn without(queue: &Queue, rules: &[String]) -> Queue {
    let mut queue = queue.clone();
    for rule in &mut queue.rules {
        if rules.iter().any(|other| other == rule.name.as_str()) {
            rule.prefer = Some(1.0);
        }
    }
    if rules.iter().any(|rule| rule == "roles") {
        queue.teams.iter_mut().for_each(|team| team.roles.clear());
    }
    if rules.iter().any(|rule| rule == "avoid") {
        queue.avoid = None;
    }
    queue
}

/// The party at this place is gone from the session, which wants as many.
fn leave(asked: &mut Backfill, mut at: usize) {
    for team in &mut asked.teams {
        if at < team.parties.len() {
            let party = team.parties.remove(at);
            team.free += party.players.len() as u16;
            return;
        }
        at -= team.parties.len();
    }
}

fn told_at(queue: &Queue, asked: &Backfill, own: &Ticket, at: i64) -> Option<Sessions> {
    let mut matcher = Matcher::new(vec![Arc::new(queue.clone())], 1);
    matcher.handle(Timestamp(NOW), Event::Backfill(Arc::new(asked.clone())));
    matcher.handle(Timestamp(NOW), Event::Add(Arc::new(own.clone())));
    let said = matcher.explain(own.id, own, Timestamp(at));
    said.expect("it waits").sessions
}
