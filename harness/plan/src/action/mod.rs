//! What can be done to a cluster and its cloud, a file for each verb.
//!
//! A scenario asks for an action in one line that may be about several workloads and may spread over time. A plan has it unfolded: one
//! workload, one step, one moment.

mod azure_fault;
mod change;
mod commit;
mod delete_node_claims;
mod load;
mod publish_image;
mod replace;
mod scale;

use std::fmt;

use harness_catalogue::Component;
use harness_simulation::{AzurePrice, GitFault};
use harness_units::Span;
use harness_yaml::{Beside, Problem, Tagged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use azure_fault::{AzureFault, ClearAzureFaults};
pub use change::{Change, ChangeKind};
pub use commit::{AddMany, Commit, ForcePush};
pub use delete_node_claims::DeleteNodeClaims;
pub use load::Load;
pub use publish_image::PublishImage;
pub use replace::Replace;
pub use scale::Scale;

use crate::{Capability, Names};

/// An action and the moment at which it is due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedAction {
    /// Unique within the plan; events refer to it.
    pub id: u32,
    /// Intended time in microseconds after the start of the phase. The driver is an open loop: it does not wait for earlier actions, and
    /// latencies count from here.
    pub at_us: u64,
    /// What is done.
    pub action: Action,
}

/// An action as a scenario asks for it.
pub type TimedAction = Tagged<Action, After>;

/// When an action is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct After {
    /// When, from the start of the phase (default: 0s).
    #[serde(skip_serializing_if = "is_zero")]
    pub after: Span,
}

fn is_zero(span: &Span) -> bool {
    *span == Span::ZERO
}

impl Beside for After {
    const KEYS: &'static [&'static str] = &["after"];
}

/// What can be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr, strum::VariantNames)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum Action {
    /// Set the replicas of workloads.
    Scale(Scale),
    /// Delete Ready pods, the oldest first, so that their Deployments create others.
    Replace(Replace),
    /// Delete NodeClaims of a NodePool, as `kubectl delete nodeclaim` does. Needs node-auto-provisioning.
    DeleteNodeClaims(DeleteNodeClaims),
    /// Change the tree and push the commit. Needs gitops.
    Commit(Commit),
    /// Revert the newest commit of the run (`git revert`): `revert: {}`. Needs gitops.
    Revert(Nothing),
    /// Set what the pods of a workload use from now on. Needs metrics-api.
    Load(Load),
    /// Let Azure publish a new version of every node image: `publishNodeImage: {}`. Needs simulated-azure.
    PublishNodeImage(Nothing),
    /// Upgrade the control plane to the next patch version: `upgradeKubernetes: {}`. Needs simulated-azure.
    UpgradeKubernetes(Nothing),
    /// Let something go wrong in the simulated Azure. Needs simulated-azure.
    AzureFault(AzureFault),
    /// End one fault of the simulated Azure, or every one: `clearAzureFaults: {}`. Needs simulated-azure.
    ClearAzureFaults(ClearAzureFaults),
    /// Let VMs cost more or less from now on. The NAP controller reads the price list when it starts and then every 12 hours, so it is started again.
    /// Needs simulated-azure.
    AzurePrice(AzurePrice),
    /// Send SIGKILL to a component of the local cluster, such as `karpenter`. Needs component-control.
    KillComponent(Component),
    /// Start a component that was killed. Needs component-control.
    StartComponent(Component),
    /// Change an object behind the back of its owner. Needs gitops.
    Change(Change),
    /// Ask Flux to fetch at once, and every Kustomization to apply, in the order of their dependencies: `reconcile: {}`. Needs gitops.
    Reconcile(Nothing),
    /// Push a nearly empty image to the run's own part of the target's registry. In the tree and in commits, `{registry}` becomes its address,
    /// so that `{registry}/demo-app:1.0.0` names the image demo-app. Needs image-registry.
    PublishImage(PublishImage),
    /// Let the Git server do something wrong; another fault takes its place. The run's own commits go through. Needs component-control.
    GitFault(GitFault),
    /// End the fault of the Git server: `clearGitFaults: {}`. Needs component-control.
    ClearGitFaults(Nothing),
    /// Drop the run's newest commits and push another in their place. Needs gitops.
    ForcePush(ForcePush),
}

/// `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl Action {
    /// The key of the variant.
    pub fn as_str(&self) -> &'static str {
        self.into()
    }

    /// What a target must offer for it.
    pub const fn needs(&self) -> Capability {
        match self {
            Self::Scale(_) | Self::Replace(_) | Self::DeleteNodeClaims(_) => Capability::NodeAutoProvisioning,
            Self::Commit(_) | Self::Revert(_) | Self::ForcePush(_) | Self::Change(_) | Self::Reconcile(_) => {
                Capability::Gitops
            }
            Self::Load(_) => Capability::MetricsApi,
            Self::PublishNodeImage(_)
            | Self::UpgradeKubernetes(_)
            | Self::AzureFault(_)
            | Self::ClearAzureFaults(_)
            | Self::AzurePrice(_) => Capability::SimulatedAzure,
            Self::KillComponent(_) | Self::StartComponent(_) | Self::GitFault(_) | Self::ClearGitFaults(_) => {
                Capability::ComponentControl
            }
            Self::PublishImage(_) => Capability::ImageRegistry,
        }
    }

    /// Whether it pushes a commit.
    pub const fn pushes(&self) -> bool {
        matches!(self, Self::Commit(_) | Self::Revert(_) | Self::ForcePush(_))
    }

    /// Whether Flux can recover by it from what it failed at.
    pub fn repairs(&self) -> bool {
        match self {
            Self::StartComponent(component) => component.applies_trees(),
            other => other.pushes() || matches!(other, Self::ClearGitFaults(_)),
        }
    }

    /// Whether nodes can be disrupted by it for another reason than having no pods.
    pub const fn disrupts_nodes(&self) -> bool {
        match self {
            Self::AzureFault(asked) => asked.fault.kind.is_instant(),
            Self::DeleteNodeClaims(_)
            | Self::Commit(_)
            | Self::ForcePush(_)
            | Self::PublishNodeImage(_)
            | Self::UpgradeKubernetes(_)
            // Karpenter replaces nodes by cheaper ones.
            | Self::AzurePrice(_) => true,
            _ => false,
        }
    }

    /// The edits of the tree that it commits.
    pub fn edits(&self) -> &[crate::TreeEdit] {
        match self {
            Self::Commit(commit) => &commit.edits,
            Self::ForcePush(push) => &push.edits,
            _ => &[],
        }
    }

    /// What the types cannot rule out, with paths from the action.
    pub fn problems(&self, names: &Names<'_>) -> Vec<Problem> {
        let found = match self {
            Self::Scale(scale) => scale.problems(names),
            Self::Replace(replace) => replace.problems(names),
            Self::DeleteNodeClaims(delete) => delete.problems(),
            Self::Commit(commit) => commit.problems(),
            Self::ForcePush(push) => push.problems(),
            Self::Load(load) => load.problems(names),
            Self::AzureFault(asked) => asked.problems(names),
            Self::ClearAzureFaults(asked) => asked.problems(names),
            Self::AzurePrice(price) => price.problems(),
            Self::GitFault(fault) => fault.problems(),
            Self::Change(change) => change.problems(names),
            Self::Revert(_)
            | Self::PublishNodeImage(_)
            | Self::UpgradeKubernetes(_)
            | Self::Reconcile(_)
            | Self::PublishImage(_)
            | Self::KillComponent(_)
            | Self::StartComponent(_)
            | Self::ClearGitFaults(_) => Vec::new(),
        };
        found.into_iter().map(|problem| problem.under(self.as_str())).collect()
    }
}

/// In a few words, for logs and reports.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scale(scale) => scale.fmt(f),
            Self::Replace(replace) => replace.fmt(f),
            Self::DeleteNodeClaims(delete) => delete.fmt(f),
            Self::Commit(commit) => write!(f, "commit `{}`", commit.message.as_deref().unwrap_or_default()),
            Self::Revert(_) => f.write_str("revert"),
            Self::Load(load) => write!(f, "load {}", load.workload),
            Self::PublishNodeImage(_) => f.write_str("publish node image"),
            Self::UpgradeKubernetes(_) => f.write_str("upgrade kubernetes"),
            Self::AzureFault(asked) => write!(f, "azure fault {}", asked.fault.kind.as_str()),
            Self::ClearAzureFaults(ClearAzureFaults { id: Some(id) }) => write!(f, "clear azure fault {id}"),
            Self::ClearAzureFaults(ClearAzureFaults { id: None }) => f.write_str("clear azure faults"),
            Self::AzurePrice(price) => price.fmt(f),
            Self::KillComponent(name) => write!(f, "kill {name}"),
            Self::StartComponent(name) => write!(f, "start {name}"),
            Self::Change(change) => change.fmt(f),
            Self::Reconcile(_) => f.write_str("reconcile"),
            Self::PublishImage(image) => write!(f, "publish image {}:{}", image.image, image.tag),
            Self::GitFault(fault) => fault.fmt(f),
            Self::ClearGitFaults(_) => f.write_str("clear git faults"),
            Self::ForcePush(push) => write!(f, "force-push `{}`", push.message.as_deref().unwrap_or_default()),
        }
    }
}
