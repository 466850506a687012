//! Answers: JSON bodies, entity tags, locations.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use model::wire;
use serde::Serialize;

use crate::Error;
use crate::etag;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Room for a session of four members, so that most bodies are written without growing.
const BODY_BYTES: usize = 2_048;

/// What a handler comes to.
pub(super) type Answer = Result<Response, Error>;

/// A text of our own as a header; what a header cannot hold is left away.
pub(super) fn header_value(text: &str) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// JSON with a status.
pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Answer {
    let mut bytes = Vec::with_capacity(BODY_BYTES);
    serde_json::to_writer(&mut bytes, body)
        .map_err(|error| Error::Internal(format!("writing an answer: {error}")))?;
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    Ok(response)
}

/// 200 with JSON.
pub(super) fn ok<T: Serialize>(body: &T) -> Answer {
    json(StatusCode::OK, body)
}

/// 201 with JSON and where it is from now on.
pub(super) fn created<T: Serialize>(location: &str, body: &T) -> Answer {
    let mut response = json(StatusCode::CREATED, body)?;
    response
        .headers_mut()
        .insert(header::LOCATION, header_value(location));
    Ok(response)
}

/// A session with its entity tag.
pub(super) fn session(status: StatusCode, session: &wire::Session) -> Answer {
    let mut response = json(status, session)?;
    response
        .headers_mut()
        .insert(header::ETAG, header_value(&etag::of(session)));
    Ok(response)
}

/// 304 with the entity tag that still holds.
pub(super) fn not_modified(session: &wire::Session) -> Answer {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
        .headers_mut()
        .insert(header::ETAG, header_value(&etag::of(session)));
    Ok(response)
}

/// 204.
pub(super) fn nothing() -> Answer {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// 200 with text.
pub(super) fn text(media_type: &'static str, body: impl Into<Body>) -> Answer {
    let mut response = Response::new(body.into());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    Ok(response)
}
