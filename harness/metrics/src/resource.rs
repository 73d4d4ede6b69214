//! `metrics.k8s.io/v1beta1`: CPU and memory of pods and nodes (`k8s.io/metrics` v0.36, `pkg/apis/metrics/v1beta1/types.go`).

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use k8s_openapi::api::core::v1::Node;
use serde_json::{Map, Value, json};

use super::load::DEFAULT_WINDOW_S;
use super::model::{NodeUsage, PodUsage, by_node};
use super::pod::Resource;
use super::request::{ListQuery, Refusal, now};
use super::state::Shared;
use super::{discovery, quantity};

type Answer = Result<Json<Value>, Refusal>;

const API_VERSION: &str = "metrics.k8s.io/v1beta1";

/// The routes of the group.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/apis/metrics.k8s.io/v1beta1", get(discovery::resource_metrics))
        .route("/apis/metrics.k8s.io/v1beta1/pods", get(all_pods))
        .route("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods", get(pods))
        .route("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods/{name}", get(pod))
        .route("/apis/metrics.k8s.io/v1beta1/nodes", get(nodes))
        .route("/apis/metrics.k8s.io/v1beta1/nodes/{name}", get(node))
}

async fn all_pods(State(metrics): State<Shared>, Query(query): Query<ListQuery>) -> Answer {
    list_pods(&metrics, None, &query)
}

async fn pods(State(metrics): State<Shared>, Path(namespace): Path<String>, Query(query): Query<ListQuery>) -> Answer {
    list_pods(&metrics, Some(&namespace), &query)
}

fn list_pods(metrics: &Shared, namespace: Option<&str>, query: &ListQuery) -> Answer {
    let wanted = query.wanted()?;
    let at = now();
    let items: Vec<Value> = metrics
        .usage()
        .pods
        .iter()
        .filter(|usage| namespace.is_none_or(|namespace| usage.pod.namespace == namespace))
        .filter(|usage| wanted.matches(&usage.pod.name, Some(&usage.pod.namespace), &usage.pod.labels))
        .filter_map(|usage| pod_metrics(usage, &at))
        .collect();
    Ok(Json(json!({"kind": "PodMetricsList", "apiVersion": API_VERSION, "metadata": {}, "items": items})))
}

async fn pod(State(metrics): State<Shared>, Path((namespace, name)): Path<(String, String)>) -> Answer {
    let usage = metrics.usage();
    let found = usage.pods.iter().find(|usage| usage.pod.namespace == namespace && usage.pod.name == name);
    match found.and_then(|usage| pod_metrics(usage, &now())) {
        Some(mut metrics) => {
            metrics["kind"] = "PodMetrics".into();
            metrics["apiVersion"] = API_VERSION.into();
            Ok(Json(metrics))
        }
        None => Err(Refusal::not_found(format!("podmetrics.metrics.k8s.io \"{namespace}/{name}\" not found"))),
    }
}

/// `None` when neither CPU nor memory of the pod is known.
fn pod_metrics(usage: &PodUsage, at: &str) -> Option<Value> {
    let cpu = usage.cpu_millicores.map(|value| usage.pod.divide(Resource::Cpu, value));
    let memory = usage.memory_bytes.map(|value| usage.pod.divide(Resource::Memory, value));
    if cpu.is_none() && memory.is_none() {
        return None;
    }
    let containers: Vec<Value> = usage
        .pod
        .containers
        .iter()
        .enumerate()
        .map(|(index, container)| {
            let mut used = Map::new();
            if let Some(value) = cpu.as_ref().and_then(|parts| parts.get(index)) {
                used.insert("cpu".to_owned(), quantity::milli(*value).into());
            }
            if let Some(value) = memory.as_ref().and_then(|parts| parts.get(index)) {
                used.insert("memory".to_owned(), quantity::bytes(*value).into());
            }
            json!({"name": container.name, "usage": used})
        })
        .collect();
    Some(json!({
        "metadata": {
            "name": usage.pod.name, "namespace": usage.pod.namespace, "labels": usage.pod.labels, "creationTimestamp": at,
        },
        "timestamp": at,
        "window": window(usage.window_s),
        "containers": containers,
    }))
}

async fn nodes(State(metrics): State<Shared>, Query(query): Query<ListQuery>) -> Answer {
    let wanted = query.wanted()?;
    let usage = metrics.usage();
    let by_node = by_node(&usage.pods);
    let at = now();
    let items: Vec<Value> = metrics
        .seen()
        .map(|seen| seen.nodes())
        .unwrap_or_default()
        .iter()
        .filter_map(|node| {
            let name = node.metadata.name.as_deref()?;
            let labels = node.metadata.labels.clone().unwrap_or_default();
            let used = by_node.get(name).copied().unwrap_or_default();
            wanted.matches(name, None, &labels).then(|| node_metrics(node, used, &at))
        })
        .collect();
    Ok(Json(json!({"kind": "NodeMetricsList", "apiVersion": API_VERSION, "metadata": {}, "items": items})))
}

async fn node(State(metrics): State<Shared>, Path(name): Path<String>) -> Answer {
    let nodes = metrics.seen().map(|seen| seen.nodes()).unwrap_or_default();
    let Some(node) = nodes.iter().find(|node| node.metadata.name.as_deref() == Some(&name)) else {
        return Err(Refusal::not_found(format!("nodemetrics.metrics.k8s.io \"{name}\" not found")));
    };
    let usage = metrics.usage();
    let used = by_node(&usage.pods).get(name.as_str()).copied().unwrap_or_default();
    let mut metrics = node_metrics(node, used, &now());
    metrics["kind"] = "NodeMetrics".into();
    metrics["apiVersion"] = API_VERSION.into();
    Ok(Json(metrics))
}

/// Of a node, what its pods use is all that is known: there is no system beneath them.
fn node_metrics(node: &Node, used: NodeUsage, at: &str) -> Value {
    json!({
        "metadata": {"name": node.metadata.name, "labels": node.metadata.labels, "creationTimestamp": at},
        "timestamp": at,
        "window": window(if used.window_s == 0 { DEFAULT_WINDOW_S } else { used.window_s }),
        "usage": {"cpu": quantity::milli(used.cpu_millicores), "memory": quantity::bytes(used.memory_bytes)},
    })
}

/// A duration as Go writes it: `5s`, `1m30s`, `1h0m0s`.
fn window(seconds: u32) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::window;

    #[test]
    fn durations_are_gos() {
        assert_eq!([5, 60, 90, 3600].map(window), ["5s", "1m0s", "1m30s", "1h0m0s"]);
    }
}
