//! Phases and the conditions that end them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Field, Happening, PlannedAction};
use harness_units::Span;

/// One step of a run: its actions are sent at their times, then its condition is awaited or its time is held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// Unique within the plan.
    pub name: String,
    /// In the order of their times.
    pub actions: Vec<PlannedAction>,
    /// The condition that ends the phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
    /// The phase's deadline, from its begin; always there when `until` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// How long the phase is held, from its begin, where it has no condition.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold: Option<Span>,
}

/// The condition that ends a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Until {
    /// As many pods Ready as the plan asks for, for every workload that is not a negative control.
    AllPodsReady,
    /// No pod of the run is left.
    NoPods,
    /// No Node, no NodeClaim and, where the target can tell, no VM is left.
    NoNodes,
    /// Every NodeClaim that was there when the phase began is gone, and as many pods are Ready as the plan asks for.
    AllNodesReplaced,
    /// For this long no pod, NodeClaim, Node or VM has reached anything.
    Settled(Span),
    /// Something has happened so often since the phase began.
    Happened {
        /// What.
        of: Happening,
        /// How often.
        at_least: u32,
    },
    /// So many NodeClaims that are not being deleted.
    Nodes {
        /// Only those of this NodePool.
        nodepool: Option<String>,
        /// No fewer.
        at_least: Option<u32>,
        /// No more.
        at_most: Option<u32>,
    },
    /// So many Ready pods of a workload.
    ReadyPods {
        /// The workload's name.
        workload: String,
        /// No fewer.
        at_least: Option<u32>,
        /// No more.
        at_most: Option<u32>,
    },
    /// Flux has applied the newest revision that the run has pushed, and its health checks have passed: the root Kustomization, by that
    /// very revision.
    InForce,
    /// The field of an object is what it must be.
    Field(Field),
    /// All of these at once.
    All(Vec<Until>),
}

impl Until {
    /// The conditions that it is made of: itself, or all that must hold at once.
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::All(parts) => parts.iter().flat_map(Self::parts).collect(),
            part => vec![part],
        }
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllPodsReady => f.write_str("all-pods-ready"),
            Self::NoPods => f.write_str("no-pods"),
            Self::NoNodes => f.write_str("no-nodes"),
            Self::AllNodesReplaced => f.write_str("all-nodes-replaced"),
            Self::Settled(span) => write!(f, "settled for {span}"),
            Self::Happened { of, at_least } => write!(f, "at least {at_least} x {of}"),
            Self::Nodes { nodepool, at_least, at_most } => {
                let of = nodepool.as_ref().map_or(String::new(), |pool| format!(" of {pool}"));
                write!(f, "{} nodes{of}", super::check::bounds(*at_least, *at_most))
            }
            Self::ReadyPods { workload, at_least, at_most } => {
                write!(f, "{} Ready pods of {workload}", super::check::bounds(*at_least, *at_most))
            }
            Self::Field(field) => field.fmt(f),
            Self::All(parts) => {
                let texts: Vec<String> = parts.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join(" and "))
            }
            Self::InForce => f.write_str("in-force"),
        }
    }
}
