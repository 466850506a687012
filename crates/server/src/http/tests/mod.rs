//! Tests of everything HTTP, through the router as connections call it.

mod bad_input;
mod documents;
mod drain;
mod principals;
mod requests;

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use model::config::ProviderSchema;
use model::wire::{Claims, PrincipalKind as Kind};
use model::{Millis, Timestamp};
use serde_json::{Value, json};
use store::Store;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{Http, router};
use crate::Core;
use crate::auth::Keys;
use crate::clock::Clock;
use crate::config::Limits;
use crate::core::{Drivers, Parts, Settings};
use crate::ids::Ids;

/// An id that nothing has.
pub(super) const NOBODY: &str = "0193a8c0-0000-7000-8000-0000000000ff";

/// The router with a core behind it, called without a socket.
pub(super) struct App {
    service: TowerToHyperService<axum::Router>,
    keys: Arc<Keys>,
    now: Timestamp,
    _dir: TempDir,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    /// The last part of the problem's type; empty when it is none.
    pub(super) fn problem(&self) -> &str {
        self.body["type"]
            .as_str()
            .and_then(|text| text.rsplit(':').next())
            .unwrap_or("")
    }
}

pub(super) fn keys() -> Keys {
    let secret = b"a secret for tests, of no worth at all";
    Keys::new("default".parse().unwrap(), secret).unwrap()
}

/// A core of a fresh database, with the sample session types.
pub(crate) async fn core() -> (TempDir, Core) {
    let dir = tempfile::tempdir().unwrap();
    let core = core_of(dir.path(), 1).await;
    let types = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sessiontypes");
    let folder = model::config::read_dir(&types).unwrap();
    core.activate(folder.files).await.unwrap().unwrap();
    (dir, core)
}

/// A core of the database in this folder, which is made if it is not there; `seed` of its ids.
pub(crate) async fn core_of(dir: &Path, seed: u64) -> Core {
    let url = format!("sqlite://{}", dir.join("muster.db").display());
    let store = Store::open(&url, store::Options::default()).await.unwrap();
    let provider = ProviderSchema {
        provider: "process",
        schema: json!({ "type": "object" }),
        lint: |_| Vec::new(),
    };
    Core::start(Parts {
        namespace: "default".parse().unwrap(),
        store,
        clock: Clock::manual(Timestamp(1_800_000_000_000)),
        ids: Ids::seeded(seed),
        keys: keys(),
        providers: vec![provider],
        settings: Settings::default(),
        drivers: Drivers::ByHand,
    })
    .await
    .unwrap()
}

/// A token of alice's, good for a minute from `now`.
pub(super) fn player_token(keys: &Keys, now: Timestamp) -> String {
    let namespace = keys.namespace().clone();
    let claims = Claims::new(namespace, Kind::Player, "alice", now, Millis::seconds(60));
    keys.mint(&claims).unwrap()
}

impl App {
    pub(super) async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub(super) async fn with(limits: Limits) -> Self {
        let (dir, core) = core().await;
        let now = core.now();
        let keys = Arc::new(keys());
        let http = Arc::new(Http::new(
            core,
            Arc::clone(&keys),
            limits,
            CancellationToken::new(),
        ));
        Self {
            service: TowerToHyperService::new(router(&http)),
            keys,
            now,
            _dir: dir,
        }
    }

    pub(super) fn token(&self, kind: Kind) -> String {
        let sub = match kind {
            Kind::Player => "alice",
            Kind::GameServer => NOBODY,
            Kind::Server | Kind::Fleet | Kind::Admin => "tests",
        };
        let namespace = self.keys.namespace().clone();
        let claims = Claims::new(namespace, kind, sub, self.now, Millis::seconds(60));
        self.keys.mint(&claims).unwrap()
    }

    /// A request of alice's with JSON, which may be broken.
    pub(super) async fn json(&self, method: Method, path: &str, body: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", self.token(Kind::Player)),
            )
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.call(request).await
    }

    /// A request of this kind of principal without a body.
    pub(super) async fn bare(&self, method: Method, path: &str, kind: Option<Kind>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(kind) = kind {
            let token = format!("Bearer {}", self.token(kind));
            request = request.header(header::AUTHORIZATION, token);
        }
        self.call(request.body(Body::empty()).unwrap()).await
    }

    pub(super) async fn call(&self, request: Request<Body>) -> Answer {
        let response = self.service.call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }
}
