//! Explanations name the role or the text that is missing, leave out the rules that hold anyway, and betray no list.

use std::sync::Arc;

use matcher::{Event, Explanation, Matcher, Outlook, Shortage, sentences, validate};
use model::queue::{Avoid, ExpansionTarget, Queue, Rule, RuleKind, Scope};
use model::{Ticket, Timestamp};
use proptest::prelude::*;

use crate::random::{cases, draft, last_rule, random_queue};
use crate::world::{QueueExt, TicketExt, name, possible, queue, texts, ticket};

const NOW: i64 = 5_000;

/// What the first of these is told while nobody is matched.
fn told(queue: &Queue, tickets: &[Ticket], at: i64) -> Explanation {
    let mut queue = queue.clone();
    queue.active = false;
    let mut matcher = Matcher::new(vec![Arc::new(queue)], 1);
    for ticket in tickets {
        matcher.handle(Timestamp(at), Event::Add(Arc::new(ticket.clone())));
    }
    let said = matcher.explain(tickets[0].id, &tickets[0], Timestamp(at));
    said.expect("it waits")
}

/// Red and blue want a tank each.
fn tanks() -> Queue {
    let mut q = queue(&[(2, 3), (2, 3)]);
    for team in &mut q.teams {
        team.roles = [(name("tank"), 1)].into();
    }
    q
}

fn takes(id: u64, players: usize, role: &str) -> Ticket {
    ticket(id, 0, &vec![0.0; players]).with("mode", texts(&[role]))
}

fn contains(value: &str, min: u32, max: Option<u32>) -> RuleKind {
    RuleKind::Contains {
        attribute: name("mode"),
        values: vec![value.to_owned()],
        per: Scope::Match,
        team: None,
        min,
        max,
    }
}

/// The first sentence after that of the paused queue.
fn first_words(said: &Explanation) -> String {
    sentences(said).remove(1)
}

#[test]
fn a_role_that_too_few_would_take_is_told_with_how_many_are_missing() {
    let dps = |id| takes(id, 1, "dps");
    let said = told(&tanks(), &[dps(1), dps(2), dps(3), dps(4)], 0);
    assert_eq!(said.outlook, Outlook::ShortOf);
    let short = Shortage {
        rule: None,
        attribute: name("mode"),
        values: vec!["tank".to_owned()],
        players: 2,
        found: 0,
    };
    assert_eq!(said.short_of, [short]);
    assert_eq!(
        first_words(&said),
        "There are players enough, but 2 players who would take role tank are wanted (nobody within reach is one)."
    );
    // Two tanks of one party are on one team, which has use for one of them.
    let said = told(&tanks(), &[takes(1, 2, "tank"), dps(2), dps(3)], 0);
    assert_eq!((said.short_of[0].found, said.short_of[0].missing()), (1, 1));
    // With too few players it is told besides.
    let said = told(&tanks(), &[dps(1), takes(2, 1, "tank")], 0);
    assert_eq!(said.outlook, Outlook::TooFew { players: 2 });
    let words = sentences(&said);
    assert_eq!(words[1], "2 more players are wanted.");
    assert_eq!(
        words[2],
        "2 players who would take role tank are wanted (1 is within reach)."
    );
    // Where both are there, whether the seats can be given out is all that is left.
    let tank = |id| takes(id, 1, "tank");
    let q = tanks().rule("one-b", contains("b", 0, Some(1)));
    let said = told(&q, &[dps(1), dps(2), tank(3), tank(4)], 0);
    let rules = vec!["roles".to_owned()];
    assert_eq!(said.outlook, Outlook::Open { rules });
    assert!(said.short_of.is_empty());
}

#[test]
fn a_text_that_too_few_have_is_told_until_it_is_no_longer_asked_for() {
    let q = queue(&[(1, 1), (1, 1), (1, 1)]).rule("a-healer", contains("healer", 1, None));
    let q = q.widens(ExpansionTarget::RuleMin(0), &[(8_000, Some(0.0))]);
    let dps = |id, at| ticket(id, at, &[0.0]).with("mode", texts(&["dps"]));
    let all = [dps(1, 0), dps(2, 0), dps(3, 4_000)];
    let said = told(&q, &all, 7_000);
    assert_eq!(said.outlook, Outlook::ShortOf);
    assert_eq!(
        first_words(&said),
        "There are players enough, but 1 player with healer is wanted by rule a-healer (nobody within reach is one)."
    );
    // The ticket itself would be content; the youngest is not yet, and without him they are too few.
    assert_eq!(told(&q, &all, 9_000).outlook, Outlook::ShortOf);
    let said = told(&q, &all, 12_000);
    assert_ne!(said.outlook, Outlook::ShortOf);
    assert!(said.short_of.is_empty());
}

/// Far more wait than are looked at: those who bring what is wanted are counted all the same.
#[test]
fn in_a_large_pool_the_few_who_bring_what_is_wanted_are_found() {
    let mut all: Vec<Ticket> = (1..=3_000).map(|id| takes(id, 1, "dps")).collect();
    let said = told(&tanks(), &all, 0);
    assert!(said.is_sample);
    assert_eq!(
        (said.outlook, said.short_of[0].found),
        (Outlook::ShortOf, 0)
    );
    let nearest = said.looked_at;
    let far = |id| ticket(id, 0, &[500.0]).with("mode", texts(&["tank"]));
    all.push(far(3_001));
    let said = told(&tanks(), &all, 0);
    assert_eq!((said.looked_at, said.short_of[0].found), (nearest + 1, 1));
    assert!(first_words(&said).starts_with("There may be players enough, but 2 players who would"));
    all.push(far(3_002));
    let said = told(&tanks(), &all, 0);
    assert!(matches!(said.outlook, Outlook::Open { .. }));
    // Beyond the ticket's range they are kept out.
    let said = told(&tanks().distance("skill", 100.0), &all, 0);
    assert_eq!(
        (said.outlook, said.short_of[0].found),
        (Outlook::ShortOf, 0)
    );
}

fn avoiding(mut ticket: Ticket, other: &str) -> Ticket {
    ticket.players[0].avoid = [other.parse().expect("a player")].into();
    ticket
}

#[test]
fn whom_a_list_names_is_told_nothing_of_it() {
    let mut q = queue(&[(1, 1), (1, 1)]);
    q.avoid = Some(Avoid {
        players_max: 3,
        soft: false,
    });
    let solo = |id| ticket(id, 0, &[0.0]);
    let plain = told(&q, &[solo(1), solo(2)], 0);
    assert_eq!(
        plain.outlook,
        Outlook::Open {
            rules: vec!["avoid".to_owned()]
        }
    );
    let named = told(&q, &[solo(1), avoiding(solo(2), "p1-0")], 0);
    assert_eq!(named, plain, "it is as if he were on no list");
    let own = told(&q, &[avoiding(solo(1), "p2-0"), solo(2)], 0);
    assert_eq!(
        (own.kept_out[0].rule.as_str(), own.kept_out[0].tickets),
        ("avoid", 1)
    );
    assert_eq!(
        sentences(&own)[3],
        "Nobody could play with you; kept out are 1 by your party's lists of players to avoid."
    );
}

/// Two small teams under nothing but rules that are asked at last, often one that wants less after a while.
fn small() -> impl Strategy<Value = Queue> {
    let teams = prop_oneof![
        Just([(1, 1), (1, 2)]),
        Just([(2, 2), (1, 1)]),
        Just([(2, 2), (2, 2)])
    ];
    let rules = prop::collection::vec(last_rule(), 0..4);
    let wants = prop::option::weighted(0.6, (1_u32..4, any::<bool>(), 0_u64..1_500));
    (teams, rules, wants).prop_map(|(teams, rules, wants)| {
        let mut q = queue(&teams);
        if let Some((min, per_team, after)) = wants {
            let mut kind = contains("koth", min, None);
            if let (RuleKind::Contains { per, .. }, true) = (&mut kind, per_team) {
                *per = Scope::Team;
            }
            q = q.rule("koths", kind);
            let fewer = f64::from(min - 1);
            q = q.widens(ExpansionTarget::RuleMin(0), &[(after, Some(fewer))]);
        }
        rules.into_iter().fold(q, |q, rule| rule.join(q))
    })
}

/// Whether two parties alone may decide a rule.
fn is_of_pairs(kind: &RuleKind) -> bool {
    use RuleKind::{Compare, Different, Distance, Equal};
    match kind {
        Distance { .. } => true,
        Equal { per, .. } | Different { per, .. } => *per == Scope::Match,
        Compare { per, team, .. } => matches!(per, Scope::Player | Scope::Party) && team.is_none(),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..cases(1_500) })]

    /// Those who are said to be short of something can make no match. Rules that are not named as undecided are not what
    /// keeps the candidates from one: without them none is possible either.
    #[test]
    fn what_is_short_keeps_from_a_match_and_rules_that_are_not_named_do_not(
        queue in prop_oneof![random_queue(), small(), small()],
        drafts in prop::collection::vec(draft(), 2..8),
    ) {
        let drafts = (1..).zip(drafts);
        let all = drafts.map(|(id, draft)| draft.ticket(id, NOW));
        let all: Vec<Ticket> = all.filter(|ticket| validate(&queue, ticket).is_ok()).collect();
        let Some((own, others)) = all.split_first() else { return Ok(()) };
        // Who is kept out is not spoken of.
        let mut candidates = vec![own.clone()];
        let is_one = |other: &&Ticket| {
            told(&queue, &[own.clone(), (*other).clone()], NOW).candidates.tickets == 1
        };
        candidates.extend(others.iter().filter(is_one).cloned());
        let said = told(&queue, &candidates, NOW);
        let all: Vec<&Ticket> = candidates.iter().collect();
        let found = |queue| possible(queue, &all, Timestamp(NOW), Some(own.id)).is_some();
        prop_assert!(said.short_of.is_empty() || !found(&queue), "they are not short of it");
        let Outlook::Open { rules } = said.outlook else { return Ok(()) };
        if found(&queue) {
            return Ok(());
        }
        let is_named = |rule: &Rule| rules.iter().any(|other| other == rule.name.as_str());
        let mut bare = queue.clone();
        for rule in bare.rules.iter_mut().filter(|rule| !is_of_pairs(&rule.kind)) {
            if !is_named(rule) {
                rule.prefer = rule.prefer.or(Some(1.0));
            }
        }
        prop_assert!(!found(&bare), "only {rules:?} are named");
    }
}
