//! Happenings and the conditions that end phases.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Setting;
use crate::Span;
use crate::plan::{Happening, What};
use crate::yaml::Located;

/// The condition that ends a phase.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "Until")]
pub enum UntilSpec {
    /// As many pods Ready as are asked for, for every workload but those that stay pending.
    AllPodsReady,
    /// No pod of the run is left.
    NoPods,
    /// No Node, no NodeClaim and, where the target can tell, no VM is left.
    NoNodes,
    /// Every node that was there when the phase began is gone, and as many pods are Ready as are asked for.
    AllNodesReplaced,
    /// Nothing has happened to any pod, node or VM for this long.
    Settled(Setting<Span>),
    /// Something has happened so often since the phase began.
    Happened(Box<HappenedSpec>),
    /// So many nodes.
    Nodes(NodesSpec),
    /// So many Ready pods of a workload.
    ReadyPods(ReadyPodsSpec),
}

impl UntilSpec {
    /// Its key as a scenario writes it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::AllPodsReady => "all-pods-ready",
            Self::NoPods => "no-pods",
            Self::NoNodes => "no-nodes",
            Self::AllNodesReplaced => "all-nodes-replaced",
            Self::Settled(_) => "settled",
            Self::Happened(_) => "happened",
            Self::Nodes(_) => "nodes",
            Self::ReadyPods(_) => "ready-pods",
        }
    }
}

/// Something that happens, how often, and in which phases.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Happened")]
pub struct HappenedSpec {
    /// What happens.
    pub what: What,
    /// Only to pods of this workload.
    #[serde(default)]
    pub workload: Option<Located<String>>,
    /// Only to nodes of this NodePool.
    #[serde(default)]
    pub nodepool: Option<Located<String>>,
    /// Only to nodes of this size, such as Standard_D4s_v3.
    #[serde(default)]
    pub instance_type: Option<String>,
    /// Only to `spot` or `on-demand` nodes.
    #[serde(default)]
    pub capacity_type: Option<String>,
    /// Only in this zone, such as eastus-1 or 1.
    #[serde(default)]
    pub zone: Option<String>,
    /// Only with this code of Azure, or this reason of a controller.
    #[serde(default)]
    pub code: Option<String>,
    /// Only where the message contains this.
    #[serde(default)]
    pub says: Option<String>,
    /// No less often.
    #[serde(default)]
    pub at_least: Option<Setting<u32>>,
    /// No more often.
    #[serde(default)]
    pub at_most: Option<Setting<u32>>,
    /// Only in these phases (default: in all of them).
    #[serde(default, rename = "in")]
    pub phases: Vec<Located<String>>,
}

impl HappenedSpec {
    /// What is counted, without how often and where.
    pub fn happening(&self) -> Happening {
        let value = |located: &Option<Located<String>>| located.as_ref().map(|name| name.value.clone());
        Happening {
            what: self.what,
            workload: value(&self.workload),
            nodepool: value(&self.nodepool),
            instance_type: self.instance_type.clone(),
            capacity_type: self.capacity_type.clone(),
            zone: self.zone.clone(),
            code: self.code.clone(),
            says: self.says.clone(),
        }
    }
}

/// A number of nodes. At least one of the bounds.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Nodes")]
pub struct NodesSpec {
    /// Only of this NodePool.
    #[serde(default)]
    pub nodepool: Option<Located<String>>,
    /// No fewer.
    #[serde(default)]
    pub at_least: Option<Setting<u32>>,
    /// No more.
    #[serde(default)]
    pub at_most: Option<Setting<u32>>,
}

/// A number of Ready pods. At least one of the bounds.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ReadyPods")]
pub struct ReadyPodsSpec {
    /// Of this workload.
    pub workload: Located<String>,
    /// No fewer.
    #[serde(default)]
    pub at_least: Option<Setting<u32>>,
    /// No more.
    #[serde(default)]
    pub at_most: Option<Setting<u32>>,
}
