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
use harness_components::control::{ComponentUsage, Failure, Phase, Status, TeardownReport};
use harness_simulation::GitFault;
use serde_json::json;
use tokio::net::UnixListener;

use super::error::LocalError;
use super::kubernetes_version::{ANNOUNCE_LIMIT, wait_until_announced};
use super::shared::Shared;
use super::state_dir::private_dir;

/// How long a component that is asked to stop may take to end.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(10);

type App = State<Arc<Shared>>;

/// The answer to an order: 204, or why it was not carried out.
type Done = Result<StatusCode, LocalError>;

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

async fn status(State(shared): App) -> Json<Status> {
    Json(shared.status())
}

/// Answers when the start is over, well or not.
async fn ready(State(shared): App) -> Json<Status> {
    let _ = shared.phase.subscribe().wait_for(|phase| *phase != Phase::Starting).await;
    Json(shared.status())
}

/// Answers when the cluster has failed. A connection that ends without an answer means that the supervisor has ended.
async fn failed(State(shared): App) -> Result<Json<Option<Failure>>, StatusCode> {
    let mut failure = shared.failure.subscribe();
    let failed = failure.wait_for(Option::is_some).await.map_err(|_| StatusCode::GONE)?;
    Ok(Json(failed.clone()))
}

async fn usage(State(shared): App) -> Json<Vec<ComponentUsage>> {
    Json(shared.usage())
}

async fn kill(State(shared): App, UrlPath(name): UrlPath<String>) -> Done {
    shared.registry.kill(component(&name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn restart(State(shared): App, UrlPath(name): UrlPath<String>) -> Done {
    shared.registry.restart(component(&name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answers when the component has ended.
async fn stop(State(shared): App, UrlPath(name): UrlPath<String>) -> Done {
    shared.registry.stop_one(component(&name)?, STOP_GRACE).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts a component that runs on demand; answers when it is ready.
async fn start(State(shared): App, UrlPath(name): UrlPath<String>) -> Done {
    let component = component(&name)?;
    shared.up()?.on_demand.start(component).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answers when the component is ready, or has not become so in time.
async fn component_ready(State(shared): App, UrlPath(name): UrlPath<String>) -> Done {
    let component = component(&name)?;
    shared.registry.knows(component)?;
    shared.up()?.on_demand.ready(component).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answers when this version of the control plane was announced to the NAP controller.
async fn version_announced(State(shared): App, UrlPath(version): UrlPath<String>) -> Done {
    wait_until_announced(shared.up()?.announced_version.clone(), &version, ANNOUNCE_LIMIT).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_git_fault(State(shared): App, Json(fault): Json<GitFault>) -> Done {
    shared.up()?.git_fault.set(Some(fault));
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_git_fault(State(shared): App) -> Done {
    shared.up()?.git_fault.set(None);
    Ok(StatusCode::NO_CONTENT)
}

/// Whether the Git server has a fault, as a bare `true` or `false`.
async fn has_git_fault(State(shared): App) -> Result<Json<bool>, LocalError> {
    Ok(Json(shared.up()?.git_fault.get().is_some()))
}

fn component(name: &str) -> Result<Component, LocalError> {
    Component::from_str(name).map_err(|_| {
        let known: Vec<&str> = Component::ALL.iter().map(|it| it.name()).collect();
        LocalError::UnknownComponent { name: name.to_owned(), known: known.join(", ") }
    })
}

async fn shutdown(State(shared): App) -> Result<Json<TeardownReport>, StatusCode> {
    let (reply, report) = tokio::sync::oneshot::channel();
    shared.shutdown.send(reply).await.map_err(|_| StatusCode::GONE)?;
    report.await.map(Json).map_err(|_| StatusCode::GONE)
}

impl IntoResponse for LocalError {
    fn into_response(self) -> Response {
        let code = match self {
            Self::UnknownComponent { .. } => StatusCode::NOT_FOUND,
            Self::NotUp => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (code, Json(json!({"error": self.to_string()}))).into_response()
    }
}
