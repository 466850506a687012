//! What is refused at the door.

use matcher::{FarRegion, LATENCY_MS_MAX, Rejection, prepare, validate};
use model::queue::{
    Aggregate, Comparison, ExpansionTarget, Operand, Queue, Reading, RuleKind, Scope,
};
use model::ticket::Value;
use model::{Millis, Ticket, Timestamp};
use proptest::prelude::*;

use crate::exhaustive::Exhaustive;
use crate::random::{cases, draft, queue_of_last_rules, random_queue};
use crate::world::{QueueExt, TicketExt, compare, name, queue, region, texts, ticket};

fn refusal(queue: &Queue, ticket: &Ticket) -> String {
    validate(queue, ticket).expect_err("a refusal").to_string()
}

#[test]
fn a_party_must_fit_the_queue_and_a_team() {
    let mut q = queue(&[(1, 1), (2, 2)]);
    assert_eq!(validate(&q, &ticket(1, 0, &[])), Err(Rejection::NoPlayers));
    assert_eq!(
        refusal(&q, &ticket(1, 0, &[0.0; 3])),
        "teams: a party of 3 fits no team, the largest has 2 seats"
    );
    assert_eq!(
        refusal(&q, &ticket(1, 0, &[0.0; 5])),
        "party.max_players: a party of 5 is more than 4"
    );
    q.party_players_max = 1;
    assert_eq!(
        refusal(&q, &ticket(1, 0, &[0.0; 2])),
        "party.max_players: a party of 2 is more than 1"
    );
    let mut twice = ticket(1, 0, &[0.0; 2]);
    twice.players[1] = twice.players[0].clone();
    q.party_players_max = 2;
    assert_eq!(refusal(&q, &twice), "player p1-0 is in the party twice");
}

#[test]
fn attributes_are_refused_by_name() {
    let mut q = queue(&[(1, 1), (1, 1)]);
    if let Some(skill) = q.attributes.get_mut("skill") {
        skill.default = None;
    }
    let mut missing = ticket(1, 0, &[0.0]);
    missing.players[0].attributes.clear();
    assert_eq!(
        refusal(&q, &missing),
        "attribute skill: player p1-0 has none, and the queue no default; send players.p1-0.attributes.skill"
    );
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e16] {
        let odd = ticket(1, 0, &[odd]);
        assert_eq!(
            refusal(&q, &odd),
            "attribute skill: player p1-0 gave a number that is not finite or too large"
        );
    }
    let good = ticket(1, 0, &[0.0]);
    assert_eq!(validate(&q, &good), Ok(()));
    let wrong = |attribute, value| refusal(&q, &good.clone().with(attribute, value));
    assert_eq!(
        wrong("skill", texts(&[])),
        "attribute skill: player p1-0 must give a number"
    );
    assert_eq!(
        wrong("build", Value::Number(1.0)),
        "attribute build: player p1-0 must give a text"
    );
    assert_eq!(
        wrong("mode", Value::Number(1.0)),
        "attribute mode: player p1-0 must give a list of texts"
    );
    let long = "x".repeat(129);
    assert_eq!(
        wrong("mode", texts(&[&long])),
        "attribute mode: player p1-0 gave a text of 129 bytes, at most 128 may be"
    );
    assert_eq!(
        wrong("mode", texts(&["x"; 65])),
        "attribute mode: player p1-0 gave more than 64 texts: 65"
    );
    assert!(wrong("build", Value::String(long.clone())).starts_with("attribute build"));
    // Who gave nothing is not blamed for the default.
    if let Some(skill) = q.attributes.get_mut("skill") {
        skill.default = Some(Value::Number(1e16));
    }
    assert!(
        refusal(&q, &missing).starts_with(
            "attribute skill: player p1-0 has none, and the queue's default is no value"
        )
    );
}

#[test]
fn pings_are_refused_where_no_region_can_ever_do() {
    let mut q = queue(&[(2, 2), (2, 2)]);
    q.regions.allow = Some(vec![region("eu"), region("us")]);
    q.regions.max_latency = Some(Millis(50));
    q.regions.max_latency_delta = Some(Millis(10));
    let q = q.widens(ExpansionTarget::MaxLatency, &[(1_000, Some(90.0))]);
    let solo = ticket(1, 0, &[0.0]);
    let with = |pings: &[(&str, u32)]| validate(&q, &solo.clone().pings(pings));
    assert_eq!(
        refusal(&q, &solo),
        "regions.max_latency: player p1-0 has measured no region; send players.p1-0.latencies, the round trip in milliseconds to each region",
        "who measured nothing could be put anywhere"
    );
    let mut free = q.clone();
    free.regions.max_latency = None;
    assert!(refusal(&free, &solo).starts_with("regions.max_latency_delta: player p1-0"));
    free.regions.max_latency_delta = None;
    assert_eq!(validate(&free, &solo), Ok(()));
    assert_eq!(with(&[("eu", 90), ("mars", 4)]), Ok(()));
    assert_eq!(with(&[("mars", 4)]), Err(Rejection::NoRegionAllowed));
    assert_eq!(
        refusal(&q, &solo.clone().pings(&[("eu", 91), ("us", 300)])),
        "regions.max_latency: every allowed region is too far for somebody of the party, even after all expansions; the least too far is eu: 91 ms for player p1-0, 90 may be"
    );
    let absurd = solo.clone().pings(&[("eu", 10), ("us", 99_999)]);
    assert_eq!(
        refusal(&q, &absurd),
        "latencies: player p1-0 gave 99999 ms to region us, more than 10000 is not believed"
    );
    assert!(matches!(
        with(&[("eu", LATENCY_MS_MAX + 1)]),
        Err(Rejection::LatencyAbsurd {
            latency_ms: 10_001,
            ..
        })
    ));
    let mut apart = ticket(1, 0, &[0.0; 2]).pings(&[("eu", 10), ("us", 60)]);
    apart.players[1].latencies = [(region("eu"), 60), (region("us"), 10)]
        .into_iter()
        .collect();
    let delta = Rejection::NoRegionWithin {
        rule: "regions.max_latency_delta",
        nearest: Some(FarRegion {
            region: region("eu"),
            player: apart.players[1].player.clone(),
            measured_ms: 50,
            limit_ms: 10.0,
        }),
    };
    assert_eq!(validate(&q, &apart), Err(delta));
    apart.players[1].latencies.remove(&region("eu"));
    apart.players[0].latencies.remove(&region("us"));
    assert_eq!(validate(&q, &apart), Err(Rejection::NoRegionAllowed));
}

#[test]
fn a_party_may_not_break_a_rule_by_itself() {
    let q = queue(&[(2, 2), (2, 2)])
        .rule(
            "build",
            RuleKind::Equal {
                read: Reading::of(name("build")),
                per: Scope::Match,
            },
        )
        .rule(
            "modes",
            RuleKind::Intersect {
                attribute: name("mode"),
                per: Scope::Match,
                min: 1,
            },
        );
    let mut differ = ticket(1, 0, &[0.0; 2]);
    differ.players[1]
        .attributes
        .insert(name("build"), Value::String("2".into()));
    assert_eq!(
        refusal(&q, &differ),
        "rule build: the players of the party differ"
    );
    let mut apart = ticket(1, 0, &[0.0; 2]).with("mode", texts(&["ctf"]));
    apart.players[1]
        .attributes
        .insert(name("mode"), texts(&["dm"]));
    assert_eq!(
        refusal(&q, &apart),
        "rule modes: the players of the party share 0, at least 1 are needed"
    );
}

#[test]
fn prepare_fills_defaults_and_drops_what_the_queue_does_not_read() {
    let mut q = queue(&[(1, 1), (1, 1)]);
    q.regions.allow = Some(vec![region("eu")]);
    let mut t = ticket(1, 0, &[5.0])
        .with("scarf", Value::Number(1.0))
        .pings(&[("eu", 3), ("mars", 1)]);
    prepare(&q, &mut t);
    let player = &t.players[0];
    assert_eq!(player.attributes.get("skill"), Some(&Value::Number(5.0)));
    assert_eq!(player.attributes.get("rank"), Some(&Value::Number(0.0)));
    assert_eq!(player.attributes.get("scarf"), None);
    assert_eq!(player.latencies.len(), 1);
}

#[test]
fn a_party_that_no_match_could_have_is_refused_with_the_rule_that_keeps_it_out() {
    let hat = || Reading::of(name("hat"));
    let q = queue(&[(3, 3), (3, 3)]);
    let with = |kind: RuleKind| q.clone().rule("the-rule", kind);
    let mut party = ticket(1, 0, &[10.0, 90.0]);
    for (player, hat) in party.players.iter_mut().zip(["red", "red"]) {
        let hat = Value::String(hat.into());
        player.attributes.insert(name("hat"), hat);
    }
    let compare = |per, of, by, with| RuleKind::Compare {
        read: Reading::of(name("skill")),
        per,
        of,
        team: None,
        by,
        with,
    };
    let mean = Aggregate::Mean;
    let per_player = compare(
        Scope::Player,
        mean,
        Comparison::AtLeast,
        Operand::Number(50.0),
    );
    let per_party = compare(
        Scope::Party,
        Aggregate::Sum,
        Comparison::Less,
        Operand::Number(100.0),
    );
    let other = Operand::Reading(Reading::of(name("rank")));
    let below_rank = compare(Scope::Player, mean, Comparison::Less, other);
    let apart = RuleKind::Distance {
        read: Reading::of(name("skill")),
        per: Scope::Player,
        of: mean,
        max: 50.0,
    };
    let one_hat = RuleKind::Different {
        read: hat(),
        per: Scope::Team,
    };
    let few = RuleKind::Contains {
        attribute: name("hat"),
        values: vec!["red".into()],
        per: Scope::Team,
        team: None,
        min: 0,
        max: Some(1),
    };
    for (kind, why) in [
        (per_player.clone(), "player p1-0 has skill 10, not >= 50"),
        (per_party.clone(), "the party has skill 100, not < 100"),
        (below_rank, "player p1-0 has skill 10, not < 0"),
        (apart, "its players differ by 80 in skill, 50 may be"),
        (one_hat.clone(), "two of its players have the same hat"),
        (few, "2 of its players have red, 1 may"),
        (
            RuleKind::Any(vec![per_player.clone(), one_hat.clone()]),
            "player p1-0 has skill 10, not >= 50 and two of its players have the same hat",
        ),
    ] {
        let said = refusal(&with(kind), &party);
        assert_eq!(
            said,
            format!("rule the-rule: {why}, whoever joins the party")
        );
    }
    let mut silent = ticket(1, 0, &[0.0]);
    silent.players[0].attributes.clear();
    let said = refusal(&with(per_player.clone()), &silent);
    assert!(
        said.contains("player p1-0 has skill 0 by default, not >= 50"),
        "{said}"
    );
    let equal_hats = RuleKind::Equal {
        read: hat(),
        per: Scope::Team,
    };
    let fine = with(RuleKind::Any(vec![one_hat, equal_hats]));
    assert_eq!(validate(&fine, &party), Ok(()), "one of the two is enough");
    let widens = with(per_player).widens(ExpansionTarget::RuleMin(0), &[(1_000, Some(10.0))]);
    assert_eq!(validate(&widens, &party), Ok(()), "it reaches him in time");
    let given_up = with(per_party).widens(ExpansionTarget::Rule(0), &[(1_000, None)]);
    assert_eq!(
        validate(&given_up, &party),
        Ok(()),
        "it is given up in time"
    );
}

#[test]
fn numbers_by_key_are_refused_by_name() {
    let mut q = queue(&[(1, 1), (1, 1)]);
    let read = Reading {
        attribute: name("level"),
        key: Some("duel".into()),
    };
    q = q.rule(
        "gap",
        RuleKind::Distance {
            read,
            per: Scope::Party,
            of: Aggregate::Mean,
            max: 5.0,
        },
    );
    let of = |key: &str, x: f64| {
        let numbers = Value::Numbers([(key.to_owned(), x)].into());
        ticket(1, 0, &[0.0]).with("level", numbers)
    };
    assert_eq!(validate(&q, &of("duel", 3.0)), Ok(()));
    assert_eq!(
        validate(&q, &of("raid", 3.0)),
        Ok(()),
        "the default's number stands in for the one that is missing"
    );
    for odd in [f64::NAN, f64::INFINITY, -1e16] {
        assert!(refusal(&q, &of("duel", odd)).contains("not finite or too large"));
    }
    let wrong = ticket(1, 0, &[0.0]).with("level", Value::Number(1.0));
    assert_eq!(
        refusal(&q, &wrong),
        "attribute level: player p1-0 must give a map of numbers"
    );
    assert!(refusal(&q, &of(&"x".repeat(129), 1.0)).starts_with("attribute level"));
    if let Some(level) = q.attributes.get_mut("level") {
        level.default = None;
    }
    assert_eq!(
        refusal(&q, &of("raid", 3.0)),
        "rule gap: player p1-0 has no level.duel, and the queue no default; send players.p1-0.attributes.level.duel"
    );
}

#[test]
fn a_party_that_leaves_no_seat_for_the_other_roles_is_refused() {
    let mut q = queue(&[(2, 3), (2, 3)]);
    q.role_attribute = Some(name("mode"));
    for team in &mut q.teams {
        team.roles = [(name("tank"), 1), (name("healer"), 1)].into();
    }
    let of = |players: &[&[&str]]| {
        let mut party = ticket(1, 0, &vec![0.0; players.len()]);
        for (player, roles) in party.players.iter_mut().zip(players) {
            player.attributes.insert(name("mode"), texts(roles));
        }
        party
    };
    assert_eq!(
        refusal(&q, &of(&[&["tank"], &["tank"], &["tank"]])),
        "roles: no team has room for this party of 3 and for the roles that none of its players takes; send others as players.ID.attributes.mode"
    );
    assert!(
        validate(&q, &of(&[&[], &[]])).is_err(),
        "one seat, two roles"
    );
    for fine in [
        &[&["tank"][..], &["tank"]][..],
        &[&["tank", "healer"], &["tank"], &[]],
        &[&[]],
    ] {
        assert_eq!(validate(&q, &of(fine)), Ok(()), "{fine:?}");
    }
    q.teams[1].roles.clear();
    let tanks = of(&[&["tank"], &["tank"], &["tank"]]);
    assert_eq!(validate(&q, &tanks), Ok(()), "the other team wants none");
}

/// Somebody of a match, or of each team, has this mode.
fn contains(value: &str, per: Scope) -> RuleKind {
    RuleKind::Contains {
        attribute: name("mode"),
        values: vec![value.into()],
        per,
        team: None,
        min: 1,
        max: None,
    }
}

#[test]
fn who_brings_what_nobody_may_bring_is_refused() {
    let duel = queue(&[(1, 1), (1, 1)]);
    let smurf = ticket(1, 0, &[0.0]).with("mode", texts(&["smurf"]));
    let not = |kind| RuleKind::Not(Box::new(kind));
    let no_smurf = duel
        .clone()
        .rule("no-smurf", not(contains("smurf", Scope::Match)));
    assert_eq!(
        refusal(&no_smurf, &smurf),
        "rule no-smurf: 1 of its players has smurf, which may not be, whoever joins the party"
    );
    assert_eq!(validate(&no_smurf, &ticket(1, 0, &[0.0])), Ok(()));
    let of_teams = duel
        .clone()
        .rule("some", not(contains("smurf", Scope::Team)));
    assert_eq!(
        validate(&of_teams, &smurf),
        Ok(()),
        "the other team need not have one"
    );
    let twice = duel
        .clone()
        .rule("any", not(not(contains("smurf", Scope::Match))));
    assert_eq!(
        validate(&twice, &ticket(1, 0, &[0.0])),
        Ok(()),
        "somebody else may bring it"
    );
    let either = RuleKind::All(vec![
        contains("smurf", Scope::Match),
        compare(
            Scope::Match,
            Aggregate::Max,
            None,
            Comparison::AtLeast,
            10.0,
        ),
    ]);
    let not_both = duel.rule("not-both", not(either));
    assert_eq!(
        validate(&not_both, &smurf),
        Ok(()),
        "a smurf below 10 meets others below 10"
    );
    assert_eq!(
        refusal(
            &not_both,
            &ticket(1, 0, &[10.0]).with("mode", texts(&["smurf"]))
        ),
        "rule not-both: 1 of its players has smurf and its highest has skill 10, which may not be, whoever joins the party"
    );
    let wish = model::queue::Rule {
        name: name("wish"),
        prefer: Some(1.0),
        kind: not(contains("smurf", Scope::Match)),
    };
    let mut wished = queue(&[(1, 1), (1, 1)]);
    wished.rules.push(wish);
    assert_eq!(validate(&wished, &smurf), Ok(()), "a wish refuses nobody");
}

#[test]
fn a_highest_or_lowest_number_that_only_gets_worse_is_refused() {
    let duos = queue(&[(2, 2), (2, 2)]);
    let (low, high) = (Aggregate::Min, Aggregate::Max);
    for per in [Scope::Match, Scope::Team] {
        let with = |of, by| duos.clone().rule("top", compare(per, of, None, by, 1500.0));
        for (of, by, skill, is_fine) in [
            (high, Comparison::Less, 2000.0, false),
            (high, Comparison::Less, 1500.0, false),
            (high, Comparison::Less, 1499.0, true),
            (high, Comparison::AtMost, 1500.0, true),
            (high, Comparison::AtMost, 1501.0, false),
            (high, Comparison::AtLeast, 0.0, true),
            (high, Comparison::Equal, 1500.0, true),
            (high, Comparison::Equal, 1499.0, true),
            (high, Comparison::Equal, 1501.0, false),
            (high, Comparison::Unequal, 1500.0, true),
            (low, Comparison::Greater, 1000.0, false),
            (low, Comparison::Greater, 1500.0, false),
            (low, Comparison::AtLeast, 1500.0, true),
            (low, Comparison::AtLeast, 1499.0, false),
            (low, Comparison::Less, 2000.0, true),
            (low, Comparison::Equal, 1499.0, false),
            (low, Comparison::Equal, 2000.0, true),
            (Aggregate::Mean, Comparison::Less, 2000.0, true),
            (Aggregate::Sum, Comparison::Less, 2000.0, true),
        ] {
            let said = validate(&with(of, by), &ticket(1, 0, &[skill]));
            assert_eq!(said.is_ok(), is_fine, "{of:?} {by} {skill}: {said:?}");
        }
    }
    let top = duos.rule(
        "top",
        compare(Scope::Match, high, None, Comparison::Less, 1500.0),
    );
    assert_eq!(
        refusal(&top, &ticket(1, 0, &[2000.0])),
        "rule top: its highest has skill 2000, not < 1500, whoever joins the party"
    );
    let widens = top.widens(ExpansionTarget::Rule(0), &[(1_000, Some(2001.0))]);
    assert_eq!(validate(&widens, &ticket(1, 0, &[2000.0])), Ok(()));
}

#[test]
fn a_party_that_fills_its_team_must_keep_what_is_asked_of_it() {
    let duos = queue(&[(2, 2), (2, 2)]);
    let healer = duos.clone().rule("healer", contains("healer", Scope::Team));
    let two = ticket(1, 0, &[1000.0; 2]);
    assert_eq!(
        refusal(&healer, &two),
        "rule healer: 0 of its players have healer, 1 must, and the party of 2 leaves no seat of its team to others; fewer may queue together"
    );
    assert_eq!(
        validate(&healer, &ticket(1, 0, &[0.0])),
        Ok(()),
        "a healer may join"
    );
    let mut heals = two.clone();
    heals.players[1]
        .attributes
        .insert(name("mode"), texts(&["healer"]));
    assert_eq!(validate(&healer, &heals), Ok(()));
    let larger = queue(&[(2, 2), (2, 3)]).rule("healer", contains("healer", Scope::Team));
    assert_eq!(
        validate(&larger, &two),
        Ok(()),
        "in the larger team one may join"
    );
    let anywhere = duos
        .clone()
        .rule("healer", contains("healer", Scope::Match));
    assert_eq!(
        validate(&anywhere, &two),
        Ok(()),
        "the others may bring one"
    );
    let strong = |team, by| compare(Scope::Team, Aggregate::Mean, team, by, 1500.0);
    let all_strong = duos
        .clone()
        .rule("strong", strong(None, Comparison::AtLeast));
    assert_eq!(
        refusal(&all_strong, &two),
        "rule strong: the party has skill 1000, not >= 1500, and the party of 2 leaves no seat of its team to others; fewer may queue together"
    );
    assert_eq!(
        validate(&all_strong, &ticket(1, 0, &[1000.0])),
        Ok(()),
        "he may be lifted"
    );
    let one_strong = duos
        .clone()
        .rule("strong", strong(Some(0), Comparison::AtLeast));
    assert_eq!(
        validate(&one_strong, &two),
        Ok(()),
        "the other team is not asked"
    );
    let falls = all_strong.widens(ExpansionTarget::RuleMin(0), &[(1_000, Some(1000.0))]);
    assert_eq!(validate(&falls, &two), Ok(()), "it falls in time");
    let uneven = queue(&[(2, 2), (1, 1)]).rule("strong", strong(Some(0), Comparison::AtLeast));
    assert_eq!(
        refusal(&uneven, &two),
        "rule strong: on team team0 the party has skill 1000, not >= 1500, and the party of 2 leaves no seat of its team to others; fewer may queue together"
    );
    assert_eq!(validate(&uneven, &ticket(1, 0, &[1000.0])), Ok(()));
    let both = uneven.rule("weak", strong(Some(1), Comparison::Less));
    assert_eq!(validate(&both, &ticket(1, 0, &[1000.0])), Ok(()));
    let alone = ticket(1, 0, &[1600.0]);
    let nowhere = queue(&[(1, 1), (1, 1)])
        .rule("weak", strong(Some(0), Comparison::Less))
        .rule("weaker", strong(Some(1), Comparison::Less));
    assert_eq!(
        refusal(&nowhere, &alone),
        "rule weak: on team team0 the party has skill 1600, not < 1500, and the party of 1 leaves no seat of its team to others"
    );
}

#[test]
fn steps_that_no_ticket_lives_to_see_let_nobody_in() {
    let lives = |mut ticket: Ticket, ms: i64| {
        ticket.expires_at = Some(Timestamp(ms));
        ticket
    };
    let mut near = queue(&[(1, 1), (1, 1)]);
    near.regions.max_latency = Some(Millis(50));
    let near = near.widens(ExpansionTarget::MaxLatency, &[(10_000, Some(500.0))]);
    let far = ticket(1, 0, &[0.0]).pings(&[("eu", 100)]);
    assert_eq!(
        refusal(&near, &lives(far.clone(), 3_000)),
        "regions.max_latency: every allowed region is too far for somebody of the party, even after all expansions; the least too far is eu: 100 ms for player p1-0, 50 may be"
    );
    let gap = RuleKind::Distance {
        read: Reading::of(name("skill")),
        per: Scope::Player,
        of: Aggregate::Mean,
        max: 10.0,
    };
    let gap = queue(&[(2, 2), (2, 2)])
        .rule("gap", gap)
        .widens(ExpansionTarget::Rule(0), &[(10_000, Some(500.0))]);
    let apart = ticket(1, 0, &[1.0, 500.0]);
    assert_eq!(
        refusal(&gap, &lives(apart.clone(), 5_000)),
        "rule gap: its players differ by 499 in skill, 10 may be, whoever joins the party"
    );
    for (queue, ticket) in [(&near, &far), (&gap, &apart)] {
        let at = |ms| validate(queue, &lives(ticket.clone(), ms)).is_ok();
        assert_eq!(
            [9_999, 10_000, 10_001].map(at),
            [false, false, true],
            "it expires at its last"
        );
        assert_eq!(validate(queue, ticket), Ok(()), "it waits for ever");
    }
}

proptest! {
    #![proptest_config(cases(400))]

    /// Nobody is refused for a rule whom a match could hold at any time of his life.
    #[test]
    fn who_is_refused_for_a_rule_is_in_no_match_at_all(
        queue in prop_oneof![random_queue(), queue_of_last_rules()],
        drafts in prop::collection::vec(draft(), 1..=7),
        later in prop::collection::vec(0_i64..12_000, 0..3),
    ) {
        let drafts = (0..).zip(&drafts);
        let tickets: Vec<Ticket> = drafts.map(|(id, draft)| draft.ticket(id, 0)).collect();
        let all: Vec<&Ticket> = tickets.iter().collect();
        let mut judge = Exhaustive::default();
        for ticket in &tickets {
            let Err(refusal) = validate(&queue, ticket) else { continue };
            if matches!(refusal, Rejection::AvoidNotTaken { .. } | Rejection::LatenciesMissing { .. }) {
                continue;
            }
            let last = ticket.expires_at.map(|at| at.0 - 1);
            for at in later.iter().copied().chain(last).chain([0, 100_000]) {
                let found = judge.possible(&queue, &all, Timestamp(at), Some(ticket.id));
                prop_assert_eq!(found, None, "{} at {}", refusal, at);
            }
        }
    }
}
