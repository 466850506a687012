//! Connections: accepted, limited, served with HTTP/1.1, and drained at shutdown.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::dispatch::{Http, router};
use super::metrics;
use crate::Core;
use crate::auth::Keys;
use crate::config::Limits;

/// How long a connection may take to send a request's head; also how long it may idle between requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// The largest head of a request, in bytes; a read buffer starts at half of it and grows only for such a head.
const HEAD_BYTES_MAX: usize = 16_384;
/// What to wait after an accept that failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often samples of histograms are folded into their buckets.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
retry-after: 1\r\nconnection: close\r\ncontent-length: 99\r\n\r\n\
{\"type\":\"urn:muster:problem:unavailable\",\"title\":\"Not available now\",\"status\":503,\"detail\":\"full\"}\n";

/// Serves HTTP/1.1 on `listener` until `shutdown`, then drains.
///
/// Draining: nothing new is accepted, long polls answer with what they have, requests that may change something
/// run to their end, for at most `limits.drain_max`. Errors only where `listener` is of no use from the start.
pub async fn serve(
    listener: TcpListener,
    core: Core,
    keys: Arc<Keys>,
    limits: Limits,
    shutdown: CancellationToken,
) -> io::Result<()> {
    listener.local_addr()?;
    let http = Arc::new(Http::new(core, keys, limits, shutdown.clone()));
    let service = TowerToHyperService::new(router(&http));
    let connections = TaskTracker::new();
    let room = Arc::new(Semaphore::new(
        http.limits.connections_max.min(Semaphore::MAX_PERMITS),
    ));
    let upkeep = connections.spawn(upkeep(Arc::clone(&http)));
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => match Arc::clone(&room).try_acquire_owned() {
                Ok(permit) => {
                    let served = connection(stream, service.clone(), shutdown.clone(), permit);
                    connections.spawn(served);
                }
                Err(_) => refuse(&stream),
            },
            Err(error) => {
                tracing::warn!("accepting a connection failed: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    drain(&http, &connections).await;
    upkeep.abort();
    Ok(())
}

type Service = TowerToHyperService<axum::Router>;

async fn connection(
    stream: TcpStream,
    service: Service,
    shutdown: CancellationToken,
    _room: OwnedSemaphorePermit,
) {
    let open = metrics::connections();
    open.increment(1);
    // Answers are small and awaited: never held back for more. A socket that is gone shows below.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection broke off: {error}");
    }
    open.decrement(1);
}

/// Says 503 without reading the request. Whoever cannot take these bytes at once learns it from the close.
fn refuse(stream: &TcpStream) {
    metrics::limit_hit("connections");
    let _ = stream.try_write(TOO_MANY);
}

async fn upkeep(http: Arc<Http>) {
    let Some(recorder) = http.recorder else {
        return;
    };
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    while http
        .shutdown
        .run_until_cancelled(ticks.tick())
        .await
        .is_some()
    {
        recorder.run_upkeep();
    }
}

async fn drain(http: &Http, connections: &TaskTracker) {
    connections.close();
    let max = http.limits.drain_max.0.duration();
    let drained = tokio::time::timeout(max, async {
        connections.wait().await;
        http.commands.close();
        http.commands.wait().await;
    });
    if drained.await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            commands = http.commands.len(),
            "connections did not end within {max:?}; leaving them"
        );
    }
}
