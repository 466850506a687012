//! The independent checker of refills: whether tickets may join a match that is played. Shares no code with the search.

use std::collections::{BTreeMap, BTreeSet};

use model::queue::Queue;
use model::ticket::{TicketPlayer, Value};
use model::{Name, Ticket, TicketId, Timestamp};

use crate::backfill::{Backfill, Refill};
use crate::check::{Bounds, Game, check_avoided, check_region, demanded, share_platform, value};

/// Whether a refill keeps every rule of the queue at `now`: of who joins under each ticket's own expansions, of who
/// plays under the widest. Roles may wait for seats that stay free, and teams may stay below their minimum; a team
/// that is empty keeps every rule. The first rule that is broken, in words. `tickets` holds at least those who join.
pub fn check_refill(
    queue: &Queue,
    backfill: &Backfill,
    tickets: &[&Ticket],
    now: Timestamp,
    found: &Refill,
) -> Result<(), String> {
    if found.session != backfill.session || found.queue != queue.name {
        return Err("another session, or another queue".into());
    }
    let (coming, free) = check_seats(queue, backfill, tickets, found)?;
    // Of those who play every expansion has come.
    let old: Vec<Vec<Ticket>> = backfill
        .teams
        .iter()
        .map(|team| {
            let parties = team.parties.iter().filter(|p| !p.players.is_empty());
            let since_ever = |party: &std::sync::Arc<Ticket>| Ticket {
                created_at: Timestamp(i64::MIN),
                ..Ticket::clone(party)
            };
            parties.map(since_ever).collect()
        })
        .collect();
    let teams: Vec<Vec<&Ticket>> = (old.iter().zip(&coming))
        .map(|(old, new)| old.iter().chain(new.iter().copied()).collect())
        .collect();
    let joining: Vec<&Ticket> = coming.into_iter().flatten().collect();
    let all: Vec<&Ticket> = teams.iter().flatten().copied().collect();
    let mut players = BTreeSet::new();
    if let Some(twice) = all
        .iter()
        .flat_map(|ticket| &ticket.players)
        .find(|player| !players.insert(&player.player))
    {
        return Err(format!("player {} is in it twice", twice.player));
    }
    if !queue.cross_play && !share_platform(&all) {
        return Err("players of different platforms meet without cross_play".to_owned());
    }
    check_avoided(queue, &all)?;
    check_region(queue, &joining, now, backfill.region.as_ref())?;
    for ((team, settings), free) in teams.iter().zip(&queue.teams).zip(free) {
        let players: Vec<&TicketPlayer> = team.iter().flat_map(|t| &t.players).collect();
        if players.len() > usize::from(settings.players_max) {
            return Err(format!("team {} has too many players", settings.name));
        }
        if !roles_wait(queue, &players, &settings.roles, free) {
            return Err(format!("team {} lacks a role for good", settings.name));
        }
    }
    check_rules(queue, &teams, now)
}

/// Who joins each team, and the seats that stay free on it.
fn check_seats<'t>(
    queue: &Queue,
    backfill: &Backfill,
    tickets: &[&'t Ticket],
    found: &Refill,
) -> Result<(Vec<Vec<&'t Ticket>>, Vec<usize>), String> {
    let by_id: BTreeMap<TicketId, &Ticket> = tickets.iter().map(|t| (t.id, *t)).collect();
    let (mut coming, mut left) = (Vec::new(), Vec::new());
    let (mut seen, mut players) = (BTreeSet::new(), 0);
    if found.teams.len() != queue.teams.len() || backfill.teams.len() != queue.teams.len() {
        return Err("not every team is there".into());
    }
    for ((team, settings), asked) in found.teams.iter().zip(&queue.teams).zip(&backfill.teams) {
        if team.name != settings.name {
            return Err(format!("team {} is not {}", team.name, settings.name));
        }
        let mut of_team = Vec::new();
        for id in &team.tickets {
            let ticket = *by_id.get(id).ok_or_else(|| format!("{id} is no ticket"))?;
            if !seen.insert(*id) {
                return Err(format!("{id} joins twice"));
            }
            if !ticket.all_queues().contains(&queue.name) || backfill.refused.contains(id) {
                return Err(format!("{id} may not join"));
            }
            let before = backfill.created_before.unwrap_or(Timestamp(i64::MAX));
            if ticket.created_at >= before {
                return Err(format!("{id} was created too late"));
            }
            of_team.push(ticket);
        }
        let joining: usize = of_team.iter().map(|t| t.players.len()).sum();
        let free = usize::from(asked.free).checked_sub(joining);
        left.push(free.ok_or_else(|| format!("team {} has no such seats", team.name))?);
        players += joining;
        coming.push(of_team);
    }
    if players == 0 || players > queue.backfill.players_per_refill_max as usize {
        return Err(format!("{players} players join at once"));
    }
    Ok((coming, left))
}

fn check_rules(queue: &Queue, teams: &[Vec<&Ticket>], now: Timestamp) -> Result<(), String> {
    let game = Game { queue, teams };
    let hard = queue.rules.iter().enumerate();
    for (index, rule) in hard.filter(|(_, rule)| rule.prefer.is_none()) {
        let all = teams.iter().flatten();
        let bounds = all.filter_map(|t| demanded(queue, t, now, index, &rule.kind));
        let tightest = bounds.reduce(|a, b| Bounds {
            most: a.most.min(b.most),
            least: a.least.max(b.least),
        });
        if tightest.is_some_and(|bounds| !game.keeps(&rule.kind, bounds)) {
            return Err(format!("rule {} is broken", rule.name));
        }
    }
    Ok(())
}

/// By Hall's theorem: of any set of roles no more lack a player than seats are free.
fn roles_wait(
    queue: &Queue,
    players: &[&TicketPlayer],
    roles: &BTreeMap<Name, u16>,
    free: usize,
) -> bool {
    let wanted: Vec<(&Name, u16)> = roles.iter().map(|(role, n)| (role, *n)).collect();
    let sets = 1_u32 << wanted.len().min(20);
    (0..sets).all(|set| {
        let chosen = wanted.iter().enumerate();
        let chosen: Vec<&(&Name, u16)> = chosen
            .filter_map(|(n, role)| (set & (1 << n) != 0).then_some(role))
            .collect();
        let would = |player: &&&TicketPlayer| {
            let list = queue.role_attribute.as_ref();
            match list.and_then(|list| value(queue, player, list)) {
                Some(Value::Strings(own)) => own
                    .iter()
                    .any(|own| chosen.iter().any(|(role, _)| own == role.as_str())),
                _ => false,
            }
        };
        let seats: usize = chosen.iter().map(|(_, n)| usize::from(*n)).sum();
        players.iter().filter(would).count() + free >= seats
    })
}
