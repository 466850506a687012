//! What follows from a write of a session beside its own rows: allocations of game servers, and ends of tickets.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::game_server::Allocated;
use model::instance::InstanceAllocation;
use model::session::{Changes, Header};
use model::ticket::{EndReason, TicketState};
use model::{GameServer, GameServerId, Name, Ticket, Timestamp};

use super::Core;
use super::matchmaker::TakenTicket;
use super::registry::TakenServer;
use super::write::{Along, ended};

/// Records that a write changes beside the session's own rows.
#[derive(Default)]
pub(super) struct Consequences {
    pub(super) servers: Vec<(TakenServer, Arc<GameServer>)>,
    pub(super) tickets: Vec<(TakenTicket, Arc<Ticket>)>,
    /// The ticket that is taken back has moved since the draft was made: the draft must be made anew.
    pub(super) overtaken: bool,
}

impl Core {
    /// Takes the game servers and tickets that follow from the changes, and says what becomes of them.
    pub(super) async fn consequences(
        &self,
        before: &Header,
        changes: &Changes,
        along: &mut Along,
        now: Timestamp,
    ) -> Consequences {
        let mut consequences = Consequences::default();
        let Some(after) = &changes.header else {
            return consequences;
        };
        consequences.tickets.append(&mut along.moved);
        self.server_consequences(before, after, changes, along, now, &mut consequences)
            .await;
        if changes.party_changed() && along.cancel.is_none() {
            along.cancel = Some(EndReason::PartyChanged);
        }
        if changes.deleted {
            along.cancel = Some(EndReason::SessionEnded);
        }
        self.end_own_ticket(along, now, &mut consequences).await;
        self.placement_consequences(before, after, changes, now, &mut consequences)
            .await;
        consequences
    }

    /// Allocations that are new are written to their game servers, those that no longer count are taken off.
    async fn server_consequences(
        &self,
        before: &Header,
        after: &Header,
        changes: &Changes,
        along: &mut Along,
        now: Timestamp,
        consequences: &mut Consequences,
    ) {
        let old = allocations(before);
        let new = if changes.deleted {
            Vec::new()
        } else {
            allocations(after)
        };
        let mut ids: BTreeSet<GameServerId> = BTreeSet::new();
        ids.extend(
            old.iter()
                .filter(|held| !new.contains(held))
                .map(|held| held.1),
        );
        ids.extend(
            new.iter()
                .filter(|held| !old.contains(held))
                .map(|held| held.1),
        );
        for id in ids {
            let held = along.servers.iter().position(|taken| taken.key == id);
            let taken = match held {
                Some(position) => Some(along.servers.swap_remove(position)),
                None => self.registry.records.take(id).await,
            };
            // A game server that is gone has nothing to take off.
            let Some(taken) = taken else { continue };
            let mut server = (*taken.value).clone();
            server.allocations.retain(|held| {
                held.session != before.id || new.iter().any(|(kept, _)| *kept == held.allocation)
            });
            for (allocation, _) in new.iter().filter(|(_, holder)| *holder == id) {
                if !server
                    .allocations
                    .iter()
                    .any(|held| held.allocation == *allocation)
                {
                    server.allocations.push(Allocated {
                        allocation: *allocation,
                        session: before.id,
                        at: now,
                    });
                }
            }
            if server != *taken.value {
                consequences.servers.push((taken, Arc::new(server)));
            }
        }
    }

    /// The party's ticket ends. One that is matched goes on, as the match holds a seat for each of its players; it
    /// notes that it is void should the match come to nothing: its row is what the party and the match both write.
    async fn end_own_ticket(&self, along: &Along, now: Timestamp, consequences: &mut Consequences) {
        let (Some(reason), Some(seen)) = (along.cancel, &along.ticket) else {
            return;
        };
        // Whoever has it meanwhile may match it, propose it or end it.
        let taken = self.tickets.records.take(seen.id).await;
        let Some(taken) = taken.filter(|taken| taken.value.state == seen.state) else {
            consequences.overtaken = true;
            return;
        };
        let ticket = match seen.state {
            TicketState::Placing if taken.value.voided.is_some() => return,
            TicketState::Placing => Ticket {
                voided: Some(reason),
                ..(*taken.value).clone()
            },
            _ => ended(&taken.value, TicketState::Canceled, reason, now),
        };
        consequences.tickets.push((taken, Arc::new(ticket)));
    }

    /// The instance became joinable: the tickets have found. It closed before: they search again, or end.
    async fn placement_consequences(
        &self,
        before: &Header,
        after: &Header,
        changes: &Changes,
        now: Timestamp,
        consequences: &mut Consequences,
    ) {
        let found = joinable(after) && !joinable(before);
        if !found && !changes.deleted {
            return;
        }
        for id in self.tickets.of_session(before.id) {
            let Some(taken) = self.tickets.records.take(id).await else {
                continue;
            };
            if taken.value.state != TicketState::Placing {
                continue;
            }
            let ticket = if found {
                ended(&taken.value, TicketState::Found, EndReason::Assigned, now)
            } else {
                self.placement_failed(&taken.value, now)
            };
            consequences.tickets.push((taken, Arc::new(ticket)));
        }
    }

    fn placement_failed(&self, ticket: &Ticket, now: Timestamp) -> Ticket {
        let config = self.config();
        let of = |name: &Name| config.queue(name.as_str());
        let others = ticket.all_queues().iter().find_map(of);
        let queue = of(&ticket.queue).or(others);
        let retries = queue.map(|queue| queue.placement_retries);
        let failed = ticket.placements_failed.saturating_add(1);
        match retries {
            None => ended(ticket, TicketState::Canceled, EndReason::QueueRemoved, now),
            Some(retries) if failed > retries => {
                ended(ticket, TicketState::Failed, EndReason::PlacementFailed, now)
            }
            Some(_) => match ticket.voided {
                Some(reason) => ended(ticket, TicketState::Canceled, reason, now),
                None => Ticket {
                    placements_failed: failed,
                    ..ticket.searching_again()
                },
            },
        }
    }
}

/// The allocations that an open instance counts: the one and its hedge.
fn allocations(header: &Header) -> Vec<(model::AllocationId, GameServerId)> {
    let Some(instance) = header.open_instance() else {
        return Vec::new();
    };
    let first = instance.allocation.iter();
    first
        .flat_map(InstanceAllocation::attempts)
        .map(|attempt| (attempt.id, attempt.game_server))
        .collect()
}

fn joinable(header: &Header) -> bool {
    header
        .instance
        .as_ref()
        .is_some_and(|instance| instance.joinable_at.is_some())
}
