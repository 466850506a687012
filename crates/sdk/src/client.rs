//! The client itself: a connection pool, a token, and one way to send a call.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::de::DeserializeOwned;

use crate::call::{Call, CallName, Reply, retry_after};
use crate::retry::{Outcome, Policy, Repeat};
use crate::{Error, chance};

/// The largest answer that is read, in bytes.
const REPLY_BYTES_MAX: usize = 16 << 20;

/// How patient a client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Until a connection stands.
    pub connect_timeout: Duration,
    /// Until the answer is there, for each attempt; a long poll may take its `wait` longer.
    pub timeout: Duration,
    /// Attempts in all, the first included; 1: never again.
    pub attempts_max: u32,
    /// The longest pause between two attempts; a server that asks for more gets none.
    pub pause_max: Duration,
    /// The address that connections come from; `None`: the system chooses.
    pub local_address: Option<IpAddr>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(10),
            attempts_max: 4,
            pause_max: Duration::from_secs(10),
            local_address: None,
        }
    }
}

/// A value with the tag of its state, for [`crate::Condition::Unchanged`] and "only if changed".
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// Its `ETag`, quotes included.
    pub etag: String,
}

/// A client of one Muster server with one token. A clone is cheap and shares the connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    authorization: Option<HeaderValue>,
}

struct Shared {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    /// Scheme, host, port and path before `/v1`, without a slash at its end.
    server: Arc<str>,
    settings: Settings,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token stays out of logs.
        write!(f, "Client({})", self.shared.server)
    }
}

impl Client {
    /// A client of the server at `url` (`http://127.0.0.1:8080`); an empty `token` sends none.
    ///
    /// # Errors
    /// [`Error::Url`] and [`Error::Token`]; nothing is sent yet.
    pub fn new(url: &str, token: &str) -> Result<Self, Error> {
        Self::with_settings(url, token, Settings::default())
    }

    /// The same with other time-outs and retries.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_settings(url: &str, token: &str, settings: Settings) -> Result<Self, Error> {
        let server = checked_url(url)?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_local_address(settings.local_address);
        connector.set_connect_timeout(Some(settings.connect_timeout));
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .build(connector);
        let shared = Shared {
            http,
            server: server.into(),
            settings,
        };
        Ok(Self {
            shared: Arc::new(shared),
            authorization: bearer(token)?,
        })
    }

    /// The same server, connections and settings for somebody else.
    ///
    /// # Errors
    /// [`Error::Token`].
    pub fn with_token(&self, token: &str) -> Result<Self, Error> {
        Ok(Self {
            shared: self.shared.clone(),
            authorization: bearer(token)?,
        })
    }

    /// The server's address, as it stands before `/v1`.
    pub fn url(&self) -> &str {
        &self.shared.server
    }

    /// Sends a call and reads a JSON answer.
    pub(crate) async fn read<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        self.send(call).await?.decode()
    }

    /// Sends a call and reads a JSON answer with its `ETag`.
    pub(crate) async fn read_versioned<T: DeserializeOwned>(
        &self,
        call: Call,
    ) -> Result<Versioned<T>, Error> {
        versioned(self.send(call).await?)
    }

    /// Sends a call whose answer has no body that matters.
    pub(crate) async fn tell(&self, call: Call) -> Result<(), Error> {
        self.send(call).await.map(|_| ())
    }

    /// Sends a call, again if that is right; answers with a success or 304.
    pub(crate) async fn send(&self, call: Call) -> Result<Reply, Error> {
        let settings = &self.shared.settings;
        let policy = Policy {
            attempts_max: settings.attempts_max,
            pause_max: settings.pause_max,
        };
        let mut attempts = 1;
        loop {
            let (outcome, error) = match self.attempt(&call).await {
                Ok(reply) if reply.status.is_success() => return Ok(reply),
                Ok(reply) if reply.status == StatusCode::NOT_MODIFIED => return Ok(reply),
                Ok(reply) => {
                    let outcome = Outcome::Status {
                        status: reply.status.as_u16(),
                        retry_after: retry_after(&reply.headers),
                    };
                    (outcome, reply.into_error())
                }
                Err(error @ (Error::Transport { .. } | Error::TimedOut { .. })) => {
                    (Outcome::NoAnswer, error)
                }
                Err(error) => return Err(error),
            };
            match policy.pause(call.repeat, outcome, attempts) {
                Some(pause) => tokio::time::sleep(stretched(pause)).await,
                None if attempts > 1 && is_gone(&call, &error) => {
                    return Ok(Reply::gone(self.name(&call)));
                }
                None => return Err(error),
            }
            attempts += 1;
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Reply, Error> {
        let after = self.shared.settings.timeout + call.wait;
        let exchange = self.exchange(self.request(call)?);
        let (parts, body) = match tokio::time::timeout(after, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(source)) => {
                return Err(Error::Transport {
                    call: self.name(call).text(),
                    source,
                });
            }
            Err(_) => {
                return Err(Error::TimedOut {
                    call: self.name(call).text(),
                    after,
                });
            }
        };
        Ok(Reply {
            status: parts.status,
            headers: parts.headers,
            body,
            call: self.name(call),
        })
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(http::response::Parts, Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let (parts, body) = self.shared.http.request(request).await?.into_parts();
        let body = Limited::new(body, REPLY_BYTES_MAX).collect().await;
        match body {
            Ok(body) => Ok((parts, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(format!("the answer is larger than {REPLY_BYTES_MAX} bytes").into())
            }
            Err(error) => Err(error),
        }
    }

    fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, Error> {
        let unwritable = |error: http::Error| Error::Encode {
            call: self.name(call).text(),
            source: Box::new(error),
        };
        let uri = Bytes::from([&self.shared.server, call.path.as_str()].concat());
        let uri = Uri::from_maybe_shared(uri).map_err(|error| unwritable(error.into()))?;
        let mut request = Request::builder().method(call.method.clone()).uri(uri);
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if !call.body.is_empty() {
            request = request.header(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
        }
        if let Some((name, value)) = &call.header {
            request = request.header(name, value.as_str());
        }
        request
            .body(Full::new(call.body.clone()))
            .map_err(unwritable)
    }

    fn name(&self, call: &Call) -> CallName {
        CallName {
            method: call.method.clone(),
            path: call.path.clone(),
            server: self.shared.server.clone(),
        }
    }
}

/// A value with its `ETag`.
pub(crate) fn versioned<T: DeserializeOwned>(reply: Reply) -> Result<Versioned<T>, Error> {
    let Some(etag) = reply.header(header::ETAG).map(str::to_owned) else {
        return Err(Error::MissingHeader {
            call: reply.call.text(),
            header: "ETag",
        });
    };
    Ok(Versioned {
        value: reply.decode()?,
        etag,
    })
}

/// A deletion that finds nothing when it is repeated has been carried out before: its answer was lost.
fn is_gone(call: &Call, error: &Error) -> bool {
    call.repeat == Repeat::Deletion && matches!(error.status(), Some(404 | 410))
}

impl Reply {
    fn gone(call: CallName) -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            headers: http::HeaderMap::new(),
            body: Bytes::new(),
            call,
        }
    }
}

/// A server's own time is a minimum; jitter is added on top, so that its clients do not come all at once.
fn stretched(pause: Duration) -> Duration {
    pause + chance::jittered(pause / 4)
}

fn bearer(token: &str) -> Result<Option<HeaderValue>, Error> {
    if token.is_empty() {
        return Ok(None);
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| Error::Token)?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn checked_url(url: &str) -> Result<String, Error> {
    let refused = |reason| Error::Url {
        url: url.to_owned(),
        reason,
    };
    let uri: Uri = url
        .parse()
        .map_err(|_| refused("write it as http://HOST:PORT"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => {
            return Err(refused(
                "this client does not speak TLS; give a plain http:// address inside your network",
            ));
        }
        _ => return Err(refused("it must begin with http://")),
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(refused("it names no host"));
    }
    if uri.query().is_some() {
        return Err(refused("it must not have a query"));
    }
    Ok(url.trim_end_matches('/').to_owned())
}
