//! Documents as clients see them.

use model::instance::Instance;
use model::session::{Actor, Backfilled, Header, Member, Participant, Session};
use model::session_type::{PlayerVisibility, SessionType};
use model::wire;
use model::{GameServer, Name, PlayerId, Ticket};

use super::invites;

/// How much of a session its reader may see (A.3b).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A server, an operator: everything.
    Insider,
    /// The member at this index: everything but the members that the type does not show him.
    Member(u32),
    /// Anybody else who may look: no connection data, no join secrets.
    Outsider,
}

impl Reader {
    /// Whether he may see connection data.
    pub(crate) fn is_inside(self) -> bool {
        self != Self::Outsider
    }

    /// The same reader before the instance: how to reach it is not for a member whose client does not suit it (A.4).
    pub(crate) fn at_instance(self, session: &Session) -> Self {
        match self {
            Self::Member(index) if !session.member(index).is_none_or(|own| session.suits(own)) => {
                Self::Outsider
            }
            other => other,
        }
    }

    /// Whether he sees a member of the session (F5); of a large one a player sees himself.
    pub(crate) fn sees(self, session: &Session, member: &Member) -> bool {
        let of_type = &session.constants().session_type;
        let shown = match of_type.large {
            true => PlayerVisibility::Oneself,
            false => of_type.player_visibility,
        };
        match self {
            _ if shown == PlayerVisibility::All => true,
            Self::Insider => true,
            Self::Outsider => shown.shows(false, false),
            Self::Member(index) => {
                let own = session.member(index);
                let of_his_team = own.is_some_and(|own| own.team == member.team);
                shown.shows(member.index == index, of_his_team)
            }
        }
    }
}

/// The members that a reader sees in the document: of a large session at most himself (R42).
fn members(session: &Session, reader: Reader) -> Vec<wire::Member> {
    let seen = |member| self::member(member, session, reader);
    match (session.constants().session_type.large, reader) {
        (true, Reader::Member(index)) => session
            .member(index)
            .map(|own| seen(own))
            .into_iter()
            .collect(),
        (true, Reader::Insider | Reader::Outsider) => Vec::new(),
        (false, _) => session
            .members()
            .filter(|member| reader.sees(session, member))
            .map(|member| seen(member))
            .collect(),
    }
}

/// A session document.
pub(crate) fn session(session: &Session, reader: Reader) -> wire::Session {
    let header = session.header();
    let inside = reader.is_inside();
    let of_type = &session.constants().session_type;
    let size = of_type
        .size
        .teams
        .map(|_| u32::from(of_type.size.players_per_team));
    wire::Session {
        id: header.id,
        r#type: header.session_type.clone(),
        contract: wire::CONTRACT,
        type_revision: of_type.revision,
        yaml_revision: header.type_revision,
        region: header.region.clone(),
        branch: header.branch,
        change_number: header.change_number,
        created_at: header.created_at.into(),
        // What is due whatever the clock says shows as due since ever.
        next_timer: session
            .next_timer()
            .map(|at| at.max(header.created_at).into()),
        visibility: session.visibility(),
        joinability: header.joinability,
        closed: header.closed,
        password_protected: header.password.is_some(),
        browser_entry: header.browser_entry.clone(),
        kept: header.kept,
        short_code: header.short_code.clone().filter(|_| inside),
        invites: match inside {
            true => header.invites.iter().map(invites::shown).collect(),
            false => Vec::new(),
        },
        max_members: session.max_members(),
        leader: session
            .leader()
            .filter(|leader| reader.sees(session, leader))
            .map(|member| member.player.clone()),
        teams: header
            .teams
            .iter()
            .map(|team| wire::Team {
                name: team.name.clone(),
                taken: team.taken,
                size,
                custom_data: team.custom_data.clone(),
            })
            .collect(),
        large: of_type.large,
        seats: header.seats,
        spectators: super::standing::spectators(session),
        members: members(session, reader),
        roles: super::standing::roles(session),
        keywords: header.keywords.clone(),
        turn: header.turn.clone(),
        blocked: match inside {
            true => header.ranks.blocked.clone(),
            false => Default::default(),
        },
        custom_data: header.custom_data.clone(),
        type_custom_data: of_type.custom_data.clone(),
        constants: header.constants_custom.clone(),
        custom: header.custom.clone(),
        servers: match inside {
            true => header.servers.iter().map(server).collect(),
            false => Vec::new(),
        },
        ticket: header.ticket.as_ref().map(|ticket| wire::SessionTicket {
            id: ticket.id,
            queue: ticket.queue.clone(),
            state: ticket.state,
            reason: ticket.reason,
        }),
        match_id: header.match_id,
        instance: header
            .instance
            .as_ref()
            .map(|instance| self::instance(instance, reader.at_instance(session))),
        capabilities: session.capabilities(),
        qos: of_type.together.qos.clone(),
        initializing: header
            .initialization
            .as_ref()
            .map(|init| wire::Initializing {
                episode: init.episode,
                stage: init.stage,
                stage_started_at: init.stage_started_at.into(),
            }),
        host: header.host.clone().filter(|_| inside),
        host_candidates: match inside {
            true => header.host_candidates.clone(),
            false => Vec::new(),
        },
        arbiter: session
            .arbiter()
            .filter(|arbiter| reader.sees(session, arbiter))
            .map(|member| member.player.clone()),
    }
}

fn server((name, server): (&Name, &Participant)) -> wire::SessionServer {
    wire::SessionServer {
        name: name.clone(),
        constants: server.constants.clone(),
        custom: server.custom.clone(),
    }
}

/// A member of this session.
pub(crate) fn member(member: &Member, session: &Session, reader: Reader) -> wire::Member {
    // How to reach a member is for those who are in.
    let insider = reader.is_inside();
    let said = member.connectivity.as_deref().filter(|_| insider);
    let said = said.cloned();
    let token = said.as_ref().map(|said| said.device_token.clone());
    let said = said.unwrap_or_default();
    wire::Member {
        index: member.index,
        player: member.player.clone(),
        state: member.state,
        since: member.since.into(),
        invite_source: invite_source(member, session.header()),
        joined_at: member.joined_at.map(Into::into),
        team: member.team,
        leader: session.header().leader == Some(member.index),
        client_version: member.client_version.as_ref().map(ToString::to_string),
        spectator: member.standing.spectator,
        owner: member.standing.owner,
        permissions: member.standing.permissions.clone(),
        roles: member.standing.roles.clone(),
        role_preference: member.standing.role_preference.clone(),
        custom_data: member.custom_data.clone(),
        constants: member.constants.clone(),
        custom: member.custom.clone(),
        device_token: token,
        secure_device_address: said.secure_device_address,
        measurements: said.measurements,
        server_measurements: said.server_measurements,
        initialization_group: member.initialization_group.clone(),
        initialization_episode: member.initialization.map(|of| of.episode),
        initialization_failure: member.initialization.and_then(|of| of.failure),
        subscriptions: match reader {
            Reader::Member(index) if index == member.index => member.subscriptions.clone(),
            _ => Default::default(),
        },
    }
}

/// Who brought a member here (F12).
fn invite_source(member: &Member, header: &Header) -> Option<wire::InviteSource> {
    let by_service = *member.reserved_by.as_ref()? == Actor::Service;
    Some(match member.backfilled {
        true => wire::InviteSource::Backfill,
        false if by_service && header.matched.is_some() => wire::InviteSource::Matchmaking,
        false => wire::InviteSource::Player,
    })
}

/// What a session asks of its queue; `added` are players of whom the host has not heard before.
pub(crate) fn backfill(
    of_type: &SessionType,
    header: &Header,
    added: &[Backfilled],
) -> Option<wire::Backfill> {
    let (backfill, matched) = (header.backfill.as_ref()?, header.matched.as_ref()?);
    let teams = (0..).zip(&backfill.wanted);
    let player = |added: &Backfilled| wire::BackfilledPlayer {
        player: added.player.clone(),
        team: added.team,
    };
    Some(wire::Backfill {
        queue: matched.queue.clone(),
        created_at: backfill.created_at.into(),
        expires_at: (backfill.acknowledged_at + of_type.backfill?.ack_timeout).into(),
        teams: teams
            .map(|(team, &players_required)| wire::WantedPlayers {
                team,
                players_required,
            })
            .collect(),
        created_before: backfill.created_before.map(Into::into),
        backfilled_players: added.iter().map(player).collect(),
    })
}

/// An instance; addresses and join data for insiders only.
pub(crate) fn instance(instance: &Instance, reader: Reader) -> wire::Instance {
    let insider = reader.is_inside();
    // Before somebody has acknowledged, the host may still change.
    let allocation = instance.allocation.as_ref().filter(|_| insider);
    wire::Instance {
        id: instance.id,
        status: instance.status,
        since: instance.since.into(),
        fleet: instance.fleet.clone(),
        allocation_id: allocation.map(|allocation| allocation.id),
        game_server: allocation.map(|allocation| allocation.game_server),
        addresses: allocation.map(|allocation| allocation.addresses.clone()),
        startup_params: instance.startup_params.clone(),
        version: instance.version.as_ref().map(ToString::to_string),
        join_custom_data: if insider {
            instance.join_custom_data.clone()
        } else {
            Default::default()
        },
        connected: if insider {
            instance.connected.clone()
        } else {
            Vec::new()
        },
        closed: instance.closed,
    }
}

/// A ticket.
pub(crate) fn ticket(ticket: &Ticket) -> wire::Ticket {
    wire::Ticket {
        id: ticket.id,
        queue: ticket.queue.clone(),
        queues: ticket.queues.clone(),
        party: ticket.party,
        state: ticket.state,
        reason: ticket.reason,
        created_at: ticket.created_at.into(),
        expires_at: ticket.expires_at.map(Into::into),
        players: ticket
            .players
            .iter()
            .map(|player| player.player.clone())
            .collect(),
        custom_data: ticket.custom_data.clone(),
        estimate: None,
        match_id: ticket.match_id,
        session: ticket.session,
        acceptance: None,
    }
}

/// Whether a player's ticket this is.
pub(crate) fn is_of(ticket: &Ticket, player: &PlayerId) -> bool {
    ticket.players.iter().any(|other| other.player == *player)
}

/// A row of the registry.
pub(crate) fn game_server(server: &GameServer, health: wire::Health) -> wire::GameServer {
    wire::GameServer {
        id: server.id,
        region: server.region.clone(),
        node: server.node.clone(),
        state: server.state,
        since: server.since.into(),
        health,
        used: server.used(),
        slots: server.slots,
        addresses: server.addresses.clone(),
        sessions: server.allocations.iter().map(|held| held.session).collect(),
    }
}
