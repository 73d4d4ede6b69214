//! The control endpoint.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::aks;
use crate::api::{
    EvictRequest, FaultState, LedgerSums, OperationCount, OperationStatus, QuotaUsage, Subnets, UnmodelledCall,
    Upgrade, Version, VmRecord,
};
use crate::clock::PRESENT_NS;
use crate::documents::Activity;
use crate::facts::FactsPage;
use crate::lifecycle::CommandError;
use crate::world::World;
use harness_simulation::{AzurePrice, Behaviour, ClusterParts, Fault};

/// How long a reader of facts may wait.
const WAIT_MAX: Duration = Duration::from_secs(60);

type Shared = State<Arc<World>>;

/// A refusal in Azure's shape, although it is not Azure's.
struct Refusal(StatusCode, &'static str, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.1, "message": self.2}});
        (self.0, Json(body)).into_response()
    }
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        let (status, code) = match &error {
            CommandError::Unknown(_) => (StatusCode::NOT_FOUND, "NotFound"),
            CommandError::Fault(_) | CommandError::Behaviour(_) | CommandError::Price(_) => {
                (StatusCode::BAD_REQUEST, "Invalid")
            }
            CommandError::NotRunning(_) | CommandError::NotSpot(_) | CommandError::TooFew(_) => {
                (StatusCode::CONFLICT, "NotPossible")
            }
            CommandError::Reset(_) | CommandError::NotSettled(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Timeout"),
        };
        Self(status, code, error.to_string())
    }
}

/// The endpoint.
pub(crate) fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/behaviour", get(behaviour).put(set_behaviour))
        .route("/cluster/parts", get(parts))
        .route("/faults", get(faults).post(add_fault))
        .route("/faults/{id}", delete(remove_fault))
        .route("/vms", get(vms))
        .route("/vms/{name}", get(vm))
        .route("/vms/{name}/crash", post(crash))
        .route("/vms/{name}/restart", post(restart))
        .route("/vms/{name}/evict", post(evict))
        .route("/vms/{name}/delete", post(delete_vm))
        .route("/facts", get(facts))
        .route("/ledger", get(ledger))
        .route("/unmodelled", get(unmodelled))
        .route("/counters", get(counters))
        .route("/quota", get(quota))
        .route("/subnets", get(subnets))
        .route("/prices", get(prices).post(set_price).delete(reset_prices))
        .route("/images/publish", post(publish_image))
        .route("/kubernetes", get(kubernetes))
        .route("/kubernetes/upgrade", post(upgrade_kubernetes))
        .route("/kubernetes/reset", post(reset_kubernetes))
        .route("/operations/{id}", get(operation))
        .route("/reset", post(reset))
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(Arc::clone(&world), authorised))
        .with_state(world)
}

async fn authorised(State(world): Shared, request: Request, next: Next) -> Response {
    let token =
        request.headers().get(AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    if token.is_some_and(|t| world.config.control_token.matches(t)) {
        next.run(request).await
    } else {
        Refusal(
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            "the bearer token of the control endpoint is missing or wrong".to_owned(),
        )
        .into_response()
    }
}

async fn unknown(uri: Uri) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, "NotFound", format!("the control endpoint has no {}", uri.path()))
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|e| Refusal(StatusCode::BAD_REQUEST, "Invalid", e.to_string()))
}

async fn behaviour(State(world): Shared) -> Json<Behaviour> {
    Json(world.current_behaviour())
}

async fn set_behaviour(State(world): Shared, body: Bytes) -> Result<StatusCode, Refusal> {
    world.set_behaviour(read(&body)?)?;
    aks::settled(&world).await.map_err(CommandError::from)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn parts(State(world): Shared) -> Json<ClusterParts> {
    Json(world.parts.wanted())
}

async fn faults(State(world): Shared) -> Json<Vec<FaultState>> {
    let mut faults = world.faults();
    faults.expire(&world.facts);
    Json(faults.states())
}

async fn add_fault(State(world): Shared, body: Bytes) -> Result<(StatusCode, Json<Fault>), Refusal> {
    let fault = world.add_fault(read(&body)?)?;
    Ok((StatusCode::CREATED, Json(fault)))
}

async fn remove_fault(State(world): Shared, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    if world.remove_fault(&id) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal(StatusCode::NOT_FOUND, "NotFound", format!("there is no live fault called `{id}`")))
    }
}

async fn vms(State(world): Shared) -> Json<Vec<VmRecord>> {
    Json(world.fleet().records())
}

async fn vm(State(world): Shared, Path(name): Path<String>) -> Result<Json<VmRecord>, Refusal> {
    world.vm_record(&name).map(Json).ok_or_else(|| CommandError::Unknown(name).into())
}

async fn crash(State(world): Shared, Path(name): Path<String>) -> Result<StatusCode, Refusal> {
    world.crash(&name)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn restart(State(world): Shared, Path(name): Path<String>) -> Result<StatusCode, Refusal> {
    world.restart(&name)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn evict(State(world): Shared, Path(name): Path<String>, body: Bytes) -> Result<StatusCode, Refusal> {
    let request: EvictRequest = if body.is_empty() { EvictRequest::default() } else { read(&body)? };
    world.evict(&name, request.notice)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete_vm(State(world): Shared, Path(name): Path<String>) -> Result<StatusCode, Refusal> {
    world.delete_vm(&name)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct FactsQuery {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait: f64,
}

async fn facts(State(world): Shared, Query(query): Query<FactsQuery>) -> Json<FactsPage> {
    let wait = Duration::try_from_secs_f64(query.wait).unwrap_or_default().min(WAIT_MAX);
    tokio::select! {
        page = world.facts.wait_after(query.after, wait) => Json(page),
        // A reader must not hold up the end of the simulator.
        () = world.stop.cancelled() => Json(world.facts.after(query.after)),
    }
}

#[derive(Deserialize)]
struct LedgerQuery {
    #[serde(default)]
    after: u64,
}

async fn ledger(State(world): Shared, Query(query): Query<LedgerQuery>) -> Json<LedgerSums> {
    Json(world.ledger(query.after))
}

async fn unmodelled(State(world): Shared) -> Json<Vec<UnmodelledCall>> {
    Json(world.counters.unmodelled_calls())
}

async fn counters(State(world): Shared) -> Json<Vec<OperationCount>> {
    Json(world.counters.requests())
}

async fn quota(State(world): Shared) -> Json<Vec<QuotaUsage>> {
    Json(world.quota_usages(false, PRESENT_NS))
}

async fn subnets(State(world): Shared) -> Json<Subnets> {
    Json(Subnets { parent: world.config.subnets_id() })
}

async fn prices(State(world): Shared) -> Json<Vec<AzurePrice>> {
    Json(world.fleet().prices.all().to_vec())
}

async fn set_price(State(world): Shared, body: Bytes) -> Result<StatusCode, Refusal> {
    world.set_price(read(&body)?)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn reset_prices(State(world): Shared) -> StatusCode {
    world.reset_prices();
    StatusCode::NO_CONTENT
}

async fn publish_image(State(world): Shared) -> Json<Version> {
    Json(Version { version: world.publish_image() })
}

async fn kubernetes(State(world): Shared) -> Json<Version> {
    Json(Version { version: world.kubernetes_version() })
}

async fn upgrade_kubernetes(State(world): Shared) -> Result<Json<Upgrade>, Refusal> {
    let refuse = |other: Activity| Refusal(StatusCode::CONFLICT, "OperationNotAllowed", other.refusal());
    world.upgrade_kubernetes().map(Json).map_err(refuse)
}

async fn reset_kubernetes(State(world): Shared) -> Json<Version> {
    Json(Version { version: world.reset_kubernetes() })
}

async fn operation(State(world): Shared, Path(id): Path<String>) -> Result<Json<OperationStatus>, Refusal> {
    let status = world.operations().status(&id).cloned();
    status.map(Json).ok_or_else(|| {
        Refusal(StatusCode::NOT_FOUND, "NotFound", format!("there is no operation `{id}`; old operations are not kept"))
    })
}

async fn reset(State(world): Shared) -> Result<StatusCode, Refusal> {
    world.reset().await?;
    aks::settled(&world).await.map_err(CommandError::from)?;
    Ok(StatusCode::NO_CONTENT)
}
