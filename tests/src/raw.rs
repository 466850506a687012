//! Requests that no client of ours would send: any bytes, any token, any header.

use model::wire::{Claims, PrincipalKind};
use model::{Millis, Timestamp};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{SECRET, namespace};

/// A request, as bytes.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// `GET`, …
    pub method: &'a str,
    /// With the query.
    pub path: &'a str,
    /// The bearer's token; `None` sends no such header.
    pub token: Option<&'a str>,
    /// Headers beside those that every request needs.
    pub headers: &'a [(&'a str, &'a str)],
    /// Any bytes; empty: no body.
    pub body: &'a [u8],
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its head, as it came.
    pub head: String,
    /// Its body, if it is JSON.
    pub body: Value,
}

impl Answer {
    /// The last part of the problem's type; empty when it is none.
    pub fn problem(&self) -> &str {
        let of_type = self.body["type"].as_str().unwrap_or_default();
        of_type.rsplit(':').next().unwrap_or_default()
    }

    /// A header of the answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Sends a request on a connection of its own.
///
/// # Panics
/// When there is no answer.
pub async fn send(url: &str, request: Request<'_>) -> Answer {
    let address = url.strip_prefix("http://").expect("an http address");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let mut bytes = format!(
        "{} {} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n",
        request.method, request.path
    );
    if let Some(token) = request.token {
        bytes.push_str(&format!("authorization: Bearer {token}\r\n"));
    }
    if !request.body.is_empty() {
        bytes.push_str(&format!("content-length: {}\r\n", request.body.len()));
        if !request
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        {
            bytes.push_str("content-type: application/json\r\n");
        }
    }
    for (name, value) in request.headers {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    bytes.push_str("\r\n");
    let mut bytes = bytes.into_bytes();
    bytes.extend_from_slice(request.body);
    // A server that has read enough answers and hangs up, whatever else was to come.
    let _ = stream.write_all(&bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no answer to {request:?}: {text:?}")),
        head: head.to_owned(),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    }
}

/// Claims that are good on any clock of a test.
pub fn claims(kind: PrincipalKind, subject: &str) -> Claims {
    let forever = Millis::seconds(200 * 365 * 86_400);
    Claims::new(namespace(), kind, subject, Timestamp(0), forever)
}

/// A token with these claims.
///
/// # Panics
/// When it cannot be made.
pub fn token(claims: &Claims) -> String {
    sdk::token::mint(SECRET, claims).expect("a token")
}
