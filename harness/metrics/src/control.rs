//! The metrics' part of the supervisor's control socket.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::json;

use super::load::{ExternalMetric, Load, MetricsError};
use super::model::WorkloadReport;
use super::state::Shared;

/// The routes below `/v1/metrics`.
pub fn routes(metrics: Shared) -> Router {
    Router::new()
        .route("/", get(report).delete(clear))
        .route("/load", put(set_load))
        .route("/external", put(set_external))
        .with_state(metrics)
}

async fn report(State(metrics): State<Shared>) -> Json<Vec<WorkloadReport>> {
    Json(metrics.report())
}

async fn clear(State(metrics): State<Shared>) -> StatusCode {
    metrics.clear().await;
    StatusCode::NO_CONTENT
}

async fn set_load(State(metrics): State<Shared>, Json(load): Json<Load>) -> Result<StatusCode, MetricsError> {
    metrics.set_load(load).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_external(
    State(metrics): State<Shared>,
    Json(metric): Json<ExternalMetric>,
) -> Result<StatusCode, MetricsError> {
    metrics.set_external(metric)?;
    Ok(StatusCode::NO_CONTENT)
}

impl IntoResponse for MetricsError {
    fn into_response(self) -> Response {
        let code = match self {
            Self::Invalid { .. } => StatusCode::BAD_REQUEST,
            Self::NotAttached | Self::NotListed { .. } => StatusCode::SERVICE_UNAVAILABLE,
        };
        (code, Json(json!({"error": self.to_string()}))).into_response()
    }
}
