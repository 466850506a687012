//! Handlers of getting connected and starting together.

use axum::http::StatusCode;
use model::wire;

use super::call::Call;
use super::reply::{self, Answer};

pub(super) async fn post_evaluation(mut call: Call) -> Answer {
    let body: wire::PostEvaluation = call.json().await?;
    let session = call.core().post_evaluation(&call.asked()?, body).await?;
    reply::session(StatusCode::OK, &session)
}

pub(super) async fn set_host(mut call: Call) -> Answer {
    let body: wire::SetHost = call.json().await?;
    let session = call.core().set_host(&call.asked()?, body).await?;
    reply::session(StatusCode::OK, &session)
}
