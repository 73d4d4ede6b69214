//! What is deployed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use harness_plan::{Affinity, Autoscale, Containers, DisruptionBudget, SpreadList};
use harness_units::{Bytes, Millicores, Span};
use harness_yaml::Located;

/// A Deployment of identical pods for one node class.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadSpec {
    /// The class, which is the name of a NodePool. Node selector and tolerations follow from that pool.
    pub class: Located<String>,
    /// Other classes on which its pods may run too, such as on-demand nodes where there are no spot nodes: node affinity names all of these
    /// NodePools, and the provisioner chooses among them by weight and price (default: none; the pods run on nodes of `class` or not at all).
    #[serde(default)]
    pub fallback: Vec<Located<String>>,
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
    /// Over what its pods are spread evenly: `zone`, `{over: capacity-type, maxSkew: 2, soft: true}`, or a list of that (default: nothing).
    #[serde(default)]
    pub spread: Option<Located<SpreadList>>,
    /// Beside or apart from the pods of which workloads its pods run (default: wherever there is room).
    #[serde(default)]
    pub affinity: Vec<Located<Affinity>>,
    /// Labels of the nodes that its pods prefer where there are several (default: none).
    #[serde(default)]
    pub prefers: BTreeMap<String, String>,
    /// The priority of its pods: the run creates a PriorityClass with this value, and pods with a higher one preempt others (default: 0).
    #[serde(default)]
    pub priority: Option<i32>,
    /// The image of its pods (default: registry.k8s.io/pause:3.10). Simulated kubelets pull nothing; but as on a real node, an image of a registry
    /// below `.invalid` (RFC 2606: no such host, ever) cannot be pulled.
    #[serde(default)]
    pub image: Option<String>,
    /// How long its pods may take to end once they are deleted (default: 1s).
    #[serde(default)]
    pub termination_grace_period: Option<Span>,
    /// What its containers do once they are started (default: they run, and are Ready at once). Needs simulated-azure: real kubelets run programs.
    #[serde(default)]
    pub containers: Option<Containers>,
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
