//! Connections over real sockets: answers, limits and the end.

use std::sync::Arc;

use model::Timestamp;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::keys;
use crate::config::Limits;
use crate::http::serve;

struct Server {
    address: std::net::SocketAddr,
    shutdown: CancellationToken,
    _dir: TempDir,
    task: JoinHandle<std::io::Result<()>>,
}

async fn start(limits: Limits) -> Server {
    let (dir, core) = super::core().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let task = serve(listener, core, Arc::new(keys()), limits, shutdown.clone());
    let task = tokio_util::task::TaskTracker::new().spawn(task);
    Server {
        address,
        shutdown,
        task,
        _dir: dir,
    }
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4_096];
    let read = stream.read(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

#[tokio::test]
async fn a_connection_is_kept_until_shutdown_and_ended_then() {
    let server = start(Limits::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..2 {
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let text = answer(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    }
    server.shutdown.cancel();
    server.task.await.unwrap().unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_with_a_whole_answer() {
    let server = start(Limits {
        connections_max: 1,
        ..Limits::default()
    })
    .await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    assert!(answer(&mut first).await.starts_with("HTTP/1.1 200"));
    let mut second = TcpStream::connect(server.address).await.unwrap();
    let mut text = String::new();
    second.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{head}"
    );
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["type"], "urn:muster:problem:unavailable");
    drop(first);
    server.shutdown.cancel();
    server.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn metrics_count_by_route_template_and_status() {
    let server = start(Limits::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET /v1/queues/secret-name HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 401"));
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let expected =
        r#"muster_http_requests_total{method="GET",route="/v1/queues/{name}",status="401"}"#;
    assert!(text.contains(expected), "{text}");
    assert!(!text.contains("secret-name"));
    server.shutdown.cancel();
    server.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_waiting_long_poll_answers_with_what_it_has_when_the_server_stops() {
    let server = start(Limits::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let token = super::player_token(&keys(), Timestamp(1_800_000_000_000));
    let get = |query: &str| {
        format!(
            "GET /v1/events{query} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"
        )
    };
    stream.write_all(get("").as_bytes()).await.unwrap();
    let first = answer(&mut stream).await;
    let first: serde_json::Value =
        serde_json::from_str(first.split_once("\r\n\r\n").unwrap().1).unwrap();
    let query = format!("?wait=300000&cursor={}", first["cursor"].as_str().unwrap());
    stream.write_all(get(&query).as_bytes()).await.unwrap();
    // The poll waits once the gauge says so; whoever asks is no poll himself.
    let mut operator = TcpStream::connect(server.address).await.unwrap();
    loop {
        operator
            .write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut text = String::new();
        while !text.contains("muster_http_connections ") {
            text.push_str(&answer(&mut operator).await);
        }
        if text.contains("muster_http_long_polls 1") {
            break;
        }
    }
    server.shutdown.cancel();
    let last = answer(&mut stream).await;
    assert!(last.starts_with("HTTP/1.1 200"), "{last}");
    assert!(last.contains(r#""notices":[]"#), "{last}");
    drop(operator);
    server.task.await.unwrap().unwrap();
}
