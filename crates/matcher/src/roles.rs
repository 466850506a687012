//! Which player of a team takes which role: as all of them together like it best.

use std::collections::BTreeMap;

use model::queue::{Queue, TeamSettings};
use model::ticket::TicketPlayer;
use model::{Name, PlayerId, Ticket};

use crate::entry::texts;

/// More than the places of a whole team on its players' lists: what nobody would take.
const NEVER: i64 = 1_000_000;

/// Who of a team, which has tickets enough for it, takes which of its roles.
pub(crate) fn of_team<'t>(
    queue: &Queue,
    team: &TeamSettings,
    tickets: impl Iterator<Item = &'t Ticket>,
) -> BTreeMap<PlayerId, Name> {
    if team.roles.is_empty() {
        return BTreeMap::new();
    }
    let players: Vec<&TicketPlayer> = tickets.flat_map(|ticket| &ticket.players).collect();
    assign(queue, &players, &team.roles).unwrap_or_default()
}

/// The role of each seat with one, by its place among the team's roles.
pub(crate) fn seats(roles: &BTreeMap<Name, u16>) -> Vec<usize> {
    let seats = roles.values().enumerate();
    seats
        .flat_map(|(role, n)| std::iter::repeat_n(role, usize::from(*n)))
        .collect()
}

/// Which of these roles a player with this list would take, as bits.
pub(crate) fn bits(own: &[String], roles: &[Name]) -> impl Iterator<Item = u64> {
    roles.chunks(64).map(|roles| {
        let takes = |role: &Name| own.iter().any(|own| own == role.as_str());
        let bits = roles.iter().enumerate();
        let bits = bits.filter(|(_, role)| takes(role));
        bits.fold(0, |bits, (n, _)| bits | 1 << n)
    })
}

/// Whether each wanted role finds a player of its own who would take it, all but `spare` of them. `seats` says the role
/// of each seat, a player's bits which he would take.
pub(crate) fn fill_roles(players: &[&[u64]], seats: &[usize], spare: u32) -> bool {
    let mut seat_of: Vec<Option<usize>> = vec![None; players.len()];
    let mut seen = vec![false; players.len()];
    // A seat that finds nobody now finds nobody later: those before it only hand theirs on.
    let mut unfilled = (0..seats.len()).filter(|&seat| {
        seen.fill(false);
        !seat_one(seat, seats, players, &mut seat_of, &mut seen)
    });
    unfilled.nth(spare as usize).is_none()
}

/// Whether a player would take a role.
fn takes(player: &[u64], role: usize) -> bool {
    let bits = player.get(role / 64).copied().unwrap_or(0);
    bits >> (role % 64) & 1 == 1
}

/// Gives a seat to a player, who may hand on the one that he has.
fn seat_one(
    seat: usize,
    seats: &[usize],
    players: &[&[u64]],
    seat_of: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    let Some(&role) = seats.get(seat) else {
        return false;
    };
    for (player, bits) in players.iter().enumerate() {
        if seen[player] || !takes(bits, role) {
            continue;
        }
        seen[player] = true;
        let free = match seat_of[player] {
            None => true,
            Some(other) => seat_one(other, seats, players, seat_of, seen),
        };
        if free {
            seat_of[player] = Some(seat);
            return true;
        }
    }
    false
}

/// Gives every seat with a role to a player who would take it, such that the sum of the roles' places on the lists
/// of those who get one is the least. `None` if some seat finds nobody. Of equal ways always the same one.
///
/// The Hungarian method: exact, O(seats² · players).
fn assign(
    queue: &Queue,
    players: &[&TicketPlayer],
    roles: &BTreeMap<Name, u16>,
) -> Option<BTreeMap<PlayerId, Name>> {
    let attribute = queue.role_attribute.as_ref()?;
    let names: Vec<&Name> = roles.keys().collect();
    let seats: Vec<&Name> = seats(roles).into_iter().map(|role| names[role]).collect();
    if seats.len() > players.len() {
        return None;
    }
    let lists: Vec<&[String]> = players.iter().map(|p| texts(queue, p, attribute)).collect();
    let cost = |seat: usize, player: usize| {
        let role = seats[seat].as_str();
        let place = lists[player].iter().position(|own| own == role);
        place.map_or(NEVER, |place| place as i64)
    };
    let taken = cheapest(seats.len(), players.len(), &cost);
    let mut roles = BTreeMap::new();
    for (player, seat) in taken.into_iter().enumerate() {
        let Some(seat) = seat else { continue };
        if cost(seat, player) == NEVER {
            return None;
        }
        roles.insert(players[player].player.clone(), seats[seat].clone());
    }
    Some(roles)
}

/// The row of each column, every row in one of its own, at the least sum of costs; at least as many columns as rows.
fn cheapest(rows: usize, columns: usize, cost: &dyn Fn(usize, usize) -> i64) -> Vec<Option<usize>> {
    // Rows and columns count from 1; 0 stands for none.
    let mut row_price = vec![0_i64; rows + 1];
    let mut column_price = vec![0_i64; columns + 1];
    let mut row_of = vec![0_usize; columns + 1];
    for row in 1..=rows {
        row_of[0] = row;
        let mut column = 0;
        let mut least = vec![i64::MAX; columns + 1];
        let mut from = vec![0_usize; columns + 1];
        let mut seen = vec![false; columns + 1];
        while row_of[column] != 0 {
            seen[column] = true;
            let at = row_of[column];
            let (mut delta, mut next) = (i64::MAX, 0);
            for other in (1..=columns).filter(|&other| !seen[other]) {
                let reduced = cost(at - 1, other - 1) - row_price[at] - column_price[other];
                if reduced < least[other] {
                    least[other] = reduced;
                    from[other] = column;
                }
                if least[other] < delta {
                    delta = least[other];
                    next = other;
                }
            }
            for other in 0..=columns {
                if seen[other] {
                    row_price[row_of[other]] += delta;
                    column_price[other] -= delta;
                } else if least[other] != i64::MAX {
                    least[other] -= delta;
                }
            }
            column = next;
        }
        while column != 0 {
            let before = from[column];
            row_of[column] = row_of[before];
            column = before;
        }
    }
    let found = row_of.into_iter().skip(1);
    found.map(|row| row.checked_sub(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least sum over all ways, and whether it was found.
    fn brute(costs: &[Vec<i64>], row: usize, used: &mut Vec<bool>) -> i64 {
        let Some(of_row) = costs.get(row) else {
            return 0;
        };
        let mut best = i64::MAX / 2;
        for column in 0..used.len() {
            if !used[column] {
                used[column] = true;
                best = best.min(of_row[column] + brute(costs, row + 1, used));
                used[column] = false;
            }
        }
        best
    }

    proptest::proptest! {
        #[test]
        fn no_other_way_to_give_out_the_seats_is_cheaper(
            columns in 1_usize..7,
            drawn in proptest::collection::vec(proptest::collection::vec(0_i64..6, 7), 1..6),
        ) {
            let rows = drawn.len().min(columns);
            let cost_of = |x: i64| if x == 5 { NEVER } else { x };
            let costs: Vec<Vec<i64>> = drawn[..rows]
                .iter()
                .map(|row| row[..columns].iter().map(|&x| cost_of(x)).collect())
                .collect();
            let found = cheapest(rows, columns, &|row, column| costs[row][column]);
            let mut seen: Vec<usize> = found.iter().flatten().copied().collect();
            seen.sort_unstable();
            proptest::prop_assert_eq!(seen, (0..rows).collect::<Vec<_>>());
            let pairs = found.iter().enumerate();
            let sum: i64 = pairs.filter_map(|(column, row)| Some(costs[(*row)?][column])).sum();
            proptest::prop_assert_eq!(sum, brute(&costs, 0, &mut vec![false; columns]));
        }
    }
}
