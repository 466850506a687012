//! The router made of the table, and what every request goes through before and after its handler.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use hyper::body::Body as _;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::call::Call;
use super::metrics::{self, RouteMetrics};
use super::problem::Problem;
use super::reply::Answer;
use super::routes::{Access, Operation, ROUTES, RequestBody, Route, Verb};
use super::{
    backfills, events, fleets, game_servers, instances, invites, members, ops, sessions, standing,
    tickets, together,
};
use crate::auth::Keys;
use crate::config::Limits;
use crate::{Core, Error, Principal, PrincipalKind};

/// What all requests share.
pub struct Http {
    pub(super) core: Core,
    pub(super) keys: Arc<Keys>,
    pub(super) limits: Limits,
    /// Ends long polls early.
    pub(super) shutdown: CancellationToken,
    /// What may change something; shutdown waits for it, a lost connection does not cut it off.
    pub(super) commands: TaskTracker,
    pub(super) long_polls: Semaphore,
    pub(super) recorder: Option<&'static PrometheusHandle>,
    requests: BTreeMap<Operation, RouteMetrics>,
    unmatched: RouteMetrics,
    failures: AtomicU64,
}

impl Http {
    /// What all requests share; installs the process's metrics recorder if nobody has.
    pub fn new(core: Core, keys: Arc<Keys>, limits: Limits, shutdown: CancellationToken) -> Self {
        let recorder = metrics::install();
        Self {
            core,
            keys,
            shutdown,
            commands: TaskTracker::new(),
            long_polls: Semaphore::new(limits.long_polls_max.min(Semaphore::MAX_PERMITS)),
            limits,
            recorder,
            requests: ROUTES
                .iter()
                .map(|route| (route.operation, RouteMetrics::new(route)))
                .collect(),
            unmatched: RouteMetrics::unmatched(),
            failures: AtomicU64::new(0),
        }
    }

    /// The answer to a refusal. A fault of our own is logged here, once, under the id that the body carries.
    fn refuse(&self, error: Error, what: &str) -> Response {
        let request_id = match &error {
            Error::Internal(detail) => {
                let id = format!(
                    "{:x}-{:x}",
                    self.core.now().0,
                    self.failures.fetch_add(1, Ordering::Relaxed)
                );
                tracing::error!(request.id = %id, request = what, "request {id} failed: {detail}");
                Some(id)
            }
            Error::Unavailable(detail) => {
                tracing::debug!(request = what, "refused, unavailable: {detail}");
                None
            }
            other => {
                tracing::debug!(request = what, "refused: {other}");
                None
            }
        };
        Problem::from(error).into_response(request_id)
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// The router: every route of the table, 404 and 405 as problem documents.
pub fn router(http: &Arc<Http>) -> Router {
    let mut by_path: BTreeMap<&'static str, MethodRouter<Arc<Http>>> = BTreeMap::new();
    for route in ROUTES {
        let methods = by_path
            .entry(route.path)
            .or_insert_with(|| not_allowed(route.path));
        *methods = mount(std::mem::take(methods), route);
    }
    let mut router = Router::new();
    for (path, methods) in by_path {
        router = router.route(path, methods);
    }
    router.fallback(no_such_path).with_state(Arc::clone(http))
}

async fn no_such_path(State(http): State<Arc<Http>>) -> Response {
    let started = metrics::instant();
    let response = http.refuse(Error::NoSuchPath, "no such path");
    http.unmatched
        .record(response.status().as_u16(), started.elapsed());
    response
}

/// What a path answers to methods that it does not have.
fn not_allowed(path: &'static str) -> MethodRouter<Arc<Http>> {
    let mut verbs: Vec<&str> = ROUTES
        .iter()
        .filter(|route| route.path == path)
        .map(|route| route.verb.as_str())
        .collect();
    if verbs.contains(&"GET") {
        verbs.push("HEAD");
    }
    // Once per path and process: the header lives as long as the router.
    let allow: &'static str = verbs.join(", ").leak();
    MethodRouter::new().fallback(move |State(http): State<Arc<Http>>| async move {
        let started = metrics::instant();
        let response = http.refuse(Error::MethodNotAllowed { allow }, path);
        http.unmatched
            .record(response.status().as_u16(), started.elapsed());
        response
    })
}

/// Binds each row of the table to its handler.
fn mount(methods: MethodRouter<Arc<Http>>, route: &'static Route) -> MethodRouter<Arc<Http>> {
    match route.operation {
        Operation::CreateSession => add(methods, route, sessions::create),
        Operation::ReadSession => add(methods, route, sessions::read),
        Operation::UpdateSession => add(methods, route, sessions::update),
        Operation::DeleteSession => add(methods, route, sessions::delete),
        Operation::ReserveSeats => add(methods, route, sessions::reserve),
        Operation::InvitePlayers => add(methods, route, invites::invite),
        Operation::WithdrawInvite => add(methods, route, invites::withdraw),
        Operation::InviteSession => add(methods, route, invites::invite_session),
        Operation::KickSession => add(methods, route, invites::kick_session),
        Operation::ListMyInvites => add(methods, route, invites::mine),
        Operation::GiveShortCode => add(methods, route, invites::give_short_code),
        Operation::ReadShortCode => add(methods, route, invites::short_code),
        Operation::PutServer => add(methods, route, sessions::put_server),
        Operation::RemoveServer => add(methods, route, sessions::remove_server),
        Operation::ListMembers => add(methods, route, members::list),
        Operation::SetBrowserEntry => add(methods, route, sessions::set_browser_entry),
        Operation::RemoveBrowserEntry => add(methods, route, sessions::remove_browser_entry),
        Operation::SetBackfill => add(methods, route, backfills::set),
        Operation::ReadBackfill => add(methods, route, backfills::read),
        Operation::AcknowledgeBackfill => add(methods, route, backfills::acknowledge),
        Operation::RemoveBackfill => add(methods, route, backfills::remove),
        Operation::Browse => add(methods, route, sessions::browse),
        Operation::FindSessions => add(methods, route, sessions::find),
        Operation::ListMySessions => add(methods, route, sessions::mine),
        Operation::ListSessionTypes => add(methods, route, sessions::types),
        Operation::ReadSessionType => add(methods, route, sessions::read_type),
        Operation::JoinSession => add(methods, route, members::join),
        Operation::UpdateMember => add(methods, route, members::update),
        Operation::LeaveSession => add(methods, route, members::leave),
        Operation::PromoteMember => add(methods, route, members::promote),
        Operation::MoveMember => add(methods, route, members::move_to),
        Operation::PostEvaluation => add(methods, route, together::post_evaluation),
        Operation::SetHost => add(methods, route, together::set_host),
        Operation::PutRole => add(methods, route, standing::put_role),
        Operation::RemoveRole => add(methods, route, standing::remove_role),
        Operation::AddOwner => add(methods, route, standing::add_owner),
        Operation::RemoveOwner => add(methods, route, standing::remove_owner),
        Operation::BlockPlayer => add(methods, route, standing::block),
        Operation::UnblockPlayer => add(methods, route, standing::unblock),
        Operation::GrantPermission => add(methods, route, standing::grant),
        Operation::RevokePermission => add(methods, route, standing::revoke),
        Operation::ListRecentPlayers => add(methods, route, standing::recent_players),
        Operation::SwapMembers => add(methods, route, standing::swap),
        Operation::RequestInstance => add(methods, route, instances::request),
        Operation::ReadInstance => add(methods, route, instances::read),
        Operation::UpdateInstance => add(methods, route, instances::update),
        Operation::CloseInstance => add(methods, route, instances::close),
        Operation::ReadAllocation => add(methods, route, instances::read_allocation),
        Operation::CreateTicket => add(methods, route, tickets::create),
        Operation::CancelTicket => add(methods, route, tickets::cancel),
        Operation::ReadTicket => add(methods, route, tickets::read),
        Operation::ExplainTicket => add(methods, route, tickets::explain),
        Operation::AnswerMatch => add(methods, route, tickets::answer),
        Operation::ReadPenalty => add(methods, route, tickets::read_penalty),
        Operation::SetPenalty => add(methods, route, tickets::set_penalty),
        Operation::RemovePenalty => add(methods, route, tickets::forgive),
        Operation::ListQueues => add(methods, route, tickets::queues),
        Operation::ReadQueue => add(methods, route, tickets::read_queue),
        Operation::ReadEvents => add(methods, route, events::read),
        Operation::ReadAssignments => add(methods, route, game_servers::assignments),
        Operation::Acknowledge => add(methods, route, game_servers::acknowledge),
        Operation::ReportHealth => add(methods, route, game_servers::health),
        Operation::ShutdownGameServer => add(methods, route, game_servers::shutdown),
        Operation::ListFleets => add(methods, route, fleets::list),
        Operation::ReadFleet => add(methods, route, fleets::read),
        Operation::ReadRoot => add(methods, route, ops::root),
        Operation::ReadHealth => add(methods, route, ops::healthz),
        Operation::ReadReadiness => add(methods, route, ops::readyz),
        Operation::ReadMetrics => add(methods, route, ops::metrics),
        Operation::ReadOpenApi => add(methods, route, ops::openapi),
    }
}

fn add<H, F>(
    methods: MethodRouter<Arc<Http>>,
    route: &'static Route,
    handler: H,
) -> MethodRouter<Arc<Http>>
where
    H: Fn(Call) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let filter = match route.verb {
        Verb::Get => MethodFilter::GET,
        Verb::Post => MethodFilter::POST,
        Verb::Put => MethodFilter::PUT,
        Verb::Patch => MethodFilter::PATCH,
        Verb::Delete => MethodFilter::DELETE,
    };
    if route.verb.is_mutating() {
        methods.on(
            filter,
            async move |State(http): State<Arc<Http>>, params: Params, request: Request| {
                let started = metrics::instant();
                let answer = match admit(&http, route, params, request) {
                    Ok(call) => run_to_the_end(&http, handler(call)).await,
                    Err(error) => Err(error),
                };
                finish(&http, route, started, answer)
            },
        )
    } else {
        methods.on(
            filter,
            async move |State(http): State<Arc<Http>>, params: Params, request: Request| {
                let started = metrics::instant();
                let answer = match admit(&http, route, params, request) {
                    Ok(call) => handler(call).await,
                    Err(error) => Err(error),
                };
                finish(&http, route, started, answer)
            },
        )
    }
}

type Params = Result<RawPathParams, axum::extract::rejection::RawPathParamsRejection>;

/// Runs what may change something as a task of its own, so that a client who goes away does not cut it off.
async fn run_to_the_end<F>(http: &Http, work: F) -> Answer
where
    F: Future<Output = Answer> + Send + 'static,
{
    let task = http.commands.spawn(work);
    task.await
        .unwrap_or_else(|error| Err(Error::Internal(format!("a handler ended: {error}"))))
}

fn finish(http: &Http, route: &Route, started: Instant, answer: Answer) -> Response {
    let response = answer.unwrap_or_else(|error| http.refuse(error, route.path));
    let took = started.elapsed();
    let status = response.status().as_u16();
    tracing::debug!(
        method = route.verb.as_str(),
        route = route.path,
        status,
        ?took,
        "answered"
    );
    if let Some(metrics) = http.requests.get(&route.operation) {
        metrics.record(status, took);
    }
    response
}

/// Whether the request gets to its handler: token, kind of principal, path, no unexpected body.
fn admit(
    http: &Arc<Http>,
    route: &'static Route,
    params: Params,
    request: Request,
) -> Result<Call, Error> {
    let (parts, body) = request.into_parts();
    let who = if route.access == Access::Open {
        None
    } else {
        Some(authorize(http, route, &parts.headers)?)
    };
    // Routes without parameters have none to read, which is no fault of the caller.
    let params = match params {
        Ok(params) => Some(params),
        Err(axum::extract::rejection::RawPathParamsRejection::MissingPathParams(_)) => None,
        Err(_) => return Err(Error::Malformed("the path is not UTF-8".into())),
    };
    if matches!(route.body, RequestBody::None) && !body.is_end_stream() {
        return Err(Error::Malformed("this request takes no body".into()));
    }
    let call = Call {
        http: Arc::clone(http),
        route,
        who,
        params,
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body,
    };
    if route.query.is_empty() {
        call.query()?;
    }
    Ok(call)
}

fn authorize(http: &Http, route: &Route, headers: &HeaderMap) -> Result<Principal, Error> {
    let token = bearer(headers)?;
    let who = http
        .keys
        .verify(token, http.core.now())
        .map_err(|error| Error::Unauthorized(error.to_string()))?;
    let kind = who.kind();
    if !route.access.admits(kind) {
        return Err(Error::Forbidden(format!(
            "a {} may not do this",
            kind_name(kind)
        )));
    }
    http.core.admit(&who)?;
    if let Principal::Player { player, .. } = &who {
        http.core.seen(player);
    }
    Ok(who)
}

fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| {
        Error::Unauthorized("a token is needed: send Authorization: Bearer TOKEN".into())
    })?;
    let token = value.to_str().ok().and_then(|text| text.split_once(' '));
    match token {
        Some((scheme, token))
            if scheme.eq_ignore_ascii_case("bearer") && values.next().is_none() =>
        {
            Ok(token.trim())
        }
        _ => Err(Error::Unauthorized(
            "Authorization must be given once, as Bearer TOKEN".into(),
        )),
    }
}

/// A kind of principal in words.
pub(super) fn kind_name(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::Anonymous => "caller without a token",
        PrincipalKind::Player => "player",
        PrincipalKind::Server => "server",
        PrincipalKind::Fleet => "fleet",
        PrincipalKind::Admin => "admin",
        PrincipalKind::GameServer => "game server",
    }
}
