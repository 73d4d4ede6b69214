//! The supervisor's control socket: HTTP and JSON over a unix socket that only this user can open.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use harness_catalogue::Component;
use harness_components::control::{Phase, TeardownReport};
use harness_gitops::git::{GitFaultSwitch, GitFaults};
use harness_simulation::GitFault;
use serde_json::json;
use tokio::net::UnixListener;

use super::error::LocalError;
use super::shared::Shared;
use super::state_dir::private_dir;

/// How long a component that is asked to stop may take to end.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(10);

type App = State<Arc<Shared>>;

/// Listens on `socket` and answers in the background, until the runtime ends.
pub(crate) fn serve(shared: Arc<Shared>, socket: &Path) -> Result<(), LocalError> {
    // Left by a supervisor that was killed; the lock that this process holds proves that it is dead.
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
        .route("/v1/components/{name}/start", post(start))
        .route("/v1/kubernetes-version/{version}", get(version_announced))
        .route("/v1/shutdown", post(shutdown))
        .route("/v1/git-fault", put(set_git_fault).get(has_git_fault).delete(clear_git_fault))
        .nest_service("/v1/metrics", harness_metrics::routes(Arc::clone(&shared.metrics)))
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

/// Answers when the cluster has failed. A connection that ends without an answer means that the supervisor has ended.
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
    answer(async { shared.registry.kill(component(&name)?).await }.await)
}

async fn restart(State(shared): App, UrlPath(name): UrlPath<String>) -> Response {
    answer(async { shared.registry.restart(component(&name)?).await }.await)
}

/// Answers when the component has ended.
async fn stop(State(shared): App, UrlPath(name): UrlPath<String>) -> Response {
    answer(async { shared.registry.stop_one(component(&name)?, STOP_GRACE).await }.await)
}

/// Starts a component that runs on demand; answers when it is ready.
async fn start(State(shared): App, UrlPath(name): UrlPath<String>) -> Response {
    answer(async { shared.start_on_demand(component(&name)?).await }.await)
}

/// Answers when the component is ready, or has not become so in time.
async fn component_ready(State(shared): App, UrlPath(name): UrlPath<String>) -> Response {
    answer(async { shared.wait_until_ready(component(&name)?).await }.await)
}

/// Answers when this version of the control plane was announced to the NAP controller.
async fn version_announced(State(shared): App, UrlPath(version): UrlPath<String>) -> Response {
    answer(shared.wait_until_announced(&version).await)
}

async fn set_git_fault(State(shared): App, Json(fault): Json<GitFault>) -> Response {
    answer(git_faults(&shared).map(|switch| switch.set(fault.into())))
}

async fn clear_git_fault(State(shared): App) -> Response {
    answer(git_faults(&shared).map(|switch| switch.set(GitFaults::default())))
}

/// Whether the Git server has a fault, as a bare `true` or `false`.
async fn has_git_fault(State(shared): App) -> Response {
    match git_faults(&shared) {
        Ok(switch) => Json(switch.get() != GitFaults::default()).into_response(),
        Err(error) => answer(Err(error)),
    }
}

fn git_faults(shared: &Shared) -> Result<&GitFaultSwitch, LocalError> {
    shared.git_faults.get().ok_or(LocalError::NotUp)
}

fn component(name: &str) -> Result<Component, LocalError> {
    Component::from_str(name).map_err(|_| {
        let known: Vec<&str> = Component::ALL.iter().map(|it| it.name()).collect();
        LocalError::UnknownComponent { name: name.to_owned(), known: known.join(", ") }
    })
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
                LocalError::NotUp => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            (code, Json(json!({"error": error.to_string()}))).into_response()
        }
    }
}
