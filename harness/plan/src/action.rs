//! What is done, and when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Change, TreeEdit, Trigger};
use harness_simulation::{Fault, GitFault};
use harness_units::{Bytes, Millicores};

/// An action and the moment at which it is due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedAction {
    /// Unique within the plan; events refer to it.
    pub id: u32,
    /// Intended time in microseconds after the phase's begin. The driver is an open loop: it does not wait for
    /// earlier actions, and latencies count from here.
    pub at_us: u64,
    /// What is done.
    pub action: Action,
}

/// What can be done to a cluster and its cloud.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Set a Deployment's replicas.
    Scale {
        /// The workload's name.
        workload: String,
        /// Replicas before, by the plan.
        from: u32,
        /// Replicas after.
        to: u32,
    },
    /// Delete the workload's oldest Ready pod, so that its Deployment makes another.
    Replace {
        /// The workload's name.
        workload: String,
    },
    /// Change the tree and push the commit.
    Commit {
        /// In this order.
        edits: Vec<TreeEdit>,
        /// The first line of the commit's message.
        message: String,
        /// How Flux comes to know of it.
        #[serde(default)]
        trigger: Trigger,
    },
    /// Take back the newest commit of the run with a commit that does the opposite (`git revert`).
    Revert,
    /// What the pods of a workload use from now on, as the metrics API of the target says it.
    Load(Load),
    /// Azure publishes a new version of every node image.
    PublishNodeImage,
    /// The control plane is upgraded to the next patch version.
    UpgradeKubernetes,
    /// Let something go wrong in the simulated Azure.
    AzureFault(Fault),
    /// End every fault of the simulated Azure.
    ClearAzureFaults,
    /// Send SIGKILL to a component of the local cluster.
    KillComponent {
        /// Such as `karpenter`.
        component: String,
    },
    /// Start a killed component again.
    StartComponent {
        /// Such as `karpenter`.
        component: String,
    },
    /// Somebody changes an object of the cluster.
    Change(Change),
    /// Ask Flux to fetch now and then, in the order in which they depend on each other, every Kustomization to apply now.
    Reconcile,
    /// Push an image of nearly nothing to the target's registry.
    PublishImage {
        /// Its repository, such as `demo-app`.
        image: String,
        /// Its tag.
        tag: String,
    },
    /// Let something go wrong in the Git server.
    GitFault(GitFault),
    /// End the fault of the Git server.
    ClearGitFaults,
    /// Drop the run's newest commits and push another in their place: history is rewritten.
    ForcePush {
        /// How many are dropped; at least 1.
        back: u32,
        /// What the commit in their place changes, in this order.
        edits: Vec<TreeEdit>,
        /// The first line of its message.
        message: String,
    },
}

/// The components whose start lets Flux go on.
pub const FLUX_CONTROLLERS: [&str; 2] = ["kustomize-controller", "source-controller"];

/// What a workload's pods use together; what is not given stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// The workload's name.
    pub workload: String,
    /// CPU of all its pods together, spread evenly over those that are Ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Millicores>,
    /// Memory of all its pods together, spread evenly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// The application's own metrics, by name: the sum over its pods, spread evenly.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pod_metrics: BTreeMap<String, u64>,
    /// Metrics of something outside the cluster, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external_metrics: BTreeMap<String, u64>,
}
