//! The plan of the runs.

use std::collections::{BTreeMap, BTreeSet};

use harness_plan::Capability;
use harness_plan::{
    Check, Condition, Conditions, Expectation, LatencyLimits, LatencyName, Limits, NodeClass, NodeConfig, PLAN_VERSION,
    Phase, PhaseReached, Plan, Profile, Workload,
};
use harness_units::{Bytes, Millicores, Span};

pub(crate) const SECOND: u64 = 1_000_000;

/// Pool, workload, VM size, nodes, pods a node, median of provisioning in microseconds.
pub(crate) const POOLS: [(&str, &str, &str, usize, usize, u64); 3] = [
    ("compute-optimized", "encoder", "Standard_F8s_v2", 6, 7, 5_412_345),
    ("general-purpose", "web", "Standard_D4s_v5", 7, 6, 4_812_345),
    ("memory-optimized", "cache", "Standard_E8s_v5", 5, 8, 6_912_345),
];

pub(crate) fn plan() -> Plan {
    let latency = |limits: serde_json::Value| -> Check {
        Check::Latency(serde_json::from_value::<LatencyLimits>(limits).unwrap())
    };
    Plan {
        version: PLAN_VERSION,
        scenario: "scale-burst".to_owned(),
        question: "When pods for every node class arrive at once, does each land on its class, how fast, and does the fleet return to zero?".to_owned(),
        profile: Profile::Default,
        seed: 42,
        parameters: BTreeMap::from([("podsPerClass".to_owned(), "40".to_owned()), ("podReadyP99".to_owned(), "1m".to_owned())]),
        needs: BTreeSet::from([Capability::NodeAutoProvisioning, Capability::Gitops]),
        azure: harness_simulation::Behaviour::default(),
        node_config: NodeConfig {
            aks_defaults: Vec::new(),
            source: "node-config".to_owned(),
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
            classes: POOLS
                .iter()
                .map(|pool| NodeClass {
                    name: pool.0.to_owned(),
                    node_class: "app".to_owned(),
                    limits: Limits { cpu: Some(Millicores(200_000)), memory: Some(Bytes(800 << 30)), nodes: None },
                    at: format!("node-classes/{}.yaml:1:1", pool.0),
                    ..NodeClass::default()
                })
                .collect(),
        },
        workloads: POOLS
            .iter()
            .map(|pool| Workload { replicas_peak: 40, ..Workload::new(pool.1, pool.0, Millicores(500), Bytes(512 << 20)) })
            .collect(),
        phases: [("burst", Some(Condition::AllPodsReady), Some(300), None), ("hold", None, None, Some(20)), ("drain", Some(Condition::NoNodes), Some(180), None)]
            .into_iter()
            .map(|(name, until, within, hold)| Phase {
                name: name.to_owned(),
                actions: Vec::new(),
                until: until.map(Conditions::from),
                within: within.map(Span::from_secs),
                hold: hold.map(Span::from_secs),
                ..Phase::default()
            })
            .collect(),
        expectations: vec![
            Expectation::new("phase burst", Check::Phase(PhaseReached { phase: "burst".to_owned() })),
            Expectation::new(
                "latency node_provisioning by nodepool p95 <= 9s",
                latency(serde_json::json!({"of": LatencyName::NodeProvisioning, "p95": "9s", "censored": 0})),
            ),
            Expectation::new(
                "latency pod_ready by workload p99 <= 1m",
                latency(serde_json::json!({"of": LatencyName::PodReady, "p99": "1m", "censored": 0})),
            ),
        ],
        ..empty_plan()
    }
}

/// Fields that a plan may gain have their defaults, as in a plan of an earlier version.
fn empty_plan() -> Plan {
    let json = serde_json::json!({
        "version": PLAN_VERSION, "scenario": "", "question": "", "profile": "default", "seed": 0, "parameters": {}, "needs": [],
        "azure": {"boot": null, "delete": null, "quotaCores": {}, "faults": []},
        "nodeConfig": {"source": "", "sha256": "", "classes": []}, "workloads": [], "phases": [], "expectations": [],
    });
    serde_json::from_value(json).unwrap()
}
