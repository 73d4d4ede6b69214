//! The Git server's part of the supervisor's control socket: its faults.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use axum::{Json, Router};
use serde_json::json;

use super::supervisor::Shared;
use crate::git::{GitFaultSwitch, GitFaults};
use harness_simulation::GitFault;

/// The routes below `/v1/git-fault`.
pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    Router::new().route("/", put(set).get(is_set).delete(clear)).with_state(shared)
}

async fn set(State(shared): State<Arc<Shared>>, Json(fault): Json<GitFault>) -> Response {
    with(&shared, |switch| {
        switch.set(fault.into());
        StatusCode::NO_CONTENT.into_response()
    })
}

async fn clear(State(shared): State<Arc<Shared>>) -> Response {
    with(&shared, |switch| {
        switch.set(GitFaults::default());
        StatusCode::NO_CONTENT.into_response()
    })
}

/// Whether there is one, as a bare `true` or `false`.
async fn is_set(State(shared): State<Arc<Shared>>) -> Response {
    with(&shared, |switch| Json(switch.get() != GitFaults::default()).into_response())
}

fn with(shared: &Shared, act: impl FnOnce(&GitFaultSwitch) -> Response) -> Response {
    match shared.git_faults.get() {
        Some(switch) => act(switch),
        None => {
            let error = json!({"error": "the Git server is not up yet: wait until the cluster is ready"});
            (StatusCode::SERVICE_UNAVAILABLE, Json(error)).into_response()
        }
    }
}
