//! The server as the HPA sees it, over pods that are in a store and in no cluster.

mod http;
mod tls;

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::runtime::{reflector, watcher};
use serde_json::json;

use super::state::{Metrics, Shared};
use super::watch::Seen;

/// The node of every pod here.
pub(super) const NODE: &str = "node-1";

/// A Ready pod with one container that requests 100m and 64Mi and may use twice that.
pub(super) fn ready_pod(namespace: &str, workload: &str, name: &str) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"namespace": namespace, "name": name, "labels": {"harness.dev/workload": workload, "app": workload}},
        "spec": {"nodeName": NODE, "containers": [{"name": "main", "resources": {
            "requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "128Mi"}}}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }))
    .unwrap()
}

fn node(name: &str, ready: &str) -> Node {
    serde_json::from_value(json!({
        "metadata": {"name": name, "labels": {"pool": "general"}},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }))
    .unwrap()
}

/// Metrics over these pods, on one node that reports and one that does not.
fn metrics(pods: &[Pod]) -> Shared {
    let (pod_store, mut pod_writer) = reflector::store();
    let (node_store, mut node_writer) = reflector::store();
    for pod in pods {
        pod_writer.apply_watcher_event(&watcher::Event::Apply(pod.clone()));
    }
    for node in [node("node-1", "True"), node("node-2", "Unknown"), node("node-3", "True")] {
        node_writer.apply_watcher_event(&watcher::Event::Apply(node));
    }
    let metrics = Metrics::default();
    metrics.show(Some(Seen { pods: pod_store, nodes: node_store }));
    Arc::new(metrics)
}
