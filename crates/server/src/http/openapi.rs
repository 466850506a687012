//! The OpenAPI 3.1 document, made of the route table and the types' own schemas.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use model::wire;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::problem::{Kind, TYPE_PREFIX};
use super::routes::{
    Access, Query, ROUTES, Reply, ReplyBody, RequestBody, RequestHeader, Route, Verb,
};
use super::security;
use crate::core::CLIENT_VERSION_BYTES_MAX;

/// The document as text, made once per process; the same bytes as `docs/openapi.json`.
pub fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        // A tree of JSON values has no way to fail to be written.
        let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
        text.push('\n');
        text
    })
}

/// The document. Its dialect is JSON Schema 2020-12, which is that of the generator.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<wire::Problem>().to_value();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in ROUTES {
        let item = paths.entry(route.path).or_default();
        item.insert(
            route.verb.as_str().to_lowercase(),
            operation(route, &mut generator),
        );
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Muster",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Matchmaking and game-server hosting.",
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": problem_responses(&problem),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A JSON web token (HS256) of one namespace; docs/security.md says what is in it.",
                },
            },
        },
    })
}

const DESCRIPTION: &str = "Times are RFC 3339 in UTC, spans are whole milliseconds. Every error is an \
application/problem+json document whose type is stable and has a heading in docs/errors.md. Unknown fields and \
unknown query parameters are refused.";

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let name = format!("{:?}", route.operation);
    let mut operation = Map::new();
    operation.insert("operationId".into(), lower_first(&name).into());
    operation.insert("tags".into(), json!([tag(route)]));
    operation.insert("summary".into(), route.summary.into());
    operation.insert("description".into(), security::who_may(route).into());
    if route.access == Access::Open {
        operation.insert("security".into(), json!([]));
    }
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation.insert("parameters".into(), parameters.into());
    }
    if let RequestBody::Optional(shape) | RequestBody::Required(shape) = route.body {
        let schema = (shape.schema)(generator);
        operation.insert(
            "requestBody".into(),
            json!({
                "required": matches!(route.body, RequestBody::Required(_)),
                "content": { "application/json": { "schema": schema, "example": (shape.example)() } },
            }),
        );
    }
    operation.insert("responses".into(), responses(route, generator));
    operation.into()
}

fn responses(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for reply in route.replies {
        responses.insert(reply.status.to_string(), response(route, reply, generator));
    }
    // One response for each status: OpenAPI has no room for two, so kinds of a status share theirs.
    let mut by_status: BTreeMap<u16, Vec<Kind>> = BTreeMap::new();
    for kind in route.problems() {
        by_status.entry(kind.status()).or_default().push(kind);
    }
    for (status, kinds) in by_status {
        let response = match kinds.as_slice() {
            [only] => json!({ "$ref": format!("#/components/responses/{}", only.slug()) }),
            several => problem_response(several, &problem_reference()),
        };
        responses.insert(status.to_string(), response);
    }
    responses.into()
}

fn response(route: &Route, reply: &Reply, generator: &mut SchemaGenerator) -> Value {
    let mut response = Map::new();
    response.insert("description".into(), reply.when.into());
    let content = match reply.body {
        ReplyBody::Nothing => None,
        ReplyBody::Json(shape) => Some(json!({
            "application/json": { "schema": (shape.schema)(generator), "example": (shape.example)() }
        })),
        ReplyBody::Text(media_type) if media_type.ends_with("json") => {
            Some(json!({ media_type: { "schema": { "type": "object" } } }))
        }
        ReplyBody::Text(media_type) => {
            Some(json!({ media_type: { "schema": { "type": "string" } } }))
        }
    };
    let mut headers = Map::new();
    let text = json!({ "type": "string" });
    if reply.status == 201 && route.verb == Verb::Post {
        headers.insert(
            "Location".into(),
            json!({ "description": "Where it is from now on.", "schema": text }),
        );
    }
    let is_session = content
        .as_ref()
        .is_some_and(|content| content["application/json"]["schema"]["$ref"] == SESSION_SCHEMA);
    if is_session || reply.status == 304 {
        headers.insert(
            "ETag".into(),
            json!({ "description": "\"<branch>:<change number>\"", "schema": text }),
        );
    }
    if !headers.is_empty() {
        response.insert("headers".into(), headers.into());
    }
    if let Some(content) = content {
        response.insert("content".into(), content);
    }
    response.into()
}

const SESSION_SCHEMA: &str = "#/components/schemas/Session";

fn parameters(route: &Route) -> Vec<Value> {
    let path = route.parameters().map(|name| {
        let (schema, description) = match name {
            "player" => {
                (json!({ "type": "string", "maxLength": 100 }), "A player's id; `me`: the caller.")
            }
            "name" if route.path.contains("/permissions/") => {
                (json!({ "type": "string", "enum": ["invite", "kick", "move"] }), "Which one.")
            }
            "name" => (json!({ "type": "string", "maxLength": 100 }), "Its name."),
            _ => (json!({ "type": "string", "format": "uuid" }), "Its id."),
        };
        json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
    });
    let query = route.query.iter().map(|query| {
        let (schema, description) = match query {
            Query::After => (
                json!({ "type": "string", "format": "uuid" }),
                "`next` of the page before; omitted: the first page.",
            ),
            Query::AfterMember => (
                json!({ "type": "integer", "minimum": 0 }),
                "`next` of the page before; omitted: the first page.",
            ),
            Query::ClientVersion => (
                json!({ "type": "string", "maxLength": CLIENT_VERSION_BYTES_MAX }),
                "Enter the instance with a client of this version, a semantic one: 409 while it is not joinable or does not suit.",
            ),
            Query::Cursor => (
                json!({ "type": "string" }),
                "The cursor of the last answer; omitted: answers at once with a first cursor.",
            ),
            Query::DryRun => (
                json!({ "type": "boolean", "default": false }),
                "`true`: answers what the request would come to by the law, and writes nothing.",
            ),
            Query::Param => (
                json!({ "type": "array", "items": { "type": "string" }, "maxItems": 8 }),
                "`key:value`: only entries that show this; may be given several times, each key once.",
            ),
            Query::Keyword => (
                json!({ "type": "string" }),
                "Only sessions with this keyword, without regard to case. Must be given.",
            ),
            Query::Queue => (
                json!({ "type": "string", "maxLength": 100 }),
                "One of the ticket's queues, without regard to case: `summary` and `search` are about it. Omitted: the first in which it waits.",
            ),
            Query::Region => (
                json!({ "type": "string" }),
                "Only sessions of this region.",
            ),
            Query::Type => (
                json!({ "type": "string" }),
                "Only sessions of this type, without regard to case.",
            ),
            Query::Seen => (
                json!({ "type": "integer" }),
                "The version of the last answer; omitted: answers at once.",
            ),
            Query::Wait => (
                json!({ "type": "integer", "minimum": 0, "maximum": 300_000, "default": 0 }),
                "How long to wait for something new, in milliseconds.",
            ),
        };
        json!({ "name": query.name(), "in": "query", "description": description, "schema": schema })
    });
    let headers = route.headers.iter().map(|header| {
        let description = match header {
            RequestHeader::IfMatch => "Change only what still has this ETag; otherwise 412.",
            RequestHeader::IfNoneMatch if route.verb == Verb::Get => {
                "Answer 304 while the ETag still is this one."
            }
            RequestHeader::IfNoneMatch => "`*`: only if it is not there yet; otherwise 412.",
            RequestHeader::IdempotencyKey => {
                "1 to 200 visible ASCII characters; a repeated request gets the first one's answer."
            }
        };
        json!({ "name": header.name(), "in": "header", "description": description,
                "schema": { "type": "string" } })
    });
    path.chain(query).chain(headers).collect()
}

fn problem_reference() -> Value {
    json!({ "$ref": "#/components/schemas/Problem" })
}

fn problem_responses(schema: &Value) -> Map<String, Value> {
    let response = |&kind: &Kind| (kind.slug().to_owned(), problem_response(&[kind], schema));
    Kind::ALL.iter().map(response).collect()
}

fn problem_response(kinds: &[Kind], schema: &Value) -> Value {
    let description: Vec<String> = kinds
        .iter()
        .map(|kind| format!("{} (`{}`).", kind.title(), kind.slug()))
        .collect();
    let examples: Map<String, Value> = kinds
        .iter()
        .map(|kind| {
            let value = json!({
                "type": format!("{TYPE_PREFIX}{}", kind.slug()),
                "title": kind.title(),
                "status": kind.status(),
            });
            (kind.slug().to_owned(), json!({ "value": value }))
        })
        .collect();
    json!({
        "description": description.join(" "),
        "content": { "application/problem+json": { "schema": schema, "examples": examples } },
    })
}

fn tag(route: &Route) -> &'static str {
    match route.path.strip_prefix("/v1/") {
        None => "operations",
        Some(path) if path.ends_with("/ticket") || path.starts_with("tickets") => "matchmaking",
        Some(path) if path.starts_with("queues") => "matchmaking",
        Some(path) if path.ends_with("/instance") || path.starts_with("allocations") => "instances",
        Some(path) if path.starts_with("game-servers") => "game servers",
        Some(path) if path.starts_with("fleets") => "fleets",
        Some(path) if path.starts_with("events") => "events",
        Some(_) => "sessions",
    }
}

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(chars)
        .collect()
}
