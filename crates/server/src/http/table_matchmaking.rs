//! The routes of tickets, queues and what deserters pay.

use super::access::{LEADER, PEOPLE, SELF, TICKET_PLAYER};
use super::examples as shapes;
use super::problem::Kind;
use super::routes::{Access, Operation, Query, RequestBody, RequestHeader, Route, Verb};
use super::table::{BASE, json, nothing};
use crate::PrincipalKind::{Admin, Server};

/// Tickets and queues.
pub(super) const MATCHMAKING: &[Route] = &[
    Route {
        operation: Operation::CreateTicket,
        verb: Verb::Post,
        path: "/v1/sessions/{id}/ticket",
        summary: "Queue a party; the ticket is durable before the answer.",
        access: Access::Only(LEADER),
        headers: &[RequestHeader::IdempotencyKey, RequestHeader::IfMatch],
        body: RequestBody::Required(shapes::CREATE_TICKET),
        replies: &[json(201, "The ticket.", shapes::TICKET)],
        problems: &[
            Kind::Conflict,
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotLeader,
            Kind::AlreadyQueued,
            Kind::NotQueueable,
            Kind::Penalized,
        ],
        ..BASE
    },
    Route {
        operation: Operation::CancelTicket,
        verb: Verb::Delete,
        path: "/v1/sessions/{id}/ticket",
        summary: "Take a party out of its queue.",
        access: Access::Only(LEADER),
        headers: &[RequestHeader::IfMatch],
        replies: &[json(200, "The canceled ticket.", shapes::TICKET)],
        problems: &[Kind::Conflict, Kind::NotFound, Kind::NotLeader],
        ..BASE
    },
    Route {
        operation: Operation::ReadTicket,
        path: "/v1/tickets/{id}",
        summary: "Read a ticket; an ended one is kept for an hour.",
        access: Access::Only(TICKET_PLAYER),
        replies: &[json(200, "The ticket.", shapes::TICKET)],
        problems: &[Kind::NotFound],
        ..BASE
    },
    Route {
        operation: Operation::ExplainTicket,
        path: "/v1/tickets/{id}/explanation",
        summary: "Say where a ticket stands and why: who could play with it, what keeps out whom, what widens next.",
        access: Access::Only(TICKET_PLAYER),
        query: &[Query::Queue],
        replies: &[json(200, "The explanation.", shapes::EXPLANATION)],
        problems: &[Kind::NotFound],
        ..BASE
    },
    Route {
        operation: Operation::AnswerMatch,
        verb: Verb::Post,
        path: "/v1/tickets/{id}/acceptance",
        summary: "Accept or refuse the match that a ticket is proposed; each player for himself.",
        access: Access::Only(TICKET_PLAYER),
        body: RequestBody::Required(shapes::ANSWER_MATCH),
        replies: &[json(200, "The ticket.", shapes::TICKET)],
        problems: &[
            Kind::NotFound,
            Kind::Invalid,
            Kind::Forbidden,
            Kind::Conflict,
        ],
        ..BASE
    },
    Route {
        operation: Operation::ReadPenalty,
        path: "/v1/players/{player}/penalties/{name}",
        summary: "Read what a player pays for deserting matches.",
        access: Access::Only(SELF),
        replies: &[json(200, "What he pays.", shapes::PENALTY)],
        problems: &[Kind::NotFound, Kind::Forbidden],
        ..BASE
    },
    Route {
        operation: Operation::SetPenalty,
        verb: Verb::Put,
        path: "/v1/players/{player}/penalties/{name}",
        summary: "Set what a player pays, under a name that a queue gives.",
        access: Access::Only(&[(Server, ""), (Admin, "")]),
        body: RequestBody::Required(shapes::SET_PENALTY),
        replies: &[json(200, "What he pays.", shapes::PENALTY)],
        problems: &[Kind::NotFound, Kind::Invalid],
        ..BASE
    },
    Route {
        operation: Operation::RemovePenalty,
        verb: Verb::Delete,
        path: "/v1/players/{player}/penalties/{name}",
        summary: "Forgive a player.",
        access: Access::Only(&[(Server, ""), (Admin, "")]),
        replies: &[nothing(204, "Forgiven.")],
        problems: &[Kind::NotFound],
        ..BASE
    },
    Route {
        operation: Operation::ListQueues,
        path: "/v1/queues",
        summary: "List the queues.",
        access: Access::Only(PEOPLE),
        replies: &[json(200, "All queues, by name.", shapes::QUEUES)],
        ..BASE
    },
    Route {
        operation: Operation::ReadQueue,
        path: "/v1/queues/{name}",
        summary: "Read a queue.",
        access: Access::Only(PEOPLE),
        replies: &[json(200, "The queue.", shapes::QUEUE)],
        problems: &[Kind::NotFound],
        ..BASE
    },
];
