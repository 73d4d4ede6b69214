//! What is on the target and is not the run's: before the first action and after cleanup.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AzureFact, Milestone};

/// What was on the target and is not the run's, at one moment. Objects with a controller among their owners are left out, as well as Jobs that end
/// by themselves: others delete those at any time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The moment.
    pub moment: InventoryMoment,
    /// The objects. Those of after cleanup are the ones of these that are still there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<InventoryObject>,
    /// The VMs of the simulated Azure, in the same way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vms: Vec<InventoryVm>,
    /// Kinds that the run may not list.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unread: BTreeSet<String>,
}

/// When an inventory was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InventoryMoment {
    /// Before the run changed anything, and after what earlier runs had left was undone.
    Before,
    /// After cleanup.
    After,
}

/// An object that is not the run's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryObject {
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// `metadata.generation`, which grows with each change of what is asked for; `None` for kinds without one, such as Node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// Of a NodeClaim and a Node: the NodePool.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nodepool: String,
    /// Of a Node: the NodeClaim.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nodeclaim: String,
    /// Of a Node: whether it is not Ready; of a NodeClaim: whether no Node is registered for it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_unready: bool,
    /// Of a NodeClaim with `spec.expireAfter`: when Karpenter deletes it for its age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// The Flux Kustomization that applies it, as `namespace/name`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub applied_by: String,
    /// Whether an autoscaler has set its replicas, and with them its generation.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_autoscaled: bool,
    /// When it was written last, what an autoscaler sets and its status apart, in whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_at: Option<Timestamp>,
    /// Who has written it then, where another generation was found: a field manager.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub written_by: String,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl InventoryObject {
    /// Whether both are the object of one name, of whatever UID.
    pub fn has_name_of(&self, other: &Self) -> bool {
        (&self.kind, &self.namespace, &self.name) == (&other.kind, &other.namespace, &other.name)
    }
}

impl fmt::Display for InventoryObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{} {}", self.kind, self.name),
            namespace => write!(f, "{} {namespace}/{}", self.kind, self.name),
        }
    }
}

/// A VM that is not the run's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryVm {
    /// Its name.
    pub name: String,
    /// Which creation of a VM it is ([`AzureFact::instance`]).
    pub instance: u64,
    /// Its NodeClaim.
    pub nodeclaim: String,
    /// Its NodePool; empty where it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nodepool: String,
}

/// What became of something during the run that is not the run's. It counts in no figure of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfOthers {
    /// A NodeClaim reached a milestone.
    Milestone(Milestone),
    /// A fact about a VM.
    Azure(Box<AzureFact>),
}
