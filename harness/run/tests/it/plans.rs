//! Small plans, as the planner would make them.

use harness_plan::{Plan, Workload};
use harness_units::{Bytes, Millicores};
use serde_json::{Value, json};

/// How long a VM takes from the request to its Node being Ready, in seconds.
pub(crate) const BOOT_S: u64 = 3;

/// Five pods that need two nodes.
pub(crate) const PODS: u32 = 5;

pub(crate) fn scale(id: u32, at_ms: u64, from: u32, to: u32) -> Value {
    json!({"id": id, "atUs": at_ms * 1_000, "action": {"scale": {"workloads": ["web"], "from": from, "to": to}}})
}

pub(crate) fn up() -> Value {
    json!({"name": "up", "actions": [scale(0, 0, 0, PODS)], "until": "all-pods-ready", "within": "2m"})
}

pub(crate) fn hold() -> Value {
    json!({"name": "hold", "actions": [], "for": "5s"})
}

pub(crate) fn down() -> Value {
    json!({"name": "down", "actions": [scale(1, 0, PODS, 0)], "until": ["no-pods", "no-nodes"], "within": "2m"})
}

/// A plan of these phases over one workload, `web`, in the class `web`.
pub(crate) fn of_phases(phases: &[Value]) -> Plan {
    let mut workload = Workload::new("web", "web", Millicores(1_000), Bytes(1 << 30));
    workload.node_selector.insert("karpenter.sh/nodepool".to_owned(), "web".to_owned());
    workload.replicas_peak = PODS;
    serde_json::from_value(json!({
        "version": 2, "scenario": "burst", "question": "Do nodes follow pods?", "profile": "smoke", "seed": 7,
        "parameters": {}, "needs": ["gitops", "node-auto-provisioning"],
        "azure": {"boot": {"constant": format!("{BOOT_S}s")}, "delete": {"constant": "2s"}, "quotaCores": {}, "faults": []},
        "nodeConfig": {"source": "tree", "sha256": "0", "classes": [{
            "name": "web", "nodeClass": "web", "weight": 0, "limits": {}, "at": "web.yaml:1:1",
        }]},
        "workloads": [workload], "phases": phases, "expectations": [],
    }))
    .unwrap()
}

/// A burst that is scaled up and down, with its expectations.
pub(crate) fn burst() -> Plan {
    let mut plan = of_phases(&[up(), hold(), down()]);
    plan.expectations = serde_json::from_value(json!([
        {"name": "phase up", "check": {"phase": {"phase": "up"}}},
        {"name": "phase down", "check": {"phase": {"phase": "down"}}},
        {"name": "placement", "check": {"placement": {"workloads": ["web"], "exclusively": true}}},
        {"name": "fleet", "check": {"fleet": {"vms": "as-many-as-nodeclaims", "atEnd": 0}}},
    ]))
    .unwrap();
    plan
}
