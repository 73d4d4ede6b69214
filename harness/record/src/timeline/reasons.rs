//! Controllers' own reasons, counted.

use std::collections::BTreeMap;

use crate::event::Reason;
use crate::names::owner;

/// The owner of an object by its generated name, so that thousands of objects are a few lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReasonKey {
    pub(crate) kind: String,
    /// Of a Pod and a ReplicaSet its Deployment, of a NodeClaim its NodePool, otherwise the object itself.
    pub(crate) owner: String,
    pub(crate) reason: String,
}

/// How often a reason was given, between when, and the message.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ReasonTally {
    pub(crate) count: u64,
    pub(crate) first_us: u64,
    pub(crate) last_us: u64,
    pub(crate) message: String,
}

/// The reason of a disruption that Karpenter would like and may not do.
pub(crate) const DISRUPTION_BLOCKED: &str = "DisruptionBlocked";

/// Why a node is not disrupted at the moment: states that each node passes through, and that hinder nothing (sigs.k8s.io/karpenter
/// `pkg/controllers/state/statenode.go`, `ValidateNodeDisruptable`; the events begin with a capital letter).
const PASSING: [&str; 4] = [
    "Nodeclaim does not have an associated node",
    "Node isn't initialized",
    "Node is deleting or marked for deletion",
    "Node is nominated for a pending pod",
];

/// The largest number of keys: a run has a few pools and workloads.
const KEYS_MAX: usize = 1_000;

/// Warnings by owner.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reasons {
    pub(crate) all: BTreeMap<ReasonKey, ReasonTally>,
}

impl Reasons {
    pub(crate) fn apply(&mut self, at_us: u64, reason: &Reason) {
        // Karpenter says what blocks a disruption in a Normal event (sigs.k8s.io/karpenter `pkg/controllers/disruption/events`, `Blocked`).
        let blocked = reason.reason == DISRUPTION_BLOCKED;
        if reason.severity != "Warning" && !blocked || blocked && PASSING.contains(&reason.message.as_str()) {
            return;
        }
        let owner = owner(&reason.kind, &reason.name);
        let key = ReasonKey { kind: reason.kind.clone(), owner: owner.to_owned(), reason: reason.reason.clone() };
        if self.all.len() >= KEYS_MAX && !self.all.contains_key(&key) {
            return;
        }
        let given = self.all.entry(key).or_insert_with(|| ReasonTally { first_us: at_us, ..ReasonTally::default() });
        given.count += 1;
        given.first_us = given.first_us.min(at_us);
        given.last_us = given.last_us.max(at_us);
        // Karpenter says why no node can be made; the scheduler only that none is there yet.
        if given.message.is_empty() || !is_schedulers(&reason.message) {
            given.message = reason.message.clone();
        }
    }

    /// Forgets the reasons that were first given at this moment or later.
    pub(crate) fn forget_from(&mut self, from_us: u64) {
        self.all.retain(|_, given| given.first_us < from_us);
    }
}

/// kube-scheduler's `0/5 nodes are available: ...` and, where there is no node, `no nodes available to schedule pods`.
pub(crate) fn is_schedulers(message: &str) -> bool {
    message.starts_with("no nodes available to schedule pods")
        || message.starts_with(|c: char| c.is_ascii_digit()) && message.contains("nodes are available")
}
