//! The routes of backfill: what a game that is played asks its queue for.

use super::access::BACKFILLER;
use super::examples as shapes;
use super::problem::Kind;
use super::routes::{Access, Operation, Query, RequestBody, RequestHeader, Route, Verb};
use super::table::{BASE, json, nothing};

pub(super) const SET: Route = Route {
    operation: Operation::SetBackfill,
    verb: Verb::Put,
    path: "/v1/sessions/{id}/backfill",
    summary: "Ask the queue that made the session for players, or for others than before; acknowledges.",
    access: Access::Only(BACKFILLER),
    query: &[Query::DryRun],
    headers: &[RequestHeader::IfMatch],
    body: RequestBody::Required(shapes::SET_BACKFILL),
    replies: &[json(200, "What it asks for now.", shapes::BACKFILL)],
    problems: &[
        Kind::NotFound,
        Kind::NotHost,
        Kind::NotMatched,
        Kind::NotJoinable,
        Kind::SessionClosed,
        Kind::TeamFull,
        Kind::Conflict,
        Kind::Invalid,
    ],
};

pub(super) const READ: Route = Route {
    operation: Operation::ReadBackfill,
    path: "/v1/sessions/{id}/backfill",
    summary: "Read what the session asks its queue for, without acknowledging.",
    access: Access::Only(BACKFILLER),
    replies: &[json(200, "What it asks for.", shapes::BACKFILL)],
    problems: &[Kind::NotFound],
    ..BASE
};

pub(super) const ACKNOWLEDGE: Route = Route {
    operation: Operation::AcknowledgeBackfill,
    verb: Verb::Post,
    path: "/v1/sessions/{id}/backfill",
    summary: "Go on asking, and hear which players were added since the last time.",
    access: Access::Only(BACKFILLER),
    replies: &[json(
        200,
        "What it asks for, and whom to expect.",
        shapes::BACKFILL,
    )],
    problems: &[Kind::NotFound, Kind::NotHost],
    ..BASE
};

pub(super) const REMOVE: Route = Route {
    operation: Operation::RemoveBackfill,
    verb: Verb::Delete,
    path: "/v1/sessions/{id}/backfill",
    summary: "Ask for players no longer.",
    access: Access::Only(BACKFILLER),
    query: &[Query::DryRun],
    headers: &[RequestHeader::IfMatch],
    replies: &[nothing(204, "It asks for nobody.")],
    problems: &[Kind::NotFound, Kind::NotHost],
    ..BASE
};
