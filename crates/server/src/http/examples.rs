//! Examples of everything that goes over HTTP, for the OpenAPI document.

use model::wire;
use serde_json::{Value, json};

use super::shape::Shape;

pub(super) const CREATE_SESSION: Shape = Shape::of::<wire::CreateSession>(create_session);
pub(super) const UPDATE_SESSION: Shape = Shape::of::<wire::UpdateSession>(update_session);
pub(super) const SESSION: Shape = Shape::of::<wire::Session>(session);
pub(super) const RESERVE: Shape = Shape::of::<wire::Reserve>(reserve);
pub(super) const MEMBER_PAGE: Shape = Shape::of::<wire::MemberPage>(member_page);
pub(super) const INVITE_PLAYERS: Shape = Shape::of::<wire::InvitePlayers>(invite_players);
pub(super) const INVITE_SESSION: Shape = Shape::of::<wire::InviteSession>(invite_session);
pub(super) const MY_INVITES: Shape = Shape::of::<wire::MyInvites>(my_invites);
pub(super) const SHORT_CODE: Shape = Shape::of::<wire::ShortCode>(short_code);
pub(super) const SET_BROWSER_ENTRY: Shape = Shape::of::<wire::SetBrowserEntry>(set_browser_entry);
pub(super) const SET_BACKFILL: Shape = Shape::of::<wire::SetBackfill>(set_backfill);
pub(super) const BACKFILL: Shape = Shape::of::<wire::Backfill>(backfill);
pub(super) const BROWSER_PAGE: Shape = Shape::of::<wire::BrowserPage>(browser_page);
pub(super) const FOUND_SESSIONS: Shape = Shape::of::<wire::FoundSessions>(found_sessions);
pub(super) const MY_SESSIONS: Shape = Shape::of::<wire::MySessions>(my_sessions);
pub(super) const SESSION_TYPE: Shape = Shape::of::<wire::SessionType>(session_type);
pub(super) const SESSION_TYPES: Shape = Shape::of::<wire::List<wire::SessionType>>(session_types);
pub(super) const JOIN_SESSION: Shape = Shape::of::<wire::JoinSession>(join_session);
pub(super) const UPDATE_MEMBER: Shape = Shape::of::<wire::UpdateMember>(update_member);
pub(super) const PUT_SERVER: Shape = Shape::of::<wire::PutServer>(put_server);
pub(super) const POST_EVALUATION: Shape = Shape::of::<wire::PostEvaluation>(post_evaluation);
pub(super) const SET_HOST: Shape = Shape::of::<wire::SetHost>(set_host);
pub(super) const MOVE_MEMBER: Shape = Shape::of::<wire::MoveMember>(move_member);
pub(super) const SET_ROLE: Shape = Shape::of::<wire::SetRole>(set_role);
pub(super) const RECENT_PLAYERS: Shape =
    Shape::of::<wire::List<wire::RecentPlayer>>(recent_players);
pub(super) const SWAP_MEMBERS: Shape = Shape::of::<wire::SwapMembers>(swap_members);
pub(super) const REQUEST_INSTANCE: Shape = Shape::of::<wire::RequestInstance>(request_instance);
pub(super) const INSTANCE: Shape = Shape::of::<wire::Instance>(instance);
pub(super) const HOST_UPDATE: Shape = Shape::of::<wire::HostUpdate>(host_update);
pub(super) const ALLOCATION: Shape = Shape::of::<wire::Allocation>(allocation);
pub(super) const CREATE_TICKET: Shape = Shape::of::<wire::CreateTicket>(create_ticket);
pub(super) const ANSWER_MATCH: Shape = Shape::of::<wire::AnswerMatch>(answer_match);
pub(super) const PENALTY: Shape = Shape::of::<wire::Penalty>(penalty);
pub(super) const SET_PENALTY: Shape = Shape::of::<wire::SetPenalty>(set_penalty);
pub(super) const TICKET: Shape = Shape::of::<wire::Ticket>(ticket);
pub(super) const EXPLANATION: Shape = Shape::of::<wire::TicketExplanation>(explanation);
pub(super) const QUEUE: Shape = Shape::of::<wire::Queue>(queue);
pub(super) const QUEUES: Shape = Shape::of::<wire::List<wire::Queue>>(queues);
pub(super) const EVENT_PAGE: Shape = Shape::of::<wire::EventPage>(event_page);
pub(super) const ASSIGNMENTS: Shape = Shape::of::<wire::Assignments>(assignments);
pub(super) const ACKNOWLEDGE: Shape = Shape::of::<wire::Acknowledge>(acknowledge);
pub(super) const HEALTH_REPORT: Shape = Shape::of::<wire::HealthReport>(health_report);
pub(super) const FLEET: Shape = Shape::of::<wire::Fleet>(fleet);
pub(super) const FLEETS: Shape = Shape::of::<wire::List<wire::Fleet>>(fleets);

const PARTY: &str = "0193a8c0-0000-7000-8000-000000000001";
const GAME: &str = "0193a8c0-0000-7000-8000-000000000002";
const BRANCH: &str = "0193a8c0-0000-7000-8000-000000000003";
const SUBSCRIPTION: &str = "5f0c2c4e-8f4b-4d0e-9a51-3b1d9a7c6e01";
const TICKET_ID: &str = "0193a8c0-0000-7000-8000-000000000004";
const MATCH_ID: &str = "0193a8c0-0000-7000-8000-000000000005";
const INSTANCE_ID: &str = "0193a8c0-0000-7000-8000-000000000006";
const ALLOCATION_ID: &str = "0193a8c0-0000-7000-8000-000000000007";
const GAME_SERVER_ID: &str = "0193a8c0-0000-7000-8000-000000000008";
const AT: &str = "2026-03-01T12:00:00.000Z";

fn list(item: Value) -> Value {
    json!({ "items": [item] })
}

fn create_session() -> Value {
    json!({ "type": "party", "region": "eu-west", "custom_data": { "name": "Alice's party" } })
}

fn set_browser_entry() -> Value {
    json!({ "params": { "map": "Harbour", "ranked": "false" } })
}

fn set_backfill() -> Value {
    json!({ "teams": [{ "team": 1, "players_required": 2 }] })
}

fn backfill() -> Value {
    json!({
        "queue": "tdm-4v4", "created_at": AT, "expires_at": "2026-03-01T12:00:50.000Z",
        "teams": [{ "team": 0, "players_required": 0 }, { "team": 1, "players_required": 1 }],
        "backfilled_players": [{ "player": "dora", "team": 1 }],
    })
}

fn found_sessions() -> Value {
    list(json!({
        "id": GAME, "type": "raid", "joinability": "public", "closed": false, "max_members": 8,
        "seats": { "reserved": 0, "ready": 0, "active": 3, "inactive": 0 },
        "keywords": ["beginners"], "change_number": 7,
    }))
}

fn browser_page() -> Value {
    list(json!({
        "session": GAME, "type": "browser-game", "region": "eu-west", "created_at": AT,
        "players": 3, "max_players": 8, "joinability": "public", "closed": false,
        "instance": "joinable", "params": { "ranked": "false" },
    }))
}

fn update_session() -> Value {
    json!({ "joinability": "public", "custom_data": { "name": "All welcome" } })
}

fn member() -> Value {
    json!({ "index": 0, "player": "alice", "state": "active", "since": AT, "joined_at": AT,
            "team": 0, "leader": true })
}

fn session() -> Value {
    json!({
        "id": PARTY, "type": "party", "type_revision": 1, "region": "eu-west",
        "branch": BRANCH, "change_number": 3, "created_at": AT,
        "visibility": "open", "joinability": "private", "closed": false, "max_members": 4,
        "leader": "alice", "teams": [{ "taken": 1 }], "members": [member()],
        "custom_data": { "name": "Alice's party" },
        "ticket": { "id": TICKET_ID, "queue": "arena-4v4", "state": "searching" },
    })
}

fn reserve() -> Value {
    json!({ "players": [{ "player": "bob", "team": 0 }] })
}

fn invite_players() -> Value {
    json!({ "players": ["bob"], "context": "one more round" })
}

fn invite_session() -> Value {
    json!({ "context": "one more round" })
}

fn my_invites() -> Value {
    list(
        json!({ "session": PARTY, "type": "party", "by": "alice", "created_at": AT,
                 "expires_at": AT, "context": "one more round" }),
    )
}

fn short_code() -> Value {
    json!({ "code": "K7MQ3X", "session": PARTY })
}

fn put_server() -> Value {
    json!({ "constants": { "region": "eu-west" }, "custom": { "round": 3 } })
}

fn member_page() -> Value {
    json!({ "items": [member()], "next": 0 })
}

fn post_evaluation() -> Value {
    json!({ "succeeded": true })
}

fn set_host() -> Value {
    json!({ "device_token": "d0" })
}

fn my_sessions() -> Value {
    list(json!({ "id": PARTY, "type": "party", "state": "active", "change_number": 3 }))
}

fn session_type() -> Value {
    json!({ "name": "party", "revision": 1, "max_members": 4, "teams": 1, "by_players": true,
            "can_join_matchmaking": true, "visibility": "open", "joinability": "private", "read_restriction": "public" })
}

fn session_types() -> Value {
    list(session_type())
}

fn join_session() -> Value {
    json!({ "active": true, "custom_data": { "character": "scout" } })
}

fn update_member() -> Value {
    json!({ "active": true, "subscriptions": { SUBSCRIPTION: { "profile": "roster" } } })
}

fn move_member() -> Value {
    json!({ "team": 1 })
}

fn set_role() -> Value {
    json!({ "role": "healer" })
}

fn swap_members() -> Value {
    json!({ "players": ["bob", "carol"] })
}

fn recent_players() -> Value {
    list(json!({ "player": "bob", "session": GAME, "at": AT }))
}

fn startup_params() -> Value {
    json!({ "map": "dunes", "mode": "ctf" })
}

fn addresses() -> Value {
    json!({ "external": "203.0.113.7", "ports": { "default": 7777 } })
}

fn request_instance() -> Value {
    json!({ "startup_params": startup_params() })
}

fn instance() -> Value {
    json!({ "id": INSTANCE_ID, "status": "joinable", "since": AT, "fleet": "arena",
            "allocation_id": ALLOCATION_ID, "game_server": GAME_SERVER_ID,
            "addresses": addresses(), "startup_params": startup_params() })
}

fn host_update() -> Value {
    json!({ "allocation_id": ALLOCATION_ID, "status": "joinable", "connected": ["alice"] })
}

fn allocation() -> Value {
    json!({ "id": ALLOCATION_ID, "session": GAME, "game_server": GAME_SERVER_ID,
            "addresses": addresses() })
}

fn create_ticket() -> Value {
    json!({ "queue": "arena-4v4",
            "players": { "alice": { "attributes": { "skill": 1500 }, "latencies": { "eu-west": 25 } } } })
}

fn answer_match() -> Value {
    json!({ "accepted": true })
}

fn penalty() -> Value {
    json!({ "player": "alice", "name": "ranked", "active": true, "expiration": AT, "reset": AT,
            "count": 2 })
}

fn set_penalty() -> Value {
    json!({ "expiration": AT, "count": 2, "custom_data": { "by": "moderator" } })
}

fn ticket() -> Value {
    json!({ "id": TICKET_ID, "queue": "arena-4v4", "party": PARTY, "state": "found",
            "reason": "assigned", "created_at": AT, "players": ["alice"],
            "match_id": MATCH_ID, "session": GAME,
            "estimate": { "queue": "arena-4v4", "basis": "party", "quantiles": [
                { "quantile": 0.5, "wait_ms": 4_210, "error": 0.0123 },
                { "quantile": 0.9, "wait_ms": 13_212, "error": -0.0081 },
            ] } })
}

fn explanation() -> Value {
    json!({ "ticket": TICKET_ID, "queue": "arena-4v4", "state": "searching",
            "summary": ["The ticket searches.", "3 more players are wanted within skill 200.",
                        "2 players wait at skill 212 from yours; you reach each other in 6 s."],
            "search": {
                "queue_is": "open", "progress": "done", "position": 1, "position_of": 7, "waiting": 7,
                "regions": [{ "region": "eu-west", "standing": "considered", "latency_ms": 38,
                              "candidates": { "tickets": 4, "players": 4 } },
                            { "region": "us-east", "standing": "too_far", "latency_ms": 110,
                              "rule": "regions.max_latency", "measured_ms": 110, "limit_ms": 80.0,
                              "considered_at": AT }],
                "looked_at": 6, "is_sample": false, "candidates": { "tickets": 4, "players": 4 },
                "kept_out": [{ "rule": "skill-gap", "tickets": 2 }],
                "outlook": "too_few", "players_missing": 3,
                "minimum": { "players": 8, "of_newcomers": 8,
                             "falls": [{ "players": 6, "players_missing": 1, "waited_ms": 30_000,
                                         "at": AT, "in_ms": 12_000 }] },
                "nearest_miss": { "rule": "skill-gap", "attribute": "skill", "tickets": 2, "players": 2,
                                  "gap": 212.0, "own_limit": 200.0, "their_limit": 200.0,
                                  "reached_at": AT, "reached_in_ms": 6000 },
                "sessions": { "asking": 2, "is_sample": false, "open": 0,
                              "kept_from": [{ "rule": "skill-gap", "sessions": 1 },
                                            { "rule": "seats", "sessions": 1 }],
                              "nearest_miss": { "rule": "skill-gap", "attribute": "skill", "gap": 201.0,
                                                "limit": 200.0, "reached_at": AT, "reached_in_ms": 6000 } },
                "next_expansion": [{ "rule": "skill-gap", "from": 200.0, "to": 500.0, "off": false,
                                     "at": AT, "in_ms": 6000 }] } })
}

fn queue() -> Value {
    json!({ "name": "arena-4v4", "group": "arena", "active": true, "queue_is": "open",
            "closes_at": AT, "session_type": "arena", "party_players_max": 4, "waiting": 12,
            "window_ms": 600_000, "matched_per_minute": 40.5,
            "waits": waits(), "by_region": [{
                "region": "eu-west", "waiting": 12, "matched_per_minute": 40.5, "waits": waits(),
                "by_party": [{ "players": 1, "waiting": 12, "matched_per_minute": 40.5,
                               "waits": waits() }],
            }] })
}

fn waits() -> Value {
    json!([{ "quantile": 0.5, "wait_ms": 4_210 }, { "quantile": 0.9, "wait_ms": 13_212 },
           { "quantile": 0.99 }])
}

fn queues() -> Value {
    list(queue())
}

fn event_page() -> Value {
    json!({ "cursor": "b3BhcXVl",
            "notices": [{ "kind": "session", "resource": format!("/v1/sessions/{PARTY}"),
                          "change_number": 4, "branch": BRANCH, "subscriptions": [SUBSCRIPTION] }] })
}

fn assignments() -> Value {
    json!({
        "version": 2, "game_server": GAME_SERVER_ID, "quit": false,
        "assignments": [{
            "allocation_id": ALLOCATION_ID, "acknowledged": false, "session": GAME,
            "session_type": "arena", "instance": INSTANCE_ID, "match_id": MATCH_ID,
            "region": "eu-west", "startup_params": startup_params(),
            "members": [{ "player": "alice", "team": 0, "state": "reserved" }],
        }],
    })
}

fn acknowledge() -> Value {
    json!({ "allocation_id": ALLOCATION_ID })
}

fn health_report() -> Value {
    json!({ "health": "healthy" })
}

fn fleet() -> Value {
    json!({
        "name": "arena", "waiting": 0,
        "game_servers": [{
            "id": GAME_SERVER_ID, "region": "eu-west", "node": "box-1", "state": "ready",
            "since": AT, "health": "healthy", "used": 1, "slots": 1, "addresses": addresses(),
            "sessions": [GAME],
        }],
    })
}

fn fleets() -> Value {
    list(fleet())
}
