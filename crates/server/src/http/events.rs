//! The handler of the event stream, and how long polls wait.

use axum::body::Body;
use axum::http::HeaderMap;
use model::Millis;
use tokio::sync::SemaphorePermit;

use super::call::Call;
use super::dispatch::Http;
use super::metrics;
use super::reply::{self, Answer};
use crate::Error;

pub(super) async fn read(mut call: Call) -> Answer {
    let query = call.query()?;
    let player = call.caller()?.clone();
    release(&mut call);
    let wait = query.wait.unwrap_or_default();
    let cursor = query.cursor.as_deref();
    let core = call.core();
    let page = poll(&call.http, wait, |wait| core.events(&player, cursor, wait)).await?;
    reply::ok(&page)
}

/// Waits at most `wait` for what `ask` waits for. At shutdown it asks again without waiting.
pub(super) async fn poll<T, F>(
    http: &Http,
    wait: Millis,
    ask: impl Fn(Millis) -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    if wait.0 == 0 || http.shutdown.is_cancelled() {
        return ask(Millis(0)).await;
    }
    let _waiting = Waiting::enter(http)?;
    tokio::select! {
        biased;
        page = ask(wait) => page,
        () = http.shutdown.cancelled() => ask(Millis(0)).await,
    }
}

/// Gives back what a waiting request does not need: headers hold the connection's read buffer.
pub(super) fn release(call: &mut Call) {
    call.headers = HeaderMap::new();
    call.body = Body::empty();
    call.query = None;
}

/// One of the long polls that may wait at a time.
struct Waiting<'a> {
    _permit: SemaphorePermit<'a>,
}

impl<'a> Waiting<'a> {
    fn enter(http: &'a Http) -> Result<Self, Error> {
        let Ok(permit) = http.long_polls.try_acquire() else {
            metrics::limit_hit("long_polls");
            return Err(Error::Overloaded);
        };
        metrics::long_polls().increment(1);
        Ok(Self { _permit: permit })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        metrics::long_polls().decrement(1);
    }
}
