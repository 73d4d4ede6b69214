//! An API server that knows Nodes and nothing else, as a tower service under `kube::Client`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

/// The Nodes that exist, and the requests so far.
#[derive(Clone, Default)]
pub(crate) struct FakeKube {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    nodes: BTreeMap<String, Value>,
    /// By name; all in one namespace.
    pods: BTreeMap<String, Value>,
    /// What was applied: `daemonsets/NAME`.
    applied: BTreeSet<String>,
    calls: Vec<String>,
    under_way: usize,
    most_under_way: usize,
    refuse: usize,
    answer_after: Duration,
}

impl FakeKube {
    pub(crate) fn client(&self) -> kube::Client {
        let fake = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let fake = fake.clone();
            async move { fake.answer(request).await }
        });
        kube::Client::new(service, "default")
    }

    pub(crate) fn node(&self, name: &str) -> Option<Value> {
        self.state.lock().unwrap().nodes.get(name).cloned()
    }

    /// A running pod that is Ready.
    pub(crate) fn add_pod(&self, name: &str, node: &str) {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
            "spec": {"nodeName": node, "containers": []},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        });
        self.state.lock().unwrap().pods.insert(name.to_owned(), pod);
    }

    /// The status of a pod's Ready.
    pub(crate) fn pod_ready(&self, name: &str) -> String {
        self.state.lock().unwrap().pods[name]["status"]["conditions"][0]["status"].as_str().unwrap().to_owned()
    }

    /// Why a pod is not Ready; empty where no reason is given.
    pub(crate) fn pod_reason(&self, name: &str) -> String {
        let reason = &self.state.lock().unwrap().pods[name]["status"]["conditions"][0]["reason"];
        reason.as_str().unwrap_or_default().to_owned()
    }

    /// As the node controller does, which gives no reason.
    pub(crate) fn set_not_ready(&self, name: &str) {
        self.state.lock().unwrap().pods.get_mut(name).unwrap()["status"]["conditions"][0]["status"] = "False".into();
    }

    pub(crate) fn nodes(&self) -> usize {
        self.state.lock().unwrap().nodes.len()
    }

    pub(crate) fn node_names(&self) -> Vec<String> {
        self.state.lock().unwrap().nodes.keys().cloned().collect()
    }

    /// How many objects of a kind there are that were applied.
    pub(crate) fn applied(&self, kind: &str) -> usize {
        let state = self.state.lock().unwrap();
        state.applied.iter().filter(|path| path.split_once('/').is_some_and(|(of, _)| of == kind)).count()
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.clone()
    }

    pub(crate) fn most_under_way(&self) -> usize {
        self.state.lock().unwrap().most_under_way
    }

    /// The next calls are refused with 500.
    pub(crate) fn refuse(&self, calls: usize) {
        self.state.lock().unwrap().refuse = calls;
    }

    pub(crate) fn answer_after(&self, wait: Duration) {
        self.state.lock().unwrap().answer_after = wait;
    }

    pub(crate) fn remove(&self, name: &str) {
        self.state.lock().unwrap().nodes.remove(name);
    }

    /// The status of one condition of a Node.
    pub(crate) fn condition(&self, name: &str, kind: &str) -> Option<String> {
        let node = self.node(name)?;
        let conditions = node["status"]["conditions"].as_array()?;
        let found = conditions.iter().find(|c| c["type"] == kind)?;
        Some(found["status"].as_str()?.to_owned())
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, std::convert::Infallible> {
        let wait = {
            let mut state = self.state.lock().unwrap();
            state.under_way += 1;
            state.most_under_way = state.most_under_way.max(state.under_way);
            state.answer_after
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let (parts, body) = request.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let sent: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let path = parts.uri.path_and_query().unwrap().as_str();
        let (status, answer) = self.act(&parts.method, path, sent);
        self.state.lock().unwrap().under_way -= 1;
        let response = Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(Body::from(serde_json::to_vec(&answer).unwrap()));
        Ok(response.unwrap())
    }

    fn act(&self, method: &Method, path: &str, sent: Value) -> (u16, Value) {
        let mut state = self.state.lock().unwrap();
        state.calls.push(format!("{method} {path}"));
        if state.refuse > 0 {
            state.refuse -= 1;
            return (500, failure(500, "InternalError"));
        }
        if let Some(answer) = pods(&mut state.pods, method, path, &sent) {
            return answer;
        }
        if let Some(answer) = applied(&mut state.applied, method, path, &sent) {
            return answer;
        }
        let path = path.split('?').next().unwrap_or_default();
        let segments: Vec<&str> =
            path.trim_start_matches("/api/v1/nodes").split('/').filter(|s| !s.is_empty()).collect();
        match (method.as_str(), segments.as_slice()) {
            ("POST", []) => {
                let name = sent["metadata"]["name"].as_str().unwrap().to_owned();
                if state.nodes.contains_key(&name) {
                    return (409, failure(409, "AlreadyExists"));
                }
                state.nodes.insert(name, sent.clone());
                (201, sent)
            }
            ("PATCH", [name, "status"]) => match state.nodes.get_mut(*name) {
                Some(node) => {
                    merge_conditions(node, &sent);
                    (200, node.clone())
                }
                None => (404, failure(404, "NotFound")),
            },
            ("DELETE", [name]) => match state.nodes.remove(*name) {
                Some(node) => (200, node),
                None => (404, failure(404, "NotFound")),
            },
            _ => (405, failure(405, "MethodNotAllowed")),
        }
    }
}

/// Pods are listed by their Node, and their status is patched.
fn pods(pods: &mut BTreeMap<String, Value>, method: &Method, path: &str, sent: &Value) -> Option<(u16, Value)> {
    if let Some(query) = path.strip_prefix("/api/v1/pods?") {
        let node = query.split('&').find_map(|p| p.strip_prefix("fieldSelector=spec.nodeName%3D"))?;
        let items: Vec<&Value> = pods.values().filter(|pod| pod["spec"]["nodeName"] == node).collect();
        return Some((200, json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": items})));
    }
    let name = path.split('?').next()?.strip_prefix("/api/v1/namespaces/default/pods/")?.strip_suffix("/status")?;
    if method != Method::PATCH {
        return None;
    }
    let pod = pods.get_mut(name)?;
    merge_conditions(pod, sent);
    Some((200, pod.clone()))
}

/// What is applied is there until it is deleted, by name or with all of its kind.
fn applied(all: &mut BTreeSet<String>, method: &Method, path: &str, sent: &Value) -> Option<(u16, Value)> {
    let path = path.split('?').next()?;
    let found = ["/apis/apps/v1/namespaces/kube-system/", "/apis/storage.k8s.io/v1/"];
    let object = found.into_iter().find_map(|prefix| path.strip_prefix(prefix))?;
    match method.as_str() {
        "PATCH" => {
            all.insert(object.to_owned());
            Some((200, sent.clone()))
        }
        "DELETE" => {
            all.retain(|known| !known.starts_with(object));
            Some((200, json!({"kind": "Status", "apiVersion": "v1", "status": "Success", "metadata": {}})))
        }
        _ => None,
    }
}

/// A strategic merge of conditions: by type.
fn merge_conditions(node: &mut Value, patch: &Value) {
    let kept = node["status"]["conditions"].as_array_mut().unwrap();
    for new in patch["status"]["conditions"].as_array().unwrap() {
        match kept.iter_mut().find(|c| c["type"] == new["type"]) {
            Some(old) => *old = new.clone(),
            None => kept.push(new.clone()),
        }
    }
}

fn failure(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason, "reason": reason, "code": code})
}
