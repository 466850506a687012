//! Newcomers brought together before they play (R34, R55, R57-R59), over HTTP on a clock that the test moves.

use model::session::{Failure, Measurement, Stage};
use model::wire::{CreateSession, JoinSession, Reserve, Session, UpdateMember};
use sdk::{Client, Who};
use tests::queue::{queue_alone, session_of, ticket};
use tests::world::{START, World, active, create, join, of, refused, seat, states};
use tests::{Host, run};

use model::Millis;
use model::wire::MemberState::{Active, Ready, Reserved};

const TYPES: &str = include_str!("../src/together_types.yaml");

fn together(of_type: &str, reserved: &[&str]) -> CreateSession {
    CreateSession {
        reserve: reserved.iter().map(|name| seat(name)).collect(),
        initialize: true,
        ..of(of_type)
    }
}

fn newcomer() -> JoinSession {
    JoinSession {
        initialize: true,
        ..active()
    }
}

/// What a member measured of the peers on these devices: latency, bandwidth in both directions.
fn measured(peers: &[(&str, u32, u32)]) -> UpdateMember {
    let of = |latency, bandwidth| Measurement {
        latency: Some(latency),
        bandwidth_down: Some(bandwidth),
        bandwidth_up: Some(bandwidth),
        ..Measurement::default()
    };
    UpdateMember {
        measurements: Some(
            peers
                .iter()
                .map(|(token, latency, bandwidth)| ((*token).to_owned(), of(*latency, *bandwidth)))
                .collect(),
        ),
        ..UpdateMember::default()
    }
}

async fn uploads(client: &Client, session: &Session, peers: &[(&str, u32, u32)]) {
    let body = measured(peers);
    let uploaded = client.update_member(session.id, Who::Me, &body).await;
    uploaded.expect("his own");
}

fn stage(session: &Session) -> (u32, Stage) {
    let init = session.initializing.expect("an episode");
    (init.episode, init.stage)
}

fn failures(session: &Session) -> Vec<(&str, Option<Failure>)> {
    let members = session.members.iter();
    members
        .map(|member| (member.player.as_str(), member.initialization_failure))
        .collect()
}

#[test]
fn r55_r57_episode_1_below_its_members_needed_fails_and_the_session_takes_nobody_in() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob, admin] = [world.player("ann"), world.player("bob"), world.admin()];
        let made = ann.create_session(&together("Gathered", &["bob"])).await;
        let made = made.expect("a session");
        let id = made.id;
        assert_eq!(stage(&made), (1, Stage::Joining));
        assert_eq!(
            made.next_timer.expect("the join time-out").0,
            START + Millis(10_000)
        );
        let episodes: Vec<_> = made
            .members
            .iter()
            .map(|m| m.initialization_episode)
            .collect();
        assert_eq!(episodes, [Some(1), Some(1)]);
        world.at(9_999);
        let read = admin.session(id).await.expect("it");
        assert_eq!(states(&read), [("ann", Active), ("bob", Reserved)]);
        world.at(10_000);
        // The reservation is removed, the joiner marked, the stage failed: one settle, one change.
        let read = admin.session(id).await.expect("it");
        assert_eq!(failures(&read), [("ann", Some(Failure::Episode))]);
        assert_eq!(stage(&read), (1, Stage::Failed));
        assert_eq!(read.change_number, made.change_number + 1);
        // Removed by the next one, at the same instant.
        let read = admin.session(id).await.expect("kept when empty");
        assert_eq!(states(&read), []);
        refused(join(&bob, id).await, 409, "initialization-failed");
        refused(
            bob.join(id, Who::Me, &newcomer()).await,
            409,
            "initialization-failed",
        );
        let hold = Reserve {
            players: vec![seat("cid")],
            ..Reserve::default()
        };
        refused(admin.reserve(id, &hold).await, 409, "initialization-failed");
        world.stop().await;
    });
}

#[test]
fn r57_an_episode_whose_members_came_is_done_and_later_ones_fail_only_their_own() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let made = ann.create_session(&together("Gathered", &["bob"])).await;
        let id = made.expect("a session").id;
        let ready = JoinSession {
            ready: true,
            ..JoinSession::default()
        };
        bob.join(id, Who::Me, &ready).await.expect("his seat");
        let read = ann.session(id).await.expect("it");
        assert_eq!(stage(&read), (1, Stage::Done));
        // Two more come with the next episode: one joins, one does not.
        let hold = Reserve {
            players: vec![seat("cid"), seat("dan")],
            initialize: true,
        };
        let read = ann.reserve(id, &hold).await.expect("hers");
        assert_eq!(stage(&read), (2, Stage::Joining));
        let mut third = newcomer();
        third.active = true;
        cid.join(id, Who::Me, &third).await.expect("his seat");
        // Whoever comes meanwhile waits for the one after.
        let eve = world.player("eve");
        let read = eve.join(id, Who::Me, &third).await.expect("a seat");
        assert_eq!(stage(&read), (2, Stage::Joining));
        assert_eq!(read.members[4].initialization_episode, Some(3));
        world.at(10_000);
        let read = ann.session(id).await.expect("it");
        assert_eq!(stage(&read), (2, Stage::Done));
        let names: Vec<&str> = states(&read).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["ann", "bob", "cid", "eve"], "dan did not come");
        let read = ann.session(id).await.expect("it");
        assert_eq!(stage(&read), (3, Stage::Joining));
        let read = ann.session(id).await.expect("it");
        assert_eq!(stage(&read), (3, Stage::Done));
        assert!(failures(&read).iter().all(|(_, failure)| failure.is_none()));
        // An episode of which nobody comes fails, and nothing else does.
        let hold = Reserve {
            players: vec![seat("fay")],
            initialize: true,
        };
        ann.reserve(id, &hold).await.expect("hers");
        world.at(20_000);
        let read = ann.session(id).await.expect("it");
        assert_eq!((stage(&read), read.members.len()), ((4, Stage::Failed), 4));
        join(&world.player("gus"), id).await.expect("it goes on");
        world.stop().await;
    });
}

#[test]
fn f29_initialization_replaces_the_ready_time_out_for_its_members_alone() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob, admin] = [world.player("ann"), world.player("bob"), world.admin()];
        // `ready_removal` is 1 s.
        let body = CreateSession {
            me: Some(JoinSession {
                ready: true,
                ..JoinSession::default()
            }),
            ..together("Gathered", &["cid"])
        };
        let id = ann.create_session(&body).await.expect("a session").id;
        let ready = JoinSession {
            ready: true,
            ..JoinSession::default()
        };
        bob.join(id, Who::Me, &ready).await.expect("a seat");
        world.at(1_000);
        let read = admin.session(id).await.expect("it");
        assert_eq!(read.members[0].state, Ready, "of the episode");
        assert_ne!(read.members[2].state, Ready, "not of it");
        world.stop().await;
    });
}

#[test]
fn r58_measuring_ends_when_all_have_measured_or_the_time_is_over() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let made = ann
            .create_session(&together("Peers", &["bob", "cid"]))
            .await;
        let made = made.expect("a session");
        let id = made.id;
        for client in [&bob, &cid] {
            join(client, id).await.expect("his seat");
        }
        world.at(1_000);
        let read = ann.session(id).await.expect("it");
        assert_eq!(stage(&read), (1, Stage::Measuring));
        assert_eq!(
            read.next_timer.expect("a deadline").0,
            START + Millis(31_000)
        );
        uploads(&ann, &read, &[("d1", 20, 5_000), ("d2", 30, 5_000)]).await;
        uploads(&bob, &read, &[("d0", 20, 5_000), ("d2", 30, 5_000)]).await;
        world.at(30_999);
        assert_eq!(
            stage(&ann.session(id).await.expect("it")),
            (1, Stage::Measuring)
        );
        world.at(31_000);
        let read = ann.session(id).await.expect("it");
        assert_eq!(stage(&read), (1, Stage::Done));
        let timeout = Some(Failure::Timeout);
        assert_eq!(
            failures(&read),
            [("ann", None), ("bob", None), ("cid", timeout)]
        );
        let read = ann.session(id).await.expect("it");
        assert_eq!(failures(&read), [("ann", None), ("bob", None)]);
        // A later one is judged as soon as he has measured everybody who is there.
        let read = cid.join(id, Who::Me, &newcomer()).await.expect("a seat");
        let token = read.members[2].device_token.clone().expect("a token");
        assert_eq!((token.as_str(), stage(&read)), ("d3", (2, Stage::Joining)));
        assert_eq!(
            stage(&ann.session(id).await.expect("it")),
            (2, Stage::Measuring)
        );
        uploads(&cid, &read, &[("d0", 20, 5_000), ("d1", 101, 5_000)]).await;
        let read = ann.session(id).await.expect("it");
        assert_eq!(stage(&read), (2, Stage::Failed));
        let latency = Some(Failure::Latency);
        assert_eq!(
            failures(&read),
            [("ann", None), ("bob", None), ("cid", latency)]
        );
        world.stop().await;
    });
}

#[test]
fn f29_the_reason_is_the_first_of_latency_bandwidth_and_network() {
    run(async {
        let world = World::with(TYPES).await;
        let good = |token| (token, 20, 5_000);
        let cases = [
            (vec![("d0", 101, 1)], Failure::Latency),
            (vec![("d0", 100, 999)], Failure::BandwidthDown),
            (vec![], Failure::Network),
        ];
        for (number, (of_dan, expected)) in cases.into_iter().enumerate() {
            let [ann, bob, dan] =
                ["ann", "bob", "dan"].map(|name| world.player(&format!("{name}{number}")));
            let (bobs, dans) = (format!("bob{number}"), format!("dan{number}"));
            let made = ann
                .create_session(&together("Peers", &[&bobs, &dans]))
                .await;
            let made = made.expect("a session");
            for client in [&bob, &dan] {
                join(client, made.id).await.expect("his seat");
            }
            let read = ann.session(made.id).await.expect("it");
            assert_eq!(stage(&read), (1, Stage::Measuring));
            uploads(&ann, &read, &[good("d1"), good("d2")]).await;
            uploads(&bob, &read, &[good("d0"), good("d2")]).await;
            let mut peers = of_dan;
            peers.push(good("d1"));
            uploads(&dan, &read, &peers).await;
            let read = ann.session(made.id).await.expect("it");
            assert_eq!(stage(&read), (1, Stage::Done));
            // One of the two who do not reach each other goes, the one who came last.
            assert_eq!(failures(&read)[2].1, Some(expected));
            assert_eq!(failures(&read)[0].1, None);
        }
        world.stop().await;
    });
}

#[test]
fn r34_who_lists_somebody_that_fails_fails_with_him() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let made = ann
            .create_session(&together("Gathered", &["bob", "cid", "dan"]))
            .await;
        let id = made.expect("a session").id;
        join(&bob, id).await.expect("his seat");
        // cid, the last who comes, says so as he joins.
        let with_bob = JoinSession {
            initialization_group: vec![1, 2],
            ..active()
        };
        cid.join(id, Who::Me, &with_bob).await.expect("his seat");
        let group = |members: &[u32]| UpdateMember {
            initialization_group: Some(members.to_vec()),
            ..UpdateMember::default()
        };
        // bob will not play without dan, and cid not without bob.
        bob.update_member(id, Who::Me, &group(&[3]))
            .await
            .expect("his");
        let full: Vec<u32> = (0..100).collect();
        let read = ann.update_member(id, Who::Me, &group(&full)).await;
        let read = read.expect("at the limit");
        assert_eq!(read.members[0].initialization_group, full);
        ann.update_member(id, Who::Me, &group(&[]))
            .await
            .expect("hers");
        let too_many: Vec<u32> = (0..101).collect();
        let refusal = cid.update_member(id, Who::Me, &group(&too_many)).await;
        refused(refusal, 422, "invalid");
        world.at(10_000);
        let read = ann.session(id).await.expect("it");
        assert_eq!(
            stage(&read),
            (1, Stage::Failed),
            "one is left of the two needed"
        );
        let expected = [
            ("ann", Some(Failure::Episode)),
            ("bob", Some(Failure::Group)),
            ("cid", Some(Failure::Group)),
        ];
        assert_eq!(failures(&read), expected);
        world.stop().await;
    });
}

#[test]
fn r59_any_joined_member_decides_once_and_no_decision_is_a_failure() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob, eve] = ["ann", "bob", "eve"].map(|name| world.player(name));
        let made = ann.create_session(&together("Judged", &[])).await;
        let id = made.expect("a session").id;
        join(&bob, id).await.expect("a seat");
        refused(eve.post_evaluation(id, true).await, 403, "not-member");
        let read = ann.session(id).await.expect("it");
        assert_eq!(stage(&read), (1, Stage::Evaluating));
        assert_eq!(
            read.next_timer.expect("a deadline").0,
            START + Millis(5_000)
        );
        let posted = bob.post_evaluation(id, true).await.expect("a member's");
        assert_eq!(
            stage(&posted),
            (1, Stage::Evaluating),
            "the next settle looks"
        );
        let read = ann.session(id).await.expect("it");
        assert_eq!(stage(&read), (1, Stage::Done));
        refused(ann.post_evaluation(id, true).await, 409, "conflict");
        // Of the second episode the decision comes too late.
        eve.join(id, Who::Me, &newcomer()).await.expect("a seat");
        assert_eq!(
            stage(&ann.session(id).await.expect("it")),
            (2, Stage::Evaluating)
        );
        world.at(5_000);
        refused(ann.post_evaluation(id, true).await, 409, "conflict");
        let read = ann.session(id).await.expect("it");
        assert_eq!(states(&read), [("ann", Active), ("bob", Active)]);
        // Of the third the first decision counts, which is a no.
        eve.join(id, Who::Me, &newcomer()).await.expect("a seat");
        assert_eq!(
            stage(&ann.session(id).await.expect("it")),
            (3, Stage::Evaluating)
        );
        ann.post_evaluation(id, false).await.expect("a member's");
        let read = ann.session(id).await.expect("it");
        assert_eq!(failures(&read)[2], ("eve", Some(Failure::Episode)));
        world.stop().await;
    });
}

#[test]
fn f29_after_episode_1_hosts_are_proposed_best_first() {
    run(async {
        let world = World::with(TYPES).await;
        let clients = ["ann", "bob", "cid"].map(|name| world.player(name));
        let [ann, bob, cid] = &clients;
        let made = ann
            .create_session(&together("Hosted", &["bob", "cid"]))
            .await;
        let id = made.expect("a session").id;
        for client in [bob, cid] {
            join(client, id).await.expect("his seat");
        }
        let read = ann.session(id).await.expect("it");
        assert_eq!(stage(&read), (1, Stage::Measuring));
        // cid is nearest to both, ann is farther, and from cid nobody reaches bob.
        uploads(ann, &read, &[("d1", 90, 0), ("d2", 30, 0)]).await;
        uploads(bob, &read, &[("d0", 90, 0), ("d2", 40, 0)]).await;
        uploads(cid, &read, &[("d0", 50, 0), ("d1", 120, 0)]).await;
        assert_eq!(
            stage(&ann.session(id).await.expect("it")),
            (1, Stage::Measuring)
        );
        // The servers are to be measured too; that none was reached is an answer (row 45).
        let none = UpdateMember {
            server_measurements: Some(Default::default()),
            ..UpdateMember::default()
        };
        for client in &clients {
            client.update_member(id, Who::Me, &none).await.expect("his");
        }
        let read = ann.session(id).await.expect("it");
        assert_eq!(stage(&read), (1, Stage::Done));
        assert_eq!(read.host_candidates, ["d2", "d0"]);
        cid.leave(id, Who::Me).await.expect("his");
        let read = ann.session(id).await.expect("it");
        assert_eq!(read.host_candidates, ["d0"], "who is gone hosts nothing");
        world.stop().await;
    });
}

#[test]
fn row_47_a_match_initializes_and_its_join_clock_starts_with_the_instance() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob] = ["ann", "bob"].map(|name| world.player(name));
        let first = queue_alone(&ann, &ticket("duel")).await;
        queue_alone(&bob, &ticket("duel")).await;
        let id = session_of(&ann, first.id).await;
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let read = ann.session(id).await.expect("the match");
        assert_eq!(stage(&read), (1, Stage::Joining));
        // A cold game server takes longer than they have to join.
        world.at(25_000);
        let read = ann.session(id).await.expect("the match");
        assert_eq!((stage(&read), read.members.len()), ((1, Stage::Joining), 2));
        host.open(id).await;
        world.at(44_999);
        let read = ann.session(id).await.expect("the match");
        assert_eq!((stage(&read), read.members.len()), ((1, Stage::Joining), 2));
        for client in [&ann, &bob] {
            join(client, id).await.expect("his seat");
        }
        let read = ann.session(id).await.expect("the match");
        assert_eq!(stage(&read), (1, Stage::Measuring));
        // R58: of the two minutes that the type gives 45 s count. The timers look by themselves.
        world.at(44_999 + 44_999);
        world.run_timers().await;
        let read = world.admin().session(id).await.expect("the match");
        assert_eq!(stage(&read), (1, Stage::Measuring));
        // They mark who failed, then remove him; with the last one the session ends.
        world.at(44_999 + 45_000);
        world.run_timers().await;
        world.run_timers().await;
        refused(world.admin().session(id).await, 404, "not-found");
        world.stop().await;
    });
}

#[test]
fn row_37_who_does_not_ask_is_not_initialized_and_types_without_it_say_so() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob] = ["ann", "bob"].map(|name| world.player(name));
        let made = create(&ann, "Peers").await;
        assert_eq!(made.initializing, None);
        let read = join(&bob, made.id).await.expect("a seat");
        assert_eq!(
            (read.initializing, read.members[1].initialization_episode),
            (None, None)
        );
        // Nobody waits for who came otherwise: an episode of later comers is not the first.
        let cid = world.player("cid");
        let read = cid.join(made.id, Who::Me, &newcomer()).await;
        assert_eq!(stage(&read.expect("a seat")), (2, Stage::Joining));
        refused(
            ann.create_session(&together("Room", &[])).await,
            422,
            "invalid",
        );
        let room = create(&ann, "Room").await.id;
        refused(bob.join(room, Who::Me, &newcomer()).await, 422, "invalid");
        world.stop().await;
    });
}
