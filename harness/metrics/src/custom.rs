//! `custom.metrics.k8s.io/v1beta2`: the application's own metrics of pods; and `external.metrics.k8s.io/v1beta1`: metrics of nothing in the
//! cluster (`k8s.io/metrics` v0.36, `pkg/apis/custom_metrics/v1beta2/types.go` and `pkg/apis/external_metrics/v1beta1/types.go`).
//!
//! The HPA picks the version from the discovery of the API server (`pkg/client/custom_metrics/discovery.go`), so one of each is enough.

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use kube::core::SelectorExt;
use serde_json::{Value, json};

use super::model::PodUsage;
use super::request::{ListQuery, Refusal, now};
use super::state::Shared;
use super::{discovery, quantity};

/// The name that stands for all pods of the label selector.
const ALL: &str = "*";

/// The routes of both groups.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/apis/custom.metrics.k8s.io/v1beta2", get(discovery::custom_metrics))
        .route("/apis/custom.metrics.k8s.io/v1beta2/namespaces/{namespace}/pods/{name}/{metric}", get(pods))
        .route("/apis/external.metrics.k8s.io/v1beta1", get(discovery::external_metrics))
        .route("/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}", get(external))
}

async fn pods(
    State(metrics): State<Shared>,
    Path((namespace, name, metric)): Path<(String, String, String)>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, Refusal> {
    let selector = query.labels()?;
    let metric_selector = query.metric_labels()?;
    if !metrics.loads().knows_custom(&namespace, &metric) {
        return Err(Refusal::not_found(format!(
            "the server could not find the metric {metric} for pods in {namespace}"
        )));
    }
    let at = now();
    let items: Vec<Value> = metrics
        .usage()
        .pods
        .iter()
        .filter(|usage| usage.pod.namespace == namespace && (name == ALL || usage.pod.name == name))
        .filter(|usage| name != ALL || selector.matches(&usage.pod.labels))
        // The metrics have no labels of their own.
        .filter(|_| metric_selector.matches(&Default::default()))
        .filter_map(|usage| metric_value(usage, &metric, &at))
        .collect();
    if name != ALL && items.is_empty() {
        return Err(Refusal::not_found(format!(
            "the server could not find the metric {metric} for pods {namespace}/{name}"
        )));
    }
    Ok(Json(json!({
        "kind": "MetricValueList", "apiVersion": "custom.metrics.k8s.io/v1beta2", "metadata": {}, "items": items,
    })))
}

fn metric_value(usage: &PodUsage, metric: &str, at: &str) -> Option<Value> {
    let value = usage.custom_milli.get(metric)?;
    Some(json!({
        "describedObject": {
            "kind": "Pod", "namespace": usage.pod.namespace, "name": usage.pod.name, "apiVersion": "v1",
        },
        "metric": {"name": metric, "selector": null},
        "timestamp": at,
        "windowSeconds": usage.window_s,
        "value": quantity::milli(*value),
    }))
}

/// The values are the same in every namespace; an HPA asks for those of its own.
async fn external(
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
