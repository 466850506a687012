//! A small HTTP server whose answers a test decides, request by request.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::{Client, Settings};

/// What the server received.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub headers: HeaderMap,
    pub body: serde_json::Value,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("is text"))
    }
}

/// What the server does with a request.
pub enum Answer {
    Reply(Response<Full<Bytes>>),
    /// Closes the connection without an answer.
    Drop,
    /// Answers never.
    Hang,
}

pub fn json(status: u16, body: serde_json::Value) -> Answer {
    Answer::Reply(response(status, &[], &body.to_string()))
}

pub fn with_headers(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    Answer::Reply(response(status, headers, body))
}

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response
        .body(Full::new(Bytes::from(body.to_owned())))
        .expect("is a response")
}

/// Runs until it is dropped, with every connection.
pub struct Server {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// `answer` is told how many requests came before this one.
    pub async fn start(answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", answer).await
    }

    pub async fn start_at(
        address: impl tokio::net::ToSocketAddrs,
        answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.expect("binds");
        let address = listener.local_addr().expect("has an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, asked.clone(), Arc::new(answer)));
        Self {
            address,
            asked,
            _tasks: tasks,
        }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("is whole").clone()
    }

    pub fn client(&self) -> Client {
        self.impatient_client(Duration::from_secs(10))
    }

    pub fn impatient_client(&self, timeout: Duration) -> Client {
        let settings = Settings {
            timeout,
            ..Settings::default()
        };
        let url = format!("http://{}/", self.address);
        Client::with_settings(&url, "first", settings).expect("is a client")
    }
}

type Answers = Arc<dyn Fn(usize, &Asked) -> Answer + Send + Sync>;

async fn accept(listener: TcpListener, asked: Arc<Mutex<Vec<Asked>>>, answers: Answers) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("accepts");
        let (asked, answers) = (asked.clone(), answers.clone());
        let service = service_fn(move |request| respond(request, asked.clone(), answers.clone()));
        connections.spawn(async move {
            // A connection that the test drops ends with an error, as it should.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn respond(
    request: http::Request<Incoming>,
    asked: Arc<Mutex<Vec<Asked>>>,
    answers: Answers,
) -> Result<Response<Full<Bytes>>, Dropped> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("is whole").to_bytes();
    let this = Asked {
        path: parts.uri.to_string(),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let before = {
        let mut asked = asked.lock().expect("is whole");
        asked.push(this.clone());
        asked.len() - 1
    };
    match answers(before, &this) {
        Answer::Reply(response) => Ok(response),
        Answer::Drop => Err(Dropped),
        Answer::Hang => match std::future::pending::<Infallible>().await {},
    }
}

/// Makes hyper close the connection.
#[derive(Debug, thiserror::Error)]
#[error("dropped")]
struct Dropped;
