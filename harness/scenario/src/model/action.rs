//! Phases and what is done in them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AddManySpec, ChangeSpec, Conditions, ForcePushSpec, PublishImageSpec, Selection, Setting, TriggerSpec};
use harness_plan::{Profile, TreeEdit};
use harness_simulation::{Fault, GitFault};
use harness_units::Rate;
use harness_units::{Bytes, Millicores, Span};
use harness_yaml::Located;

/// One step: its actions are sent, then its condition is awaited (`until` and `within`) or its time is held (`for`).
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PhaseSpec {
    /// Unique in the scenario: lower-case letters, digits and hyphens.
    #[schemars(regex(pattern = r"^[a-z]([-a-z0-9]{0,40}[a-z0-9])?$"))]
    pub name: Located<String>,
    /// Only in these profiles (default: in every one). Expectations that name a phase come and go with it.
    #[serde(default)]
    pub profiles: Vec<Profile>,
    /// What is done, each `after` its time from the phase's begin.
    #[serde(default, rename = "do")]
    pub actions: Vec<Located<ActionSpec>>,
    /// The condition that ends the phase, or a list of them that must all hold at once. It needs `within`.
    #[serde(default)]
    pub until: Option<Located<Conditions>>,
    /// The deadline of `until`, from the phase's begin. There is no default: a wait without a limit is not a test.
    #[serde(default)]
    pub within: Option<Setting<Span>>,
    /// How long the phase lasts, where it has no condition.
    #[serde(default, rename = "for")]
    pub hold: Option<Setting<Span>>,
}

/// One action: exactly one of its keys beside `after`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["scale"]},
    {"required": ["replace"]},
    {"required": ["commit"]},
    {"required": ["revert"]},
    {"required": ["load"]},
    {"required": ["publishNodeImage"]},
    {"required": ["upgradeKubernetes"]},
    {"required": ["azureFault"]},
    {"required": ["clearAzureFaults"]},
    {"required": ["killComponent"]},
    {"required": ["startComponent"]},
    {"required": ["change"]},
    {"required": ["reconcile"]},
    {"required": ["publishImage"]},
    {"required": ["gitFault"]},
    {"required": ["clearGitFaults"]},
    {"required": ["forcePush"]},
]))]
pub struct ActionSpec {
    /// When, from the phase's begin (default: 0s).
    #[serde(default)]
    pub after: Option<Setting<Span>>,
    /// Set the replicas of workloads.
    #[serde(default)]
    pub scale: Option<ScaleSpec>,
    /// Delete Ready pods, the oldest first, so that their Deployments make others.
    #[serde(default)]
    pub replace: Option<ReplaceSpec>,
    /// Change the tree and push the commit. Needs gitops.
    #[serde(default)]
    pub commit: Option<CommitSpec>,
    /// Take back the newest commit of the run: `revert: {}`. Needs gitops.
    #[serde(default)]
    pub revert: Option<Nothing>,
    /// Say what the pods of a workload use from now on. Needs metrics-api.
    #[serde(default)]
    pub load: Option<LoadSpec>,
    /// Let Azure publish a new version of every node image: `publishNodeImage: {}`. Needs simulated-azure.
    #[serde(default)]
    pub publish_node_image: Option<Nothing>,
    /// Upgrade the control plane to the next patch version: `upgradeKubernetes: {}`. Needs simulated-azure.
    #[serde(default)]
    pub upgrade_kubernetes: Option<Nothing>,
    /// Let something go wrong in the simulated Azure. Needs simulated-azure.
    #[serde(default)]
    pub azure_fault: Option<Fault>,
    /// End every fault of the simulated Azure: `clearAzureFaults: {}`. Needs simulated-azure.
    #[serde(default)]
    pub clear_azure_faults: Option<Nothing>,
    /// Send SIGKILL to a component of the local cluster, such as `karpenter`. Needs component-control.
    #[serde(default)]
    pub kill_component: Option<Located<String>>,
    /// Start a component that was killed. Needs component-control.
    #[serde(default)]
    pub start_component: Option<Located<String>>,
    /// Change an object behind the back of whoever declares it. Needs gitops.
    #[serde(default)]
    pub change: Option<ChangeSpec>,
    /// Ask Flux to fetch at once, and every Kustomization to apply, those first that others depend on: `reconcile: {}`. Needs gitops.
    #[serde(default)]
    pub reconcile: Option<Nothing>,
    /// Push an image of nearly nothing to the run's own part of the target's registry. In the tree and in commits, `{registry}` becomes its
    /// address, so that `{registry}/demo-app:1.0.0` names the image demo-app. Needs image-registry.
    #[serde(default)]
    pub publish_image: Option<PublishImageSpec>,
    /// Let the Git server do something wrong; another fault takes its place. The run's own commits go through. Needs component-control.
    #[serde(default)]
    pub git_fault: Option<GitFault>,
    /// End the fault of the Git server: `clearGitFaults: {}`. Needs component-control.
    #[serde(default)]
    pub clear_git_faults: Option<Nothing>,
    /// Drop the run's newest commits and push another in their place. Needs gitops.
    #[serde(default)]
    pub force_push: Option<ForcePushSpec>,
}

/// `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// New replicas for workloads.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScaleSpec {
    /// Which workloads; `all` includes the derived ones.
    pub workloads: Located<Selection>,
    /// Replicas of each of them afterwards.
    pub to: Setting<u32>,
    /// When each pod is asked for (default: burst). Latencies count from these moments, whatever the cluster does meanwhile.
    #[serde(default)]
    pub arrival: Option<Located<ArrivalSpec>>,
}

/// Pods to delete.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplaceSpec {
    /// Which workloads; `all` includes the derived ones.
    pub workloads: Located<Selection>,
    /// How many pods of each of them.
    pub count: Setting<u32>,
    /// When each of them is deleted (default: burst). Latencies of the pods that follow count from these moments.
    #[serde(default)]
    pub arrival: Option<Located<ArrivalSpec>>,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommitSpec {
    /// What it changes. A text `{cron+1m}` becomes the cron expression of the minute that is so far from the push.
    #[serde(default)]
    pub edits: Vec<TreeEdit>,
    /// The first line of its message (default: the phase's name).
    #[serde(default)]
    pub message: Option<String>,
    /// How Flux comes to know of it (default: annotation).
    #[serde(default)]
    pub trigger: Option<TriggerSpec>,
    /// Many objects alike that it adds, after the edits.
    #[serde(default)]
    pub add_many: Vec<AddManySpec>,
    /// So many commits instead of one. `{n}` in the texts of the edits and in the message is the number of the commit, from 1.
    #[serde(default)]
    pub times: Option<Setting<u32>>,
    /// When each of them is due (default: burst). One is pushed after another: a push that is not answered yet holds up the next.
    #[serde(default)]
    pub arrival: Option<Located<ArrivalSpec>>,
}

/// What the pods of a workload use together; what is not given stays as it was.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadSpec {
    /// The workload.
    pub workload: Located<String>,
    /// CPU of all its pods, spread evenly.
    #[serde(default)]
    pub cpu: Option<Setting<Millicores>>,
    /// Memory of all its pods, spread evenly.
    #[serde(default)]
    pub memory: Option<Setting<Bytes>>,
    /// The application's own metrics by name, the sum over its pods.
    #[serde(default)]
    pub pod_metrics: BTreeMap<String, Setting<u32>>,
    /// Metrics of something outside the cluster, by name.
    #[serde(default)]
    pub external_metrics: BTreeMap<String, Setting<u32>>,
}

/// When each pod is asked for. Rates are those of each workload, not of all together.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum ArrivalSpec {
    /// All at once.
    Burst,
    /// Evenly, the first at once.
    #[serde(rename_all = "camelCase")]
    Constant {
        /// Pods in a second.
        per_second: Setting<Rate>,
    },
    /// At a rate that rises or falls evenly until the last pod.
    #[serde(rename_all = "camelCase")]
    Ramp {
        /// Pods in a second at the begin.
        from_per_second: Setting<Rate>,
        /// Pods in a second at the end.
        to_per_second: Setting<Rate>,
    },
    /// At a rate for each stretch of time; the last rate lasts until the last pod.
    Steps(Vec<RateStep>),
    /// At random with this mean rate; the seed decides the moments.
    #[serde(rename_all = "camelCase")]
    Poisson {
        /// Pods in a second, in the mean.
        per_second: Setting<Rate>,
    },
}

/// A stretch of time with one rate.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateStep {
    /// Pods in a second.
    pub per_second: Setting<Rate>,
    /// For how long.
    #[serde(rename = "for")]
    pub duration: Setting<Span>,
}
