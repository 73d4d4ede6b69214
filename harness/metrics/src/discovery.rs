//! The resources of each group, for the API server's discovery.
//!
//! Only the documents by group and version: the API server asks for its aggregated form first and falls back to these
//! (`kube-aggregator` v0.36, `pkg/apiserver/handler_discovery.go`).

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::APIS;
use super::request::Refusal;
use super::state::Shared;

/// The routes above the groups.
pub(crate) fn router() -> Router<Shared> {
    Router::new().route("/apis", get(groups)).route("/apis/{group}", get(group))
}

async fn groups() -> Json<Value> {
    let groups: Vec<Value> = APIS.iter().map(|(name, version)| group_of(name, version)).collect();
    Json(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
}

async fn group(Path(wanted): Path<String>) -> Result<Json<Value>, Refusal> {
    let Some((name, version)) = APIS.iter().find(|(name, _)| *name == wanted) else {
        return Err(Refusal::not_found(format!("unknown group {wanted}")));
    };
    let mut group = group_of(name, version);
    group["kind"] = "APIGroup".into();
    group["apiVersion"] = "v1".into();
    Ok(Json(group))
}

fn group_of(name: &str, version: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

fn resource_list(group_version: &str, resources: Vec<Value>) -> Json<Value> {
    Json(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources,
    }))
}

/// `metrics.k8s.io`.
pub(crate) async fn resource_metrics() -> Json<Value> {
    let resource = |name: &str, kind: &str, namespaced: bool| json!({"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]});
    let resources = vec![resource("nodes", "NodeMetrics", false), resource("pods", "PodMetrics", true)];
    resource_list("metrics.k8s.io/v1beta1", resources)
}

/// `custom.metrics.k8s.io`: the metrics that are set now.
pub(crate) async fn custom_metrics(State(metrics): State<Shared>) -> Json<Value> {
    let loads = metrics.loads();
    let resources = loads.custom_names().into_iter().map(|name| one(&format!("pods/{name}"), "MetricValueList"));
    resource_list("custom.metrics.k8s.io/v1beta2", resources.collect())
}

/// `external.metrics.k8s.io`: the metrics that are set now.
pub(crate) async fn external_metrics(State(metrics): State<Shared>) -> Json<Value> {
    let loads = metrics.loads();
    let resources = loads.external_names().into_iter().map(|name| one(name, "ExternalMetricValueList"));
    resource_list("external.metrics.k8s.io/v1beta1", resources.collect())
}

fn one(name: &str, kind: &str) -> Value {
    json!({"name": name, "singularName": "", "namespaced": true, "kind": kind, "verbs": ["get"]})
}
