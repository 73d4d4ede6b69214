//! The supervisor's control socket: HTTP and JSON over a unix socket that only this user can open.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use harness_plan::Capability;
use serde_json::json;
use tokio::net::UnixListener;

use super::error::LocalError;
use super::git_control;
use super::state_dir::private_dir;
use super::status::{Phase, TeardownReport};
use super::supervisor::Shared;
use crate::metrics;

/// How long a component that is asked to stop may take to end.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(10);

type App = State<Arc<Shared>>;

/// Listens on `socket` and answers in the background, until the runtime ends.
pub(crate) fn serve(shared: Arc<Shared>, socket: &Path) -> Result<(), LocalError> {
    // Left by a supervisor that was killed; the lock that we hold says that it is dead.
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(LocalError::file("remove the old socket", socket)(error));
        }
        _ => {}
    }
    if let Some(dir) = socket.parent() {
        private_dir(dir)?;
    }
    let listener = UnixListener::bind(socket).map_err(LocalError::file("listen on", socket))?;
    let app = Router::new()
        .route("/v1/status", get(status))
        .route("/v1/ready", get(ready))
        .route("/v1/failed", get(failed))
        .route("/v1/usage", get(usage))
        .route("/v1/components/{name}/kill", post(kill))
        .route("/v1/components/{name}/restart", post(restart))
        .route("/v1/components/{name}/stop", post(stop))
        .route("/v1/components/{name}/ready", get(component_ready))
        .route("/v1/kubernetes-version/{version}", get(told_version))
        .route("/v1/capabilities/{name}", post(provide))
        .route("/v1/shutdown", post(shutdown))
        .nest_service("/v1/git-fault", git_control::routes(Arc::clone(&shared)))
        .nest_service("/v1/metrics", metrics::routes(Arc::clone(&shared.metrics)))
        .with_state(shared);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "the control socket failed");
        }
    });
    Ok(())
}

async fn status(State(shared): App) -> Response {
    Json(shared.status()).into_response()
}

/// Answers when the start is over, well or not.
async fn ready(State(shared): App) -> Response {
    let mut phase = shared.phase();
    let _ = phase.wait_for(|phase| *phase != Phase::Starting).await;
    Json(shared.status()).into_response()
}

/// Answers when the cluster has failed. A connection that ends without an answer says that the supervisor is gone.
async fn failed(State(shared): App) -> Response {
    let mut failure = shared.failure.subscribe();
    match failure.wait_for(Option::is_some).await {
        Ok(failure) => Json(failure.clone()).into_response(),
        Err(_) => StatusCode::GONE.into_response(),
    }
}

async fn usage(State(shared): App) -> Response {
    Json(shared.usage()).into_response()
}

async fn kill(State(shared): App, UrlPath(name): UrlPath<String>) -> Response {
    answer(shared.registry.kill(&name).await)
}

async fn restart(State(shared): App, UrlPath(name): UrlPath<String>) -> Response {
    answer(shared.registry.restart(&name).await)
}

/// Answers when the component has ended.
async fn stop(State(shared): App, UrlPath(name): UrlPath<String>) -> Response {
    answer(shared.registry.stop_one(&name, STOP_GRACE).await)
}

/// Answers when the component is ready, or has not become so in time.
async fn component_ready(State(shared): App, UrlPath(name): UrlPath<String>) -> Response {
    answer(shared.wait_until_ready(&name).await)
}

/// Answers when the NAP controller is told this version of the control plane.
async fn told_version(State(shared): App, UrlPath(version): UrlPath<String>) -> Response {
    match shared.wait_until_told(&version).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(reason) => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": reason}))).into_response(),
    }
}

/// Answers when what the capability needs is started and ready.
async fn provide(State(shared): App, UrlPath(name): UrlPath<Capability>) -> Response {
    match shared.provide(name).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(reason) => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": reason}))).into_response(),
    }
}

async fn shutdown(State(shared): App) -> Response {
    let (reply, report) = tokio::sync::oneshot::channel::<TeardownReport>();
    if shared.shutdown.send(reply).await.is_err() {
        return StatusCode::GONE.into_response();
    }
    match report.await {
        Ok(report) => Json(report).into_response(),
        Err(_) => StatusCode::GONE.into_response(),
    }
}

fn answer(result: Result<(), LocalError>) -> Response {
    match result {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            let code = match error {
                LocalError::UnknownComponent { .. } => StatusCode::NOT_FOUND,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            (code, Json(json!({"error": error.to_string()}))).into_response()
        }
    }
}
