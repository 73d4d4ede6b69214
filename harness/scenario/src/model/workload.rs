//! What is deployed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use harness_plan::{Autoscale, DisruptionBudget, Spread};
use harness_units::{Bytes, Millicores};
use harness_yaml::Located;

/// A Deployment of identical pods for one node class.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadSpec {
    /// The class, which is the name of a NodePool. Node selector and tolerations follow from that pool.
    pub class: Located<String>,
    /// CPU request of one pod.
    pub cpu: Located<Millicores>,
    /// Memory request of one pod.
    pub memory: Located<Bytes>,
    /// More labels that a node must have, such as `topology.kubernetes.io/zone`; beside those that follow from the class.
    #[serde(default)]
    pub node_selector: BTreeMap<String, String>,
    /// Which tolerations its pods have (default: those that the class needs).
    #[serde(default)]
    pub tolerations: Tolerations,
    /// Its pods must never find a node: a negative control. Phases do not wait for them (default: false).
    #[serde(default)]
    pub stays_pending: bool,
    /// Phases wait for its pods (default: true). Without that there may be more of them than the class, its limits or a quota hold.
    #[serde(default = "yes")]
    pub awaited: bool,
    /// Its pods carry `karpenter.sh/do-not-disrupt: "true"` (default: false).
    #[serde(default)]
    pub do_not_disrupt: bool,
    /// Its PodDisruptionBudget (default: none).
    #[serde(default)]
    pub disruption_budget: Option<DisruptionBudget>,
    /// Over what its pods are spread evenly (default: nothing).
    #[serde(default)]
    pub spread: Option<Spread>,
    /// Its HorizontalPodAutoscaler (default: none). Needs metrics-api.
    #[serde(default)]
    pub autoscale: Option<Autoscale>,
}

fn yes() -> bool {
    true
}

/// Which tolerations pods have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Tolerations {
    /// Those that the class needs.
    #[default]
    OfTheClass,
    /// None, which is a mistake where the class has taints.
    None,
}
