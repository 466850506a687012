//! Queues that a reload moves into other groups, takes away or puts back: who waits where, as after a restart.

use std::collections::BTreeMap;

use model::ticket::TicketState;
use model::wire::{CreateTicket, Ticket};
use model::{Name, TicketId};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use sdk::Client;
use tests::queue::{NO, once, queue_alone, ticket};
use tests::world::World;
use tests::{SESSION_TYPES, eventually, run};

/// Duels that wait for their players' word, each queue of the group beside its name.
fn duels(groups: &[(&str, &str)]) -> String {
    let asks = "teams: { count: 2, size: 1 }\nacceptance: { required: true, timeout: 4m }\n";
    with(groups, asks)
}

/// Queues in which everybody waits on.
fn paused(groups: &[(&str, &str)]) -> String {
    with(groups, "teams: { count: 2, size: 1 }\nactive: false\n")
}

fn with(groups: &[(&str, &str)], more: &str) -> String {
    let queue = |(name, group): &(&str, &str)| {
        format!(
            "---\napiVersion: v1\nkind: Queue\nname: {name}\ngroup: {group}\nsession_type: Game\n\
             regions: {{ allow: [eu-west] }}\n{more}"
        )
    };
    let queues: String = groups.iter().map(queue).collect();
    format!("{SESSION_TYPES}{queues}")
}

fn several(queues: &[&str]) -> CreateTicket {
    CreateTicket {
        queues: queues.iter().map(|&queue| queue.to_owned()).collect(),
        ..CreateTicket::default()
    }
}

/// Until so many wait in a queue, of whatever region.
async fn once_waiting(world: &World, queue: &str, waiting: u32) {
    let name = queue.parse().expect("a name");
    eventually(&format!("{waiting} to wait in {queue}"), async || {
        let queue = world.admin().queue(&name).await.expect("the queue");
        let of_regions = queue.by_region.iter().map(|region| region.waiting);
        ([queue.waiting, of_regions.sum()] == [waiting; 2]).then_some(())
    })
    .await;
}

/// In which of its queues a ticket waits, and its place by age in each.
async fn places(world: &World, id: TicketId) -> BTreeMap<Name, (u64, u64)> {
    let said = world.admin().explain_ticket(id).await.expect("it");
    let one = said.search.map(|search| (said.queue, search));
    let several = said.queues.into_iter();
    let several = several.filter_map(|one| one.search.map(|search| (one.queue, search)));
    let all = one.into_iter().chain(several);
    all.map(|(queue, search)| (queue, (search.position, search.position_of)))
        .collect()
}

async fn once_in(world: &World, id: TicketId, queues: &[&str]) {
    let what = format!("ticket {id} to wait in {queues:?}");
    eventually(&what, async || {
        let places = places(world, id).await;
        let names: Vec<&str> = places.keys().map(Name::as_str).collect();
        (names == queues).then_some(())
    })
    .await;
}

async fn proposed(of: &[(&Client, &Ticket)]) {
    for (client, ticket) in of {
        once(client, ticket.id, TicketState::Proposed).await;
    }
}

#[test]
fn a_ticket_goes_along_with_the_first_of_its_queues_into_another_group() {
    run(async {
        let mut world = World::with(&duels(&[("q1", "g"), ("q2", "g")])).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let moves = queue_alone(&ann, &several(&["q1", "q2"])).await;
        world.reloaded(&duels(&[("q1", "h"), ("q2", "g")])).await;
        once_in(&world, moves.id, &["q1"]).await;
        once_waiting(&world, "q1", 1).await;
        once_waiting(&world, "q2", 0).await;
        let other = queue_alone(&cid, &ticket("q2")).await;
        let meets = queue_alone(&bob, &ticket("q1")).await;
        proposed(&[(&ann, &moves), (&bob, &meets)]).await;
        let alone = cid.ticket(other.id).await.expect("it").state;
        assert_eq!(alone, TicketState::Searching);
        world.stop().await;
    });
}

#[test]
fn a_queue_that_was_away_for_a_reload_has_its_tickets_back() {
    run(async {
        let both = duels(&[("q1", "g"), ("q2", "g")]);
        let away = [
            duels(&[("q1", "g"), ("q2", "h")]),
            duels(&[("q1", "g")]),
            duels(&[("q1", "h"), ("q2", "g")]),
            duels(&[("q2", "g")]),
        ];
        for away in away {
            let mut world = World::with(&both).await;
            let (ann, bob) = (world.player("ann"), world.player("bob"));
            let waits = queue_alone(&ann, &several(&["q1", "q2"])).await;
            world.reloaded(&away).await;
            world.reloaded(&both).await;
            once_in(&world, waits.id, &["q1", "q2"]).await;
            once_waiting(&world, "q1", 1).await;
            once_waiting(&world, "q2", 1).await;
            let meets = queue_alone(&bob, &ticket("q2")).await;
            proposed(&[(&ann, &waits), (&bob, &meets)]).await;
            assert_eq!(
                ann.ticket(waits.id).await.expect("it").created_at,
                waits.created_at
            );
            world.stop().await;
        }
    });
}

#[test]
fn who_comes_back_from_a_match_waits_where_his_queues_are_by_then() {
    run(async {
        let mut world = World::with(&duels(&[("q1", "g"), ("q2", "g")])).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let first = queue_alone(&ann, &several(&["q1", "q2"])).await;
        let second = queue_alone(&bob, &ticket("q2")).await;
        proposed(&[(&ann, &first), (&bob, &second)]).await;
        world.reloaded(&duels(&[("q1", "h"), ("q2", "g")])).await;
        bob.answer_match(second.id, &NO).await.expect("his word");
        once(&ann, first.id, TicketState::Searching).await;
        once_in(&world, first.id, &["q1"]).await;
        let meets = queue_alone(&cid, &ticket("q1")).await;
        proposed(&[(&ann, &first), (&cid, &meets)]).await;
        world.stop().await;
    });
}

/// Three queues in two groups, the last of which is always there, so that no ticket ends.
fn random_groups(random: &mut StdRng) -> Vec<(&'static str, &'static str)> {
    let mut groups = Vec::new();
    for name in ["q1", "q2", "q3"] {
        let group = ["g", "h", ""].choose(random).expect("one");
        match (name, *group) {
            ("q3", "") => groups.push((name, "g")),
            (_, "") => {}
            (_, group) => groups.push((name, group)),
        }
    }
    groups
}

/// Where a ticket waits: in those of its queues that are with the first that is there.
fn expected(queues: &[&'static str], groups: &[(&str, &str)]) -> Vec<&'static str> {
    let group = |queue: &str| {
        groups
            .iter()
            .find(|(name, _)| *name == queue)
            .map(|one| one.1)
    };
    let first = queues.iter().find_map(|queue| group(queue));
    let mut with: Vec<_> = queues
        .iter()
        .copied()
        .filter(|queue| group(queue) == first)
        .collect();
    with.sort_unstable();
    with
}

#[test]
fn after_any_reloads_everybody_waits_where_he_would_after_a_restart() {
    const STEPS: usize = 12;
    run(async {
        let mut random = StdRng::seed_from_u64(7);
        let all = [("q1", "g"), ("q2", "g"), ("q3", "g")];
        let mut world = World::with(&paused(&all)).await;
        let mut tickets: Vec<(TicketId, Vec<&str>)> = Vec::new();
        for n in 0..6 {
            let mut queues = vec!["q1", "q2", "q3"];
            if n % 3 == 0 {
                queues.remove(random.random_range(0..2));
            }
            queues.shuffle(&mut random);
            world.at(n);
            let made = queue_alone(&world.player(&format!("p{n}")), &several(&queues)).await;
            tickets.push((made.id, queues));
        }
        for step in 0..STEPS {
            // Several in a row, as the matchers' threads may be behind.
            let groups: Vec<_> = (0..3).map(|_| random_groups(&mut random)).collect();
            for (nth, groups) in groups.iter().enumerate() {
                let revision = format!("# {step} {nth}\n{}", paused(groups));
                world.reloaded(&revision).await;
            }
            let groups = groups.last().expect("one");
            let mut stood = Vec::new();
            for (id, queues) in &tickets {
                once_in(&world, *id, &expected(queues, groups)).await;
            }
            for (id, _) in &tickets {
                stood.push(places(&world, *id).await);
            }
            if step % 4 == 3 {
                world = world.restart().await;
                for ((id, _), stood) in tickets.iter().zip(stood) {
                    assert_eq!(places(&world, *id).await, stood, "ticket {id}, {groups:?}");
                }
            }
        }
        world.stop().await;
    });
}

/// The matchers' threads whose groups' names begin so; of a thread's name Linux keeps 15 bytes.
fn threads(of: &str) -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    let begins = format!("matcher-{of}");
    let own = names.filter(|name| name.starts_with(&begins));
    own.map(|name| name.trim_end().to_owned()).collect()
}

#[test]
fn a_group_that_is_gone_leaves_no_thread_and_its_tickets_go_on() {
    run(async {
        let mut world = World::with(&duels(&[("q1", "ends-a"), ("q2", "ends-a")])).await;
        let [ann, bob, cid, dan] = ["ann", "bob", "cid", "dan"].map(|name| world.player(name));
        let waits = queue_alone(&ann, &several(&["q1", "q2"])).await;
        let asked = queue_alone(&bob, &ticket("q2")).await;
        proposed(&[(&ann, &waits), (&bob, &asked)]).await;
        let alone = queue_alone(&cid, &ticket("q1")).await;
        for group in ["ends-b", "ends-c", "ends-a"] {
            world
                .reloaded(&duels(&[("q1", group), ("q2", group)]))
                .await;
            eventually("the others to end", async || {
                (threads("ends-") == [format!("matcher-{group}")]).then_some(())
            })
            .await;
        }
        // In the end all play whom the threads before knew: one who waited there, and one of their match.
        bob.answer_match(asked.id, &NO).await.expect("his word");
        proposed(&[(&ann, &waits), (&cid, &alone)]).await;
        world.reloaded(SESSION_TYPES).await;
        eventually("the last to end", async || {
            threads("ends-").is_empty().then_some(())
        })
        .await;
        // Queues that come back have threads again.
        world.reloaded(&duels(&[("q1", "ends-a")])).await;
        queue_alone(&dan, &ticket("q1")).await;
        once_waiting(&world, "q1", 1).await;
        world.stop().await;
    });
}
