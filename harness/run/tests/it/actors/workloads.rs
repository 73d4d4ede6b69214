//! The Deployment controller, the scheduler, the kubelets and the garbage collector of pods whose Node is gone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{again, has, name, namespace, set_condition, text};
use crate::api::{ApiServer, is_terminating};

/// How long a container takes to start, and to end.
const START: Duration = Duration::from_millis(300);
const END: Duration = Duration::from_millis(800);

pub(super) struct Workloads {
    api: ApiServer,
    made: u32,
    /// By UID: since when a pod is bound, and since when it is being deleted.
    bound: BTreeMap<String, Instant>,
    ending: BTreeMap<String, Instant>,
}

impl Workloads {
    pub(super) fn new(api: ApiServer) -> Self {
        Self { api, made: 0, bound: BTreeMap::new(), ending: BTreeMap::new() }
    }

    pub(super) fn step(&mut self) {
        self.deploy();
        self.schedule();
        self.run_pods();
    }

    fn deploy(&mut self) {
        for deployment in self.api.list("Deployment", "") {
            let uid = &deployment["metadata"]["uid"];
            let replicas = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
            let mut pods = self.api.list("Pod", "");
            pods.retain(|pod| pod["metadata"]["ownerReferences"][0]["uid"] == *uid && !is_terminating(pod));
            // Pods that are not Ready are deleted first.
            pods.sort_by_key(|pod| (has(pod, "Ready", "True"), name(pod).to_owned()));
            let surplus = pods.len().saturating_sub(usize::try_from(replicas).unwrap());
            for pod in pods.iter().take(surplus) {
                self.api.delete("Pod", namespace(pod), name(pod), None);
            }
            for _ in pods.len() as u64..replicas {
                self.made += 1;
                let template = &deployment["spec"]["template"];
                let pod = json!({
                    "metadata": {
                        "name": format!("{}-{:04}", name(&deployment), self.made),
                        "labels": template["metadata"]["labels"],
                        "ownerReferences": [{
                            "apiVersion": "apps/v1", "kind": "Deployment", "name": name(&deployment), "uid": uid,
                        }],
                    },
                    "spec": template["spec"],
                });
                self.api.create("Pod", namespace(&deployment), pod);
            }
        }
    }

    fn schedule(&mut self) {
        let nodes = self.api.list("Node", "");
        let mut free: BTreeMap<String, i64> =
            nodes.iter().map(|node| (name(node).to_owned(), cpu(&node["status"]["allocatable"]["cpu"]))).collect();
        let pods = self.api.list("Pod", "");
        for pod in &pods {
            if let Some(free) = free.get_mut(text(pod, "/spec/nodeName")) {
                *free -= request(pod);
            }
        }
        for pod in pods.iter().filter(|pod| text(pod, "/spec/nodeName").is_empty() && !is_terminating(pod)) {
            let fits = |node: &&Arc<Value>| {
                let taints = node["spec"]["taints"].as_array().map_or(0, Vec::len);
                has(node, "Ready", "True")
                    && taints == 0
                    && !is_terminating(node)
                    && selected(pod, node)
                    && free[name(node)] >= request(pod)
            };
            match nodes.iter().find(fits) {
                Some(node) => {
                    *free.get_mut(name(node)).unwrap() -= request(pod);
                    let bind = json!({"spec": {"nodeName": name(node)}});
                    self.api.merge("Pod", namespace(pod), name(pod), "", &bind);
                    if let Some(pod) = again(&self.api, "Pod", pod) {
                        set_condition(&self.api, "Pod", &pod, "PodScheduled", "True", "Scheduled", "");
                    }
                }
                None => {
                    let message = format!("0/{} nodes are available", nodes.len());
                    if !has(pod, "PodScheduled", "False") {
                        set_condition(&self.api, "Pod", pod, "PodScheduled", "False", "Unschedulable", &message);
                    }
                }
            }
        }
    }

    fn run_pods(&mut self) {
        let now = Instant::now();
        for pod in self.api.list("Pod", "") {
            let node = text(&pod, "/spec/nodeName").to_owned();
            if node.is_empty() {
                continue;
            }
            let uid = text(&pod, "/metadata/uid").to_owned();
            if self.api.get("Node", "", &node).is_none() {
                self.api.delete("Pod", namespace(&pod), name(&pod), Some(0));
            } else if is_terminating(&pod) {
                if now >= *self.ending.entry(uid).or_insert(now) + END {
                    self.api.delete("Pod", namespace(&pod), name(&pod), Some(0));
                }
            } else if now >= *self.bound.entry(uid).or_insert(now) + START && !has(&pod, "Ready", "True") {
                set_condition(&self.api, "Pod", &pod, "Ready", "True", "", "");
                let running = json!({"status": {"phase": "Running"}});
                self.api.merge("Pod", namespace(&pod), name(&pod), "status", &running);
            }
        }
    }
}

fn selected(pod: &Value, node: &Value) -> bool {
    let selector = pod["spec"]["nodeSelector"].as_object();
    selector.is_none_or(|selector| selector.iter().all(|(key, value)| node["metadata"]["labels"][key] == *value))
}

/// Thousandths of a core.
pub(super) fn cpu(quantity: &Value) -> i64 {
    let text = quantity.as_str().unwrap_or("0");
    match text.strip_suffix('m') {
        Some(milli) => milli.parse().unwrap(),
        None => text.parse::<i64>().unwrap() * 1_000,
    }
}

pub(super) fn request(pod: &Value) -> i64 {
    let containers = pod["spec"]["containers"].as_array().map_or(&[][..], Vec::as_slice);
    containers.iter().map(|container| cpu(&container["resources"]["requests"]["cpu"])).sum()
}
