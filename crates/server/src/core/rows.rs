//! Documents to rows and back: the only place that knows how each kind of row is laid out.

use std::sync::Arc;

use model::game_server::GameServerState;
use model::proposal::Verdict;
use model::session::{Changes, Header, Invites, Member, Session};
use model::ticket::TicketState;
use model::{
    GameServer, GameServerId, MatchId, Millis, Namespace, PlayerId, Proposal, SessionId, Ticket,
    TicketId, Timestamp,
};
use serde::de::DeserializeOwned;
use store::write_set::ClaimKey;
use store::{Item, Key, Kind, Row};

use super::ending;
use crate::Error;

/// How long what has ended stays readable.
pub(crate) const ENDED_KEPT: Millis = Millis::seconds(3_600);

/// The document of a row.
pub(crate) fn parse<T: DeserializeOwned>(row: &Row) -> Result<T, Error> {
    serde_json::from_str(&row.body)
        .map_err(|error| Error::Internal(format!("row {:?} cannot be read: {error}", row.key)))
}

/// The body of a document of ours, which always can be written.
pub(crate) fn body<T: serde::Serialize>(document: &T) -> Result<String, Error> {
    serde_json::to_string(document)
        .map_err(|error| Error::Internal(format!("a document cannot be written: {error}")))
}

pub(crate) fn session_key(ns: &Namespace, id: SessionId) -> Key {
    Key::new(ns, Kind::Session, id)
}

pub(crate) fn member_key(ns: &Namespace, session: SessionId, index: u32) -> Key {
    let session = session.to_string();
    Key::beside(
        ns,
        Kind::Member,
        format_args!("{session}/{index:010}"),
        &session,
    )
}

pub(crate) fn invite_key(ns: &Namespace, session: SessionId, player: &PlayerId) -> Key {
    let session = session.to_string();
    Key::beside(
        ns,
        Kind::Invite,
        format_args!("{session}/{player}"),
        &session,
    )
}

/// The short code of a session.
pub(crate) fn short_code_claim(code: &str) -> ClaimKey {
    ClaimKey {
        kind: "short_code",
        key: code.to_owned(),
    }
}

pub(crate) fn ticket_key(ns: &Namespace, id: TicketId) -> Key {
    Key::new(ns, Kind::Ticket, id)
}

pub(crate) fn game_server_key(ns: &Namespace, id: GameServerId) -> Key {
    Key::new(ns, Kind::GameServer, id)
}

/// The one live ticket of a player.
pub(crate) fn ticket_claim(player: &PlayerId) -> ClaimKey {
    ClaimKey {
        kind: "ticket",
        key: player.to_string(),
    }
}

/// What a draft changed, as items; `base` is the session that it was drafted from, `None` when it is new,
/// `due` when the timers are to look at it.
pub(crate) fn session_items(
    ns: &Namespace,
    base: Option<&Session>,
    id: SessionId,
    changes: &Changes,
    due: Option<Timestamp>,
) -> Result<Vec<Item>, Error> {
    let Some(header) = &changes.header else {
        return Ok(Vec::new());
    };
    let expected = base.map(|session| number(session.header().change_number));
    let key = session_key(ns, id);
    if changes.deleted {
        let Some(base) = base else {
            return Ok(Vec::new());
        };
        let mut items = if ending::takes_several_writes(base) {
            ending::first_items(ns, base, header)?
        } else {
            let header = (key, base.header().change_number);
            let members = base
                .members()
                .map(|member| (member_key(ns, id, member.index), member.version));
            let rows = std::iter::once(header).chain(members);
            rows.map(|(key, version)| Item::Delete {
                key,
                expected: number(version),
            })
            .collect()
        };
        invite_items(ns, Some(base.header()), None, id, &mut items)?;
        let matched = base.header().matched.as_ref();
        if let Some(kept) = matched.and_then(|matched| matched.tickets) {
            items.push(Item::Delete {
                key: match_key(ns, id),
                expected: number(kept),
            });
        }
        if let Some(code) = &base.header().short_code {
            items.push(Item::Free {
                claim: short_code_claim(code),
                holder: session_key(ns, id),
            });
        }
        return Ok(items);
    }
    let mut items = vec![Item::Put {
        row: session_row(ns, header, due, Life::GoesOn)?,
        expected,
    }];
    for (index, member) in &changes.members {
        let key = member_key(ns, id, *index);
        let before = base.and_then(|session| session.member(*index));
        let expected = before.map(|member| number(member.version));
        match (member, expected) {
            (Some(member), expected) => items.push(Item::Put {
                row: Row {
                    key,
                    number: number(member.version),
                    due: None,
                    ended: false,
                    parent: Some(id.to_string()),
                    player: Some(member.player.to_string()),
                    body: body(&**member)?,
                },
                expected,
            }),
            (None, Some(expected)) => items.push(Item::Delete { key, expected }),
            (None, None) => {}
        }
    }
    let before = base.map(|session| session.header());
    invite_items(ns, before, Some(header), id, &mut items)?;
    Ok(items)
}

/// Whether a session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    GoesOn,
    /// Its members are still to be cleared away.
    HasEnded,
}

/// The row of a session's header.
pub(crate) fn session_row(
    ns: &Namespace,
    header: &Header,
    due: Option<Timestamp>,
    life: Life,
) -> Result<Row, Error> {
    Ok(Row {
        key: session_key(ns, header.id),
        number: number(header.change_number),
        due,
        ended: life == Life::HasEnded,
        parent: Some(header.session_type.to_string()),
        player: None,
        body: body(header)?,
    })
}

/// Rows by which players find their invites again.
fn invite_items(
    ns: &Namespace,
    before: Option<&Arc<Header>>,
    after: Option<&Arc<Header>>,
    id: SessionId,
    items: &mut Vec<Item>,
) -> Result<(), Error> {
    let before = before.map(|header| &header.invites);
    let after = after.map(|header| &header.invites);
    if before == after {
        return Ok(());
    }
    let over = before.into_iter().flat_map(Invites::iter);
    for invite in over.filter(|one| after.is_none_or(|after| after.of(&one.player).is_none())) {
        items.push(Item::Delete {
            key: invite_key(ns, id, &invite.player),
            expected: number(invite.version),
        });
    }
    for invite in after.into_iter().flat_map(Invites::iter) {
        let known = before.and_then(|before| before.of(&invite.player));
        if known == Some(invite) {
            continue;
        }
        items.push(Item::Put {
            row: Row {
                key: invite_key(ns, id, &invite.player),
                number: number(invite.version),
                due: None,
                ended: false,
                parent: Some(id.to_string()),
                player: Some(invite.player.to_string()),
                body: body(&serde_json::Map::new())?,
            },
            expected: known.map(|known| number(known.version)),
        });
    }
    Ok(())
}

pub(crate) fn number(change_number: u64) -> i64 {
    i64::try_from(change_number).unwrap_or(i64::MAX)
}

/// Header and members as the store has them.
pub(crate) fn parse_session(header: &Row, members: &[Row]) -> Result<(Header, Vec<Member>), Error> {
    let members = members
        .iter()
        .map(parse::<Member>)
        .collect::<Result<_, _>>()?;
    Ok((parse(header)?, members))
}

/// What the players of a match were matched with.
pub(crate) fn match_key(ns: &Namespace, session: SessionId) -> Key {
    Key::new(ns, Kind::Match, session)
}

/// The row of the tickets that a session was made of and refilled with; `None` if they are too much for one.
pub(crate) fn match_row(
    ns: &Namespace,
    session: SessionId,
    tickets: &[Ticket],
    change_number: u64,
) -> Result<Option<Row>, Error> {
    let body = body(&tickets)?;
    let fits = body.len() <= Kind::Match.body_bytes_max();
    Ok(fits.then(|| Row {
        key: match_key(ns, session),
        number: number(change_number),
        due: None,
        ended: false,
        parent: Some(session.to_string()),
        player: None,
        body,
    }))
}

/// A ticket's row.
pub(crate) fn ticket_row(ns: &Namespace, ticket: &Ticket, number: i64) -> Result<Row, Error> {
    let live = ticket.state.is_live();
    let due = match ticket.ended_at {
        Some(ended) => Some(ended + ENDED_KEPT),
        None if ticket.state == TicketState::Searching => ticket.expires_at,
        None => None,
    };
    Ok(Row {
        key: ticket_key(ns, ticket.id),
        number,
        due,
        ended: !live,
        parent: Some(ticket.queue.to_string()),
        player: None,
        body: body(ticket)?,
    })
}

pub(crate) fn proposal_key(ns: &Namespace, id: MatchId) -> Key {
    Key::new(ns, Kind::Proposal, id)
}

/// A proposed match's row: due when its time is over, or at once if it is decided.
pub(crate) fn proposal_row(
    ns: &Namespace,
    proposal: &Proposal,
    number: i64,
    now: Timestamp,
) -> Result<Row, Error> {
    let waits = proposal.verdict(now) == Verdict::Waits;
    Ok(Row {
        key: proposal_key(ns, proposal.id),
        number,
        due: Some(if waits { proposal.until } else { now }),
        ended: false,
        parent: Some(proposal.queue.to_string()),
        player: None,
        body: body(proposal)?,
    })
}

/// A game server's row.
pub(crate) fn game_server_row(
    ns: &Namespace,
    server: &GameServer,
    number: i64,
) -> Result<Row, Error> {
    let gone = server.state == GameServerState::Gone;
    Ok(Row {
        key: game_server_key(ns, server.id),
        number,
        due: gone.then(|| server.since + ENDED_KEPT),
        ended: gone,
        parent: Some(format!("{}/{}", server.fleet, server.region)),
        player: None,
        body: body(server)?,
    })
}

/// A short name for a text of any length: two 64-bit FNV-1a sums with different starts.
pub(crate) fn digest(text: &str) -> String {
    let sum = |start: u64| {
        text.bytes().fold(start, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    };
    format!(
        "{:016x}{:016x}",
        sum(0xcbf2_9ce4_8422_2325),
        sum(0x8422_2325_cbf2_9ce4)
    )
}
