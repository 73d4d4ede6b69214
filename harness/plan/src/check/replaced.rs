//! Nodes that are replaced by others.

use std::fmt;

use harness_units::count;
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope};
use crate::Selection;
use crate::event_pattern::disruption_reason;

/// The nodes that existed when the phase started were replaced by others, for the reason that was to be caused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Replaced {
    /// The NodePools whose nodes are checked.
    pub nodepools: Selection,
    /// In this phase.
    #[serde(rename = "in")]
    pub phase: String,
    /// The reason of the NodeClaims' disruption, such as Drifted or Underutilized (default: any).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Minimum number of nodes that were replaced (default: all that existed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u32>,
    /// What must be different on the new nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs_in: Option<NodeProperty>,
    /// Whether no node that was created in the phase may be deleted in it for the reason: nothing is replaced twice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
}

/// What a node is made from: the difference between an old and a new node.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum NodeProperty {
    /// The NodePool's template: annotation `karpenter.sh/nodepool-hash` of the NodeClaim.
    NodepoolHash,
    /// The AKSNodeClass: annotation `karpenter.azure.com/aksnodeclass-hash` of the NodeClaim.
    NodeclassHash,
    /// The node image: `status.imageID` of the NodeClaim.
    Image,
    /// The kubelet's version: `status.nodeInfo.kubeletVersion` of the Node.
    KubeletVersion,
}

impl NodeProperty {
    /// The name as scenarios write it, and the attribute's key in the log.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Expected for Replaced {
    fn scope(&self) -> Scope<'_> {
        Scope { phase: Some(("in", &self.phase)), ..Scope::of_nodepools(&self.nodepools) }
    }

    fn problems(&self, _: &Facts<'_>) -> Vec<Problem> {
        let found = Problem::new(&["atLeast"], "at least 0 nodes are always replaced", "give a number above 0");
        let mut found: Vec<Problem> = (self.at_least == Some(0)).then_some(found).into_iter().collect();
        found.extend(disruption_reason(&["reason"], self.reason.as_deref()));
        found
    }
}

impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at_least {
            Some(least) => write!(f, "at least {}", count(least, "node"))?,
            None => f.write_str("all nodes")?,
        }
        write!(f, " of {} replaced", self.nodepools.describe("nodepools"))?;
        if self.once {
            f.write_str(" once")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        if let Some(property) = self.differs_in {
            write!(f, " with a different {property}")?;
        }
        write!(f, " in {}", self.phase)
    }
}
