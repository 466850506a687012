//! Handlers of sessions and their types.

use axum::http::StatusCode;
use axum::response::Response;
use model::{SessionId, wire};

use super::call::Call;
use super::reply::{self, Answer};
use super::routes::RequestHeader;
use crate::core::Search;
use crate::{Error, etag};

pub(super) async fn create(mut call: Call) -> Answer {
    let body: wire::CreateSession = call.json().await?;
    let key = call.header(RequestHeader::IdempotencyKey)?;
    if call.query()?.dry_run.unwrap_or_default() {
        return reply::ok(&call.core().rehearse_session(call.who()?, body).await?);
    }
    let (created, session) = call.core().create_session(call.who()?, body, key).await?;
    arrived(created, &session)
}

/// The session in which the caller is now, and where it is: a hub may have led him to another one. `news`: he has made
/// or joined it just now.
pub(super) fn arrived(news: bool, session: &wire::Session) -> Answer {
    let status = match news {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    let at = format!("/v1/sessions/{}", session.id);
    located(reply::session(status, session)?, &at)
}

pub(super) async fn read(call: Call) -> Answer {
    let id: SessionId = call.id("session")?;
    let known = call.header(RequestHeader::IfNoneMatch)?;
    let session = call.core().read_session(call.who()?, id).await?;
    if known.is_some_and(|known| etag::names(known, session.branch, Some(session.change_number))) {
        return reply::not_modified(&session);
    }
    reply::session(StatusCode::OK, &session)
}

pub(super) async fn update(mut call: Call) -> Answer {
    let body: wire::UpdateSession = call.json().await?;
    let session = call.core().update_session(&call.asked()?, body).await?;
    reply::session(StatusCode::OK, &session)
}

pub(super) async fn delete(call: Call) -> Answer {
    call.core().delete_session(&call.asked()?).await?;
    reply::nothing()
}

pub(super) async fn reserve(mut call: Call) -> Answer {
    let body: wire::Reserve = call.json().await?;
    let session = call.core().reserve(&call.asked()?, body).await?;
    reply::session(StatusCode::OK, &session)
}

pub(super) async fn put_server(mut call: Call) -> Answer {
    let name = call.name("server")?;
    let body: wire::PutServer = call.json_or_default().await?;
    let session = call.core().put_server(&call.asked()?, name, body).await?;
    reply::session(StatusCode::OK, &session)
}

pub(super) async fn remove_server(call: Call) -> Answer {
    let name = call.name("server")?;
    let session = call.core().remove_server(&call.asked()?, name).await?;
    reply::session(StatusCode::OK, &session)
}

pub(super) async fn set_browser_entry(mut call: Call) -> Answer {
    let body: wire::SetBrowserEntry = call.json_or_default().await?;
    let params = Some(body.params);
    let session = call
        .core()
        .set_browser_entry(&call.asked()?, params)
        .await?;
    reply::session(StatusCode::OK, &session)
}

pub(super) async fn remove_browser_entry(call: Call) -> Answer {
    let session = call.core().set_browser_entry(&call.asked()?, None).await?;
    reply::session(StatusCode::OK, &session)
}

pub(super) async fn browse(call: Call) -> Answer {
    let query = call.query()?;
    let search = Search {
        r#type: query.r#type,
        region: query.region,
        params: query.params,
        after: query.after,
    };
    reply::ok(&call.core().browse(&search).await?)
}

pub(super) async fn mine(call: Call) -> Answer {
    let (player, after) = (call.own_player()?, call.query()?.after);
    reply::ok(&call.core().sessions_of(&player, after).await?)
}

pub(super) async fn find(call: Call) -> Answer {
    let query = call.query()?;
    let keyword = query.keyword.ok_or_else(|| {
        Error::Malformed("add ?keyword=…: sessions are found by one of their keywords".into())
    })?;
    let found = call
        .core()
        .find_sessions(call.who()?, &keyword, query.after);
    reply::ok(&found.await?)
}

pub(super) async fn types(call: Call) -> Answer {
    reply::ok(&call.core().session_types())
}

pub(super) async fn read_type(call: Call) -> Answer {
    let name = call.name("session type")?;
    reply::ok(&call.core().session_type(name.as_str())?)
}

/// Adds where a created thing is from now on.
pub(super) fn located(mut response: Response, location: &str) -> Result<Response, Error> {
    let location = reply::header_value(location);
    response
        .headers_mut()
        .insert(axum::http::header::LOCATION, location);
    Ok(response)
}
