//! Node auto-provisioning: NodeClaims for pods that fit nowhere, machines of the simulated Azure for NodeClaims, and their deletion.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use harness_azure::InProcess;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::workloads::{cpu, request};
use super::{again, has, name, set_condition, text};
use crate::api::{ApiServer, is_terminating};

/// The size of every VM: 4 cores, of which 3860m are left for pods.
const SIZE: &str = "Standard_D4s_v5";
const ALLOCATABLE_MILLICORES: i64 = 3_860;
/// How long a node must be empty before it is deleted.
const EMPTY_FOR: Duration = Duration::from_secs(1);
const FINALIZER: &str = "karpenter.sh/termination";

pub(super) struct Provisioner {
    api: ApiServer,
    azure: Arc<InProcess>,
    token: String,
    made: u32,
    /// By NodeClaim: since when its node is empty.
    empty: BTreeMap<String, Instant>,
}

impl Provisioner {
    pub(super) fn new(api: ApiServer, azure: Arc<InProcess>) -> Self {
        let token = azure.token().expose().to_owned();
        Self { api, azure, token, made: 0, empty: BTreeMap::new() }
    }

    pub(super) async fn step(&mut self) {
        for pool in self.api.list("NodePool", "") {
            set_condition(&self.api, "NodePool", &pool, "Ready", "True", "Ready", "");
        }
        self.provision();
        for claim in self.api.list("NodeClaim", "") {
            if is_terminating(&claim) {
                self.terminate(&claim).await;
            } else {
                self.advance(&claim).await;
            }
        }
        self.release_classes();
    }

    /// Creates the NodeClaims that pods without a place need beyond those that are starting.
    fn provision(&mut self) {
        let claims = self.api.list("NodeClaim", "");
        let pods = self.api.list("Pod", "");
        for pool in
            self.api.list("NodePool", "").iter().filter(|pool| has(pool, "Ready", "True") && !is_terminating(pool))
        {
            let of_pool = |pod: &&Arc<Value>| text(pod, "/spec/nodeSelector/karpenter.sh~1nodepool") == name(pool);
            let waiting =
                pods.iter().filter(of_pool).filter(|pod| has(pod, "PodScheduled", "False") && !is_terminating(pod));
            let requested: i64 = waiting.map(|pod| request(pod)).sum();
            let under_way = claims
                .iter()
                .filter(|claim| text(claim, "/metadata/labels/karpenter.sh~1nodepool") == name(pool))
                .filter(|claim| !has(claim, "Initialized", "True") && !is_terminating(claim))
                .count();
            let missing = requested - ALLOCATABLE_MILLICORES * i64::try_from(under_way).unwrap();
            for _ in 0..(missing.max(0) + ALLOCATABLE_MILLICORES - 1) / ALLOCATABLE_MILLICORES {
                self.made += 1;
                let claim = json!({
                    "metadata": {
                        "name": format!("{}-n{:03}", name(pool), self.made),
                        "finalizers": [FINALIZER],
                        "labels": {
                            "karpenter.sh/nodepool": name(pool), "karpenter.sh/capacity-type": "on-demand",
                            "node.kubernetes.io/instance-type": SIZE, "topology.kubernetes.io/zone": "eastus-1",
                        },
                        "annotations": {"karpenter.sh/nodepool-hash": "1"},
                        "ownerReferences": [{
                            "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "name": name(pool),
                            "uid": pool["metadata"]["uid"],
                        }],
                    },
                    "spec": {"nodeClassRef": pool["spec"]["template"]["spec"]["nodeClassRef"]},
                });
                self.api.create("NodeClaim", "", claim);
            }
        }
    }

    /// Takes a NodeClaim to its next state: launched, registered, initialized, empty.
    async fn advance(&mut self, claim: &Value) {
        let Some(machine) = self.machine(name(claim)).await else {
            let created = self.arm(Method::PUT, &format!("machines/{}", name(claim)), &body_of(claim)).await;
            if created.is_some_and(|(status, _)| status < 300) {
                set_condition(&self.api, "NodeClaim", claim, "Launched", "True", "Launched", "");
            }
            return;
        };
        let vm = text(&machine, "/properties/resourceId").rsplit('/').next().unwrap_or_default().to_owned();
        let Some(node) = self.api.get("Node", "", &vm) else { return };
        if !has(claim, "Registered", "True") {
            let owner = json!({
                "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "name": name(claim), "uid": claim["metadata"]["uid"],
            });
            let registered = json!({"metadata": {"ownerReferences": [owner]}, "spec": {"taints": []}});
            self.api.merge("Node", "", &vm, "", &registered);
            let status = json!({"status": {
                "nodeName": vm, "imageID": "image-1", "capacity": node["status"]["capacity"],
            }});
            self.api.merge("NodeClaim", "", name(claim), "status", &status);
            if let Some(claim) = again(&self.api, "NodeClaim", claim) {
                set_condition(&self.api, "NodeClaim", &claim, "Registered", "True", "Registered", "");
            }
            return;
        }
        if !has(&node, "Ready", "True") {
            return;
        }
        set_condition(&self.api, "NodeClaim", claim, "Initialized", "True", "Initialized", "");
        let used: i64 = self
            .api
            .list("Pod", "")
            .iter()
            .filter(|pod| text(pod, "/spec/nodeName") == vm)
            .map(|pod| request(pod))
            .sum();
        let now = Instant::now();
        if used > 0 || cpu(&node["status"]["allocatable"]["cpu"]) == 0 {
            self.empty.remove(name(claim));
        } else if now >= *self.empty.entry(name(claim).to_owned()).or_insert(now) + EMPTY_FOR {
            set_condition(&self.api, "NodeClaim", claim, "DisruptionReason", "True", "Empty", "");
            self.api.delete("NodeClaim", "", name(claim), None);
        }
    }

    /// Drains the node, deletes its machine, and only then the NodeClaim.
    async fn terminate(&mut self, claim: &Value) {
        let vm = text(claim, "/status/nodeName").to_owned();
        let pods: Vec<Arc<Value>> = self
            .api
            .list("Pod", "")
            .into_iter()
            .filter(|pod| !vm.is_empty() && text(pod, "/spec/nodeName") == vm)
            .collect();
        for pod in &pods {
            self.api.delete("Pod", super::namespace(pod), name(pod), None);
        }
        if !pods.is_empty() {
            return;
        }
        match self.machine(name(claim)).await {
            Some(machine) if text(&machine, "/properties/provisioningState") == "Deleting" => {}
            Some(_) => {
                let names = json!({"machineNames": [name(claim)]});
                self.arm(Method::POST, "deleteMachines", &names).await;
            }
            // A Node that still exists is deleted by the cloud controller manager in a moment.
            None => self.api.merge("NodeClaim", "", name(claim), "", &json!({"metadata": {"finalizers": null}})),
        }
    }

    /// Deletes a node class once no NodeClaim uses it.
    fn release_classes(&self) {
        let claims = self.api.list("NodeClaim", "");
        for class in self.api.list("AKSNodeClass", "") {
            let used = claims.iter().any(|claim| text(claim, "/spec/nodeClassRef/name") == name(&class));
            let held = class["metadata"]["finalizers"].is_array();
            if is_terminating(&class) && !used {
                self.api.merge("AKSNodeClass", "", name(&class), "", &json!({"metadata": {"finalizers": null}}));
            } else if !is_terminating(&class) && !held {
                let finalizers = json!({"metadata": {"finalizers": ["karpenter.azure.com/termination"]}});
                self.api.merge("AKSNodeClass", "", name(&class), "", &finalizers);
            }
        }
    }

    async fn machine(&self, name: &str) -> Option<Value> {
        let (status, machine) = self.arm(Method::GET, &format!("machines/{name}"), &Value::Null).await?;
        (status == 200).then_some(machine)
    }

    async fn arm(&self, method: Method, path: &str, body: &Value) -> Option<(u16, Value)> {
        let config = self.azure.config();
        let url = format!(
            "https://azure{}/agentPools/{}/{path}?api-version=2026-04-02-preview",
            config.cluster_id(),
            config.machines_pool
        );
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {}", self.token))
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        let response = self.azure.arm(request).await?;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Some((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }
}

fn body_of(claim: &Value) -> Value {
    json!({
        "zones": ["1"],
        "properties": {
            "hardware": {"vmSize": SIZE},
            "operatingSystem": {"osType": "Linux", "osSKU": "Ubuntu2204", "osDiskSizeGB": 128},
            "kubernetes": {
                "nodeLabels": claim["metadata"]["labels"],
                "nodeInitializationTaints": ["karpenter.sh/unregistered:NoExecute"],
            },
            "priority": "Regular",
            "tags": {
                "karpenter.sh_nodepool": claim["metadata"]["labels"]["karpenter.sh/nodepool"],
                "karpenter.azure.com_aksmachine_nodeclaim": name(claim),
            },
        },
    })
}
