//! Players who would rather not meet: which of some tickets name each other.

use model::ticket::TicketPlayer;

/// Pairs of a player and one of another party whom he avoids. O(players · names), and nothing where nobody names any.
pub(crate) fn meetings<'a>(parties: impl Iterator<Item = &'a [TicketPlayer]> + Clone) -> u32 {
    let mut meetings = 0;
    for (own, party) in parties.clone().enumerate() {
        for player in party.iter().filter(|player| !player.avoid.is_empty()) {
            let others = parties.clone().enumerate().filter(|(n, _)| *n != own);
            let others = others.flat_map(|(_, party)| party);
            let met = others.filter(|other| player.avoid.contains(&other.player));
            meetings += u32::try_from(met.count()).unwrap_or(u32::MAX);
        }
    }
    meetings
}

/// Whether a player of the one party has a player of the other on his list.
pub(crate) fn names(party: &[TicketPlayer], other: &[TicketPlayer]) -> bool {
    let mut lists = party.iter().map(|player| &player.avoid);
    lists.any(|list| other.iter().any(|other| list.contains(&other.player)))
}
