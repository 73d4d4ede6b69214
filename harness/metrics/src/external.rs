//! `external.metrics.k8s.io/v1beta1`: metrics of nothing in the cluster (`k8s.io/metrics` v0.36, `pkg/apis/external_metrics/v1beta1/types.go`).

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use kube::core::SelectorExt;
use serde_json::{Value, json};

use super::query::{ListQuery, now};
use super::state::Shared;
use super::status::Refusal;
use super::{discovery, quantity};

/// The routes of the group.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/apis/external.metrics.k8s.io/v1beta1", get(discovery::external_metrics))
        .route("/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}", get(values))
}

/// The values are the same in every namespace; an HPA asks for those of its own.
async fn values(
    State(metrics): State<Shared>,
    Path((_namespace, metric)): Path<(String, String)>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, Refusal> {
    let selector = query.labels()?;
    let loads = metrics.loads();
    let Some(values) = loads.external(&metric) else {
        return Err(Refusal::not_found(format!("the server could not find the external metric {metric}")));
    };
    let at = now();
    let items: Vec<Value> = values
        .into_iter()
        .filter(|(labels, _)| selector.matches(labels))
        .map(|(labels, value)| {
            // Without a window: it is the value at that moment, not a rate.
            json!({"metricName": metric, "metricLabels": labels, "timestamp": at, "value": quantity::milli(value)})
        })
        .collect();
    Ok(Json(json!({
        "kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1", "metadata": {}, "items": items,
    })))
}
