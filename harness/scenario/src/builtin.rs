//! The scenarios that come with the harness, so that a bare binary can run.

/// A scenario that comes with the harness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// Its name, which is that of its file.
    pub name: &'static str,
    /// The content.
    pub text: &'static str,
}

macro_rules! scenario {
    ($name:literal) => {
        Builtin { name: $name, text: include_str!(concat!("../../../scenarios/", $name, ".yaml")) }
    };
}

/// The scenarios that come with the harness, by name.
pub fn builtin_scenarios() -> &'static [Builtin] {
    &SCENARIOS
}

const SCENARIOS: [Builtin; 33] = [
    scenario!("azure-anomalies"),
    scenario!("azure-answers"),
    scenario!("capacity-shortage"),
    scenario!("class-targeting"),
    scenario!("consolidation"),
    scenario!("expiry"),
    scenario!("failure-storm"),
    scenario!("fill-curve"),
    scenario!("gitops-conformance"),
    scenario!("gitops-drift"),
    scenario!("gitops-image-automation"),
    scenario!("gitops-notification"),
    scenario!("gitops-ordering"),
    scenario!("gitops-resilience"),
    scenario!("gitops-rollback"),
    scenario!("hpa-cpu-memory"),
    scenario!("hpa-own-metric"),
    scenario!("node-deletion"),
    scenario!("node-drift"),
    scenario!("node-repair"),
    scenario!("quota"),
    scenario!("scale-burst"),
    scenario!("scale-churn"),
    scenario!("scale-ramp"),
    scenario!("scale-to-zero"),
    scenario!("spot"),
    scenario!("spot-price"),
    scenario!("steady-state"),
    scenario!("system-surge"),
    scenario!("time-windows"),
    scenario!("upgrade-under-load"),
    scenario!("workload-shapes"),
    scenario!("zone-outage"),
];
