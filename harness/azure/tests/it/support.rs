//! A simulator with an HTTPS client, and waiting for facts.

use std::time::Duration;

use harness_azure::{Config, Fact, FactKind, Simulator, control};
use harness_simulation::{Behaviour, Distribution};
use harness_units::Span;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

pub(crate) const VERSION: &str = "api-version=2026-04-02-preview";
/// The limit of every wait in these tests.
pub(crate) use harness_testing::limits::ANSWER;

pub(crate) struct Lab {
    pub(crate) sim: Simulator,
    pub(crate) control: control::Client,
    pub(crate) http: reqwest::Client,
    pub(crate) token: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> String {
        self.headers[name].to_str().unwrap().to_owned()
    }

    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

/// Everything is instant.
pub(crate) fn instant() -> Behaviour {
    Behaviour { seed: 7, ..Behaviour::instant() }
}

/// Boots never end within a test, deletions are immediate.
pub(crate) fn endless_boot() -> Behaviour {
    let mut behaviour = instant();
    behaviour.boot = Some(Distribution::Constant(Span::from_secs(3600)));
    behaviour
}

impl Lab {
    pub(crate) async fn start(behaviour: Behaviour, kube: Option<kube::Client>) -> Self {
        let config = Config { behaviour, ..Config::default() };
        Self::with(config, kube).await
    }

    pub(crate) async fn with(config: Config, kube: Option<kube::Client>) -> Self {
        let sim = Simulator::start(config, kube).await.unwrap();
        let ca = reqwest::Certificate::from_pem(sim.ca_pem().as_bytes()).unwrap();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([ca]).timeout(ANSWER.get()).build().unwrap();
        let token = http
            .get(format!("{}?api-version=2019-08-01&resource=x", sim.identity_url()))
            .header("X-IDENTITY-HEADER", sim.config().identity_header.expose())
            .send()
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap()["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        Self { control: sim.control().unwrap(), sim, http, token }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("https://") {
            path.to_owned()
        } else {
            let separator = if path.contains('?') { '&' } else { '?' };
            format!("{}{}{separator}{VERSION}", self.sim.arm_url(), path.trim_start_matches('/'))
        };
        self.http.request(method, url).bearer_auth(&self.token)
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let bytes = response.bytes().await.unwrap();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status, headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub(crate) fn subscription(&self) -> String {
        format!("/subscriptions/{}", self.sim.config().subscription_id)
    }

    pub(crate) fn pool(&self) -> String {
        let c = self.sim.config();
        format!("{}/agentPools/{}", c.cluster_id(), c.machines_pool)
    }

    pub(crate) fn machine(&self, name: &str) -> String {
        format!("{}/machines/{name}", self.pool())
    }

    pub(crate) fn node_group(&self) -> String {
        format!("{}/resourceGroups/{}", self.subscription(), self.sim.config().node_resource_group)
    }

    /// Creates a machine as NAP does.
    pub(crate) async fn create(&self, name: &str, sku: &str, spot: bool) -> Answer {
        self.put(&self.machine(name), &machine_body(name, sku, spot)).await
    }

    pub(crate) async fn delete_machines(&self, names: &[&str]) -> Answer {
        self.post(&format!("{}/deleteMachines", self.pool()), &json!({ "machineNames": names })).await
    }

    /// Waits until one of all facts since the start matches.
    pub(crate) async fn fact(&self, what: &str, wanted: impl Fn(&FactKind) -> bool) -> Fact {
        let deadline = tokio::time::Instant::now() + ANSWER.get();
        let mut after = 0;
        let mut seen = Vec::new();
        loop {
            let page = self.control.facts(after, Duration::from_secs(1)).await.unwrap();
            for fact in page.facts {
                if wanted(&fact.kind) {
                    return fact;
                }
                seen.push(fact.kind);
            }
            after = page.next;
            assert!(tokio::time::Instant::now() < deadline, "no fact {what}; saw {seen:#?}");
        }
    }

    pub(crate) async fn vm_name(&self, machine: &str) -> String {
        self.control.vm(machine).await.unwrap().vm.name.clone()
    }
}

/// A PUT body in the shape of NAP's (`aksmachineinstancehelpers.go`).
pub(crate) fn machine_body(name: &str, sku: &str, spot: bool) -> Value {
    json!({
        "zones": ["1"],
        "properties": {
            "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202608.14.0",
            "network": {},
            "hardware": {"vmSize": sku, "ultraSsdEnabled": false},
            "operatingSystem": {"osType": "Linux", "osSKU": "Ubuntu2204", "osDiskSizeGB": 128, "osDiskType": "Managed", "enableFIPS": false},
            "kubernetes": {
                "nodeLabels": {"karpenter.sh/nodepool": "web", "karpenter.sh/capacity-type": if spot { "spot" } else { "on-demand" }},
                "orchestratorVersion": "1.36.3",
                "nodeInitializationTaints": ["karpenter.sh/unregistered:NoExecute"],
                "nodeTaints": [],
            },
            "mode": "User",
            "security": {"sshAccess": "LocalUser", "enableEncryptionAtHost": false},
            "priority": if spot { "Spot" } else { "Regular" },
            "tags": {
                "karpenter.sh_nodepool": "web",
                "karpenter.azure.com_aksmachine_nodeclaim": name,
            },
        },
    })
}

pub(crate) fn of(machine: &str, kind: &FactKind) -> bool {
    kind.vm().is_some_and(|vm| vm.machine == machine)
}

pub(crate) fn is_success(status: u16) -> bool {
    StatusCode::from_u16(status).unwrap().is_success()
}
