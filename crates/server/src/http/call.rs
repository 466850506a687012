//! One request on its way to a handler: who, which path parameters, which query, which body.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::RawPathParams;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use model::session_type::CustomData;
use model::{GameServerId, Millis, Name, PlayerId, Region, SessionId};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::dispatch::Http;
use super::metrics;
use super::numbers;
use super::routes::{Query, RequestHeader, Route};
use crate::core::{Asked, parse_client_version};
use crate::{Core, Error, Principal};

/// Longest part of what a caller wrote that an answer repeats, in characters.
const REPEATED_MAX: usize = 100;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest `If-Match`, `If-None-Match` or `cursor`, in bytes.
const OPAQUE_BYTES_MAX: usize = 8_192;
/// So many `param` may be given.
const PARAMS_MAX: usize = 8;
/// The longest `Idempotency-Key`, in bytes.
pub(super) const IDEMPOTENCY_KEY_BYTES_MAX: usize = 200;

/// A request that is allowed to call its route.
pub(super) struct Call {
    pub(super) http: Arc<Http>,
    pub(super) route: &'static Route,
    pub(super) who: Option<Principal>,
    pub(super) params: Option<RawPathParams>,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
}

impl Call {
    pub(super) fn core(&self) -> &Core {
        &self.http.core
    }

    /// Who calls. The dispatcher lets nobody without a token get to a handler that asks.
    pub(super) fn who(&self) -> Result<&Principal, Error> {
        self.who
            .as_ref()
            .ok_or_else(|| Error::Unauthorized("a token is needed".into()))
    }

    /// The player who calls.
    pub(super) fn caller(&self) -> Result<&PlayerId, Error> {
        match self.who()? {
            Principal::Player { player, .. } => Ok(player),
            other => Err(Error::Forbidden(format!("{other} is not a player"))),
        }
    }

    /// The game server that calls.
    pub(super) fn game_server(&self) -> Result<GameServerId, Error> {
        match self.who()? {
            Principal::GameServer { id, .. } => Ok(*id),
            other => Err(Error::Forbidden(format!("{other} is not a game server"))),
        }
    }

    fn param(&self, name: &str) -> &str {
        let found = self.params.iter().flatten().find(|(key, _)| *key == name);
        found.map_or("", |(_, value)| value)
    }

    /// The path's `{id}`: `what` does not exist when it cannot be an id.
    pub(super) fn id<T: From<Uuid>>(&self, what: &'static str) -> Result<T, Error> {
        self.id_named("id", what)
    }

    /// The id in another part of the path.
    pub(super) fn id_named<T: From<Uuid>>(
        &self,
        parameter: &str,
        what: &'static str,
    ) -> Result<T, Error> {
        let text = self.param(parameter);
        // Only the form with hyphens: one thing has one address.
        match Uuid::from_str(text) {
            Ok(id) if text.len() == 36 => Ok(T::from(id)),
            _ => Err(Error::NotFound {
                what,
                id: repeated(text),
            }),
        }
    }

    /// The path's `{code}`, as the caller wrote it.
    pub(super) fn code(&self) -> &str {
        self.param("code")
    }

    /// Who asks for the path's session, and which version of it he has seen.
    pub(super) fn asked(&self) -> Result<Asked<'_>, Error> {
        Ok(Asked {
            who: self.who()?,
            session: self.id("session")?,
            if_match: self.header(RequestHeader::IfMatch)?,
            dry_run: self.query()?.dry_run.unwrap_or_default(),
        })
    }

    /// The path's `{name}`: `what` does not exist when it cannot be a name.
    pub(super) fn name(&self, what: &'static str) -> Result<Name, Error> {
        let text = self.param("name");
        text.parse().map_err(|_| Error::NotFound {
            what,
            id: repeated(text),
        })
    }

    /// The path's `{player}`; `me` is the player who calls.
    pub(super) fn player(&self) -> Result<PlayerId, Error> {
        let text = self.param("player");
        if text == "me" {
            return match self.who()? {
                Principal::Player { player, .. } => Ok(player.clone()),
                _ => Err(Error::Malformed(
                    "`me` is for players; name the player".into(),
                )),
            };
        }
        text.parse().map_err(|error| {
            Error::Malformed(format!(
                "{:?} is not a player's id: it {error}",
                repeated(text)
            ))
        })
    }

    /// The path's `{player}`, who a player can only be himself.
    pub(super) fn own_player(&self) -> Result<PlayerId, Error> {
        let player = self.player()?;
        match self.who()? {
            Principal::Player { player: caller, .. } if *caller != player => Err(Error::Forbidden(
                "only the member himself may do this".into(),
            )),
            _ => Ok(player),
        }
    }

    /// A header that stands for something of ours: at most once, visible ASCII.
    pub(super) fn header(&self, header: RequestHeader) -> Result<Option<&str>, Error> {
        let name = header.name();
        let mut values = self.headers.get_all(name).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let bytes_max = match header {
            RequestHeader::IdempotencyKey => IDEMPOTENCY_KEY_BYTES_MAX,
            RequestHeader::IfMatch | RequestHeader::IfNoneMatch => OPAQUE_BYTES_MAX,
        };
        match value.to_str() {
            Ok(text) if values.next().is_none() && !text.is_empty() && text.len() <= bytes_max => {
                Ok(Some(text))
            }
            _ => Err(Error::Malformed(format!(
                "{name} must be given once, with 1 to {bytes_max} visible ASCII characters"
            ))),
        }
    }

    /// Reads the query string: each parameter that the route takes, at most once, and no other.
    pub(super) fn query(&self) -> Result<QueryValues, Error> {
        let mut values = QueryValues::default();
        let query = self.query.as_deref().unwrap_or_default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(known) = self.route.query.iter().find(|known| known.name() == name) else {
                return Err(unknown_parameter(self.route, name));
            };
            let fresh = match known {
                Query::Cursor => {
                    if value.is_empty() || value.len() > OPAQUE_BYTES_MAX {
                        return Err(Error::Malformed("cursor is not one of ours".into()));
                    }
                    values.cursor.replace(decoded(value)?).is_none()
                }
                Query::After => {
                    let after = value.parse().map_err(|_| {
                        Error::Malformed("after must be the id of a session".into())
                    })?;
                    values.after.replace(after).is_none()
                }
                Query::ClientVersion => {
                    let version = parse_client_version(&decoded(value)?)
                        .map_err(|why| Error::Malformed(format!("client_version: {why}")))?;
                    values.client_version.replace(version).is_none()
                }
                Query::AfterMember => values.after_member.replace(number(name, value)?).is_none(),
                Query::DryRun => values.dry_run.replace(flag(name, value)?).is_none(),
                Query::Param => {
                    let decoded = decoded(value)?;
                    let (key, value) = decoded
                        .split_once(':')
                        .ok_or_else(|| Error::Malformed("param must be key:value".into()))?;
                    if values.params.len() == PARAMS_MAX {
                        metrics::limit_hit("browser_params");
                        return Err(Error::Malformed(format!(
                            "param may be given {PARAMS_MAX} times"
                        )));
                    }
                    let value = value.to_owned();
                    values.params.insert(key.to_owned(), value).is_none()
                }
                Query::Keyword => values.keyword.replace(named(name, value)?).is_none(),
                Query::Queue => values.queue.replace(named(name, value)?).is_none(),
                Query::Region => values.region.replace(named(name, value)?).is_none(),
                Query::Type => values.r#type.replace(named(name, value)?).is_none(),
                Query::Seen => values.seen.replace(number(name, value)?).is_none(),
                Query::Wait => values.wait.replace(self.wait(value)?).is_none(),
            };
            if !fresh {
                return Err(Error::Malformed(format!("{name} is given twice")));
            }
        }
        Ok(values)
    }

    fn wait(&self, value: &str) -> Result<Millis, Error> {
        let wait: u64 = number("wait", value)?;
        let max = self.http.limits.wait_max.0;
        if wait > max.0 {
            return Err(Error::Malformed(format!(
                "wait is at most {} milliseconds",
                max.0
            )));
        }
        Ok(Millis(wait))
    }

    /// The body, which must be there.
    pub(super) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        match self.bytes().await? {
            bytes if bytes.is_empty() => Err(Error::Malformed("a body is needed".into())),
            bytes => parse(&bytes),
        }
    }

    /// The body, or all defaults when there is none.
    pub(super) async fn json_or_default<T: DeserializeOwned + Default>(
        &mut self,
    ) -> Result<T, Error> {
        match self.bytes().await? {
            bytes if bytes.is_empty() => Ok(T::default()),
            bytes => parse(&bytes),
        }
    }

    async fn bytes(&mut self) -> Result<Bytes, Error> {
        if self.body.is_end_stream() {
            return Ok(Bytes::new());
        }
        if !is_json(&self.headers) {
            return Err(Error::UnsupportedMediaType);
        }
        let bytes_max = self.http.limits.body_bytes_max;
        let too_large = || {
            metrics::limit_hit("body_bytes");
            Error::BodyTooLarge { bytes_max }
        };
        if self.body.size_hint().lower() > bytes_max as u64 {
            return Err(too_large());
        }
        let body = &mut self.body;
        let read = async {
            // Most bodies are one frame, which is used as it came.
            let mut first = Bytes::new();
            let mut all = BytesMut::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|_| Error::Malformed("the body broke off".into()))?;
                let Ok(data) = frame.into_data() else {
                    continue;
                };
                if first.len() + all.len() + data.len() > bytes_max {
                    return Err(too_large());
                }
                if first.is_empty() && all.is_empty() {
                    first = data;
                } else {
                    all.extend_from_slice(&std::mem::take(&mut first));
                    all.extend_from_slice(&data);
                }
            }
            Ok(if all.is_empty() { first } else { all.freeze() })
        };
        match tokio::time::timeout(BODY_TIMEOUT, read).await {
            Ok(read) => read,
            Err(_) => Err(Error::Malformed("the body did not arrive in time".into())),
        }
    }
}

/// What the query string says.
#[derive(Debug, Default)]
pub(super) struct QueryValues {
    pub(super) after: Option<SessionId>,
    pub(super) after_member: Option<u32>,
    pub(super) client_version: Option<semver::Version>,
    pub(super) cursor: Option<String>,
    pub(super) dry_run: Option<bool>,
    /// `param=key:value`, each key once.
    pub(super) params: CustomData,
    pub(super) keyword: Option<Name>,
    pub(super) queue: Option<Name>,
    pub(super) region: Option<Region>,
    pub(super) seen: Option<i64>,
    pub(super) r#type: Option<Name>,
    pub(super) wait: Option<Millis>,
}

/// Cuts what a caller wrote to what an answer may repeat.
pub(super) fn repeated(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(REPEATED_MAX)
        .collect()
}

/// Undoes percent encoding, in which some clients wrap even what needs none.
fn decoded(value: &str) -> Result<String, Error> {
    let broken = || Error::Malformed("the query string is not UTF-8 in percent encoding".into());
    let mut parts = value.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2).ok_or_else(broken)?;
        bytes.push(u8::from_str_radix(hex, 16).map_err(|_| broken())?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| broken())
}

fn unknown_parameter(route: &Route, name: &str) -> Error {
    let known: Vec<&str> = route.query.iter().map(|known| known.name()).collect();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    Error::Malformed(format!(
        "there is no parameter {:?} here; known: {known}",
        repeated(name)
    ))
}

/// A name that people chose.
fn named<T: FromStr<Err = model::NameError>>(parameter: &str, value: &str) -> Result<T, Error> {
    decoded(value)?
        .parse()
        .map_err(|error| Error::Malformed(format!("{parameter} {error}")))
}

fn flag(name: &str, value: &str) -> Result<bool, Error> {
    value
        .parse()
        .map_err(|_| Error::Malformed(format!("{name} must be true or false")))
}

fn number<T: FromStr<Err: Display>>(name: &str, value: &str) -> Result<T, Error> {
    value
        .parse()
        .map_err(|error| Error::Malformed(format!("{name} must be a whole number: {error}")))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return false;
    };
    let media_type = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    media_type.eq_ignore_ascii_case("application/json")
        || media_type.eq_ignore_ascii_case("application/merge-patch+json")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    if has_nul(bytes) {
        return Err(Error::Malformed("the body contains a NUL character".into()));
    }
    // serde would also take an array, as the fields in their order, and name the rest by our own types.
    let found = match bytes.trim_ascii_start().first() {
        Some(b'{') => None,
        Some(b'[') => Some("an array"),
        Some(b'"') => Some("a text"),
        Some(b'-' | b'0'..=b'9') => Some("a number"),
        Some(b'n') => Some("null"),
        Some(_) => Some("something else"),
        None => Some("nothing"),
    };
    if let Some(found) = found {
        let detail = format!("the body must be a JSON object, not {found}");
        return Err(Error::Malformed(detail));
    }
    if let Some(number) = numbers::lossy(bytes) {
        let number = repeated(number);
        return Err(Error::Malformed(format!(
            "the number {number} has more digits than a double holds and would be changed: send it as text"
        )));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let what = repeated_error(&error);
        Error::Malformed(match place::<T>(bytes) {
            Some(place) => format!("{place}: {what}"),
            None => what,
        })
    })
}

/// Which field of a body can't be read, such as `players.ann.attributes.skill`. It is read once more for it, so that
/// good bodies are read without keeping account of where one is.
fn place<T: DeserializeOwned>(bytes: &[u8]) -> Option<String> {
    const PLACE_CHARS_MAX: usize = 300;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let error = serde_path_to_error::deserialize::<_, T>(&mut reader).err()?;
    let path = error.path();
    let is_known = path.iter().len() > 0;
    let text = path.to_string();
    let text = text.chars().filter(|c| !c.is_control());
    is_known.then(|| text.take(PLACE_CHARS_MAX).collect())
}

/// serde's own words name the field and the place; a value that they repeat is cut.
fn repeated_error(error: &serde_json::Error) -> String {
    const ERROR_CHARS_MAX: usize = 400;
    let text = without_types(&error.to_string());
    if text.chars().count() <= ERROR_CHARS_MAX {
        return text;
    }
    let (line, column) = (error.line(), error.column());
    let cut: String = text.chars().take(ERROR_CHARS_MAX).collect();
    format!("{cut}… at line {line} column {column}")
}

/// The same without the names of our own types, which mean nothing to a caller.
fn without_types(text: &str) -> String {
    let mut parts = text.split("expected struct ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("expected an object");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_alphanumeric()));
    }
    out
}

/// Whether a JSON text holds a NUL character, raw or as an escape. O(length).
fn has_nul(bytes: &[u8]) -> bool {
    if bytes.contains(&0) {
        return true;
    }
    let mut at = 0;
    while let Some(found) = bytes
        .get(at..)
        .and_then(|rest| rest.iter().position(|&b| b == b'\\'))
    {
        let escape = at + found;
        if bytes.get(escape + 1..escape + 6) == Some(b"u0000".as_slice()) {
            return true;
        }
        // Skips what the backslash escapes, so that `\\u0000` is a backslash and four zeros.
        at = escape + 2;
    }
    false
}
