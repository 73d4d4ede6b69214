//! What is deployed.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use harness_units::{Amount, Bytes, Millicores, Percent, Span};
use harness_yaml::Problem;

use crate::{Affinity, Containers, SpreadList};

/// A Deployment of identical pods that fit one class, or that class and its fallback, and no other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// The Deployment's name.
    pub name: String,
    /// The class (NodePool) that its pods must land on.
    pub class: String,
    /// Other classes on which its pods may run too; the provisioner chooses among them all by weight and price.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<String>,
    /// CPU request of one pod.
    pub cpu: Millicores,
    /// Memory request of one pod.
    pub memory: Bytes,
    /// The pods' `nodeSelector`.
    pub node_selector: BTreeMap<String, String>,
    /// The pods' tolerations.
    pub tolerations: Vec<Toleration>,
    /// The most replicas that any phase asks for.
    pub replicas_peak: u32,
    /// Its pods must never be bound: a negative control.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stays_pending: bool,
    /// Phases wait for its pods. Not so where they are to stay pending, or are more than there can be nodes for.
    #[serde(default = "crate::defaults::yes", skip_serializing_if = "is_true")]
    pub awaited: bool,
    /// Its pods carry `karpenter.sh/do-not-disrupt: "true"`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub do_not_disrupt: bool,
    /// Its PodDisruptionBudget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disruption_budget: Option<DisruptionBudget>,
    /// Over what its pods are spread (topologySpreadConstraints).
    #[serde(default, skip_serializing_if = "SpreadList::is_empty")]
    pub spread: SpreadList,
    /// Beside or apart from which pods its pods run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affinity: Vec<Affinity>,
    /// Labels of the nodes that its pods prefer (`preferredDuringSchedulingIgnoredDuringExecution`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prefers: BTreeMap<String, String>,
    /// The value of its pods' PriorityClass, which the run creates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// The image of its pods; one that needs nothing where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// How long its pods may take to end; 1 second where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub termination_grace_period: Option<Span>,
    /// What its containers do, where kubelets are simulated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containers: Option<Containers>,
    /// Its HorizontalPodAutoscaler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscale: Option<Autoscale>,
}

impl Workload {
    /// A workload of pods of this size for that class, with nothing special and no replicas yet: every other field has the value that
    /// it has where a scenario says nothing.
    pub fn new(name: impl Into<String>, class: impl Into<String>, cpu: Millicores, memory: Bytes) -> Self {
        Self {
            name: name.into(),
            class: class.into(),
            fallback: Vec::new(),
            cpu,
            memory,
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            replicas_peak: 0,
            stays_pending: false,
            awaited: true,
            do_not_disrupt: false,
            disruption_budget: None,
            spread: SpreadList::default(),
            affinity: Vec::new(),
            prefers: BTreeMap::new(),
            priority: None,
            image: None,
            termination_grace_period: None,
            containers: None,
            autoscale: None,
        }
    }

    /// The classes (NodePools) on which its pods may run, the one that it is for first.
    pub fn classes(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.class).chain(&self.fallback).map(String::as_str)
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_true(value: &bool) -> bool {
    *value
}

/// A PodDisruptionBudget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DisruptionBudget {
    /// Number or percentage of the pods that must stay available.
    MinAvailable(Amount),
    /// Number or percentage of the pods that may be unavailable.
    MaxUnavailable(Amount),
}

impl DisruptionBudget {
    /// How many of so many pods it keeps available. Both parts are rounded up, as the disruption controller does
    /// (`getExpectedPodCount` in `pkg/controller/disruption/disruption.go`).
    pub fn keeps(self, pods: u64) -> u64 {
        match self {
            Self::MinAvailable(amount) => amount.of(pods),
            Self::MaxUnavailable(amount) => pods.saturating_sub(amount.of(pods)),
        }
    }
}

/// What it keeps: `minAvailable 80%`.
impl fmt::Display for DisruptionBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinAvailable(amount) => write!(f, "minAvailable {amount}"),
            Self::MaxUnavailable(amount) => write!(f, "maxUnavailable {amount}"),
        }
    }
}

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Autoscale {
    /// Minimum number of replicas.
    pub min: u32,
    /// Maximum number of replicas.
    pub max: u32,
    /// The metric and its target.
    pub on: AutoscaleOn,
    /// How long fewer replicas must have been enough before some are removed (`behavior.scaleDown.stabilizationWindowSeconds`; default: 0s,
    /// while Kubernetes' own default is 5m).
    #[serde(default)]
    pub scale_down_after: Span,
}

impl Autoscale {
    /// What the API server refuses.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.min == 0 {
            let hint = "give at least 1: without a feature gate, Kubernetes does not scale to 0 by a metric";
            found.push(Problem::new(&["min"], "an autoscaler keeps at least one pod", hint));
        }
        if self.max < self.min.max(1) {
            let message = format!("the maximum is {}, and the minimum {}", self.max, self.min);
            found.push(Problem::new(&["max"], message, "give at least as much as `min`"));
        }
        let (path, target) = match &self.on {
            AutoscaleOn::CpuPercent(percent) => (vec!["on", "cpuPercent"], percent.0),
            AutoscaleOn::MemoryPercent(percent) => (vec!["on", "memoryPercent"], percent.0),
            AutoscaleOn::PodMetric { average, .. } => (vec!["on", "podMetric", "average"], *average),
            AutoscaleOn::ExternalMetric { average, .. } => (vec!["on", "externalMetric", "average"], *average),
        };
        if target == 0 {
            found.push(Problem::new(&path, "no number of pods makes this 0", "give a target above 0"));
        }
        found
    }
}

/// The metric of a HorizontalPodAutoscaler and its target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum AutoscaleOn {
    /// CPU in percent of the request.
    CpuPercent(Percent),
    /// Memory in percent of the request.
    MemoryPercent(Percent),
    /// A metric of the application, averaged over its pods.
    PodMetric {
        /// The metric's name.
        name: String,
        /// The target average.
        average: u32,
    },
    /// A metric of something outside the cluster, divided by the number of pods.
    ExternalMetric {
        /// The metric's name.
        name: String,
        /// The target average.
        average: u32,
    },
}

/// What the pods of the run may request together: a ResourceQuota of their namespace. At least one of the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NamespaceQuota {
    /// `requests.cpu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Millicores>,
    /// `requests.memory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// `pods`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<u32>,
}

/// A toleration as Kubernetes writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Toleration {
    /// The taint's key.
    pub key: String,
    /// `Equal` or `Exists`.
    pub operator: String,
    /// The taint's value, for `Equal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The taint's effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
}
