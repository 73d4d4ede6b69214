//! Nodes, for the checks about them.

use super::outcome::Evidence;
use crate::latency::Source;
use crate::timeline::{ClaimTimeline, NodeTimeline, Placed, Provenance, Stamp};

/// A NodeClaim with its Node.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) index: usize,
    pub(super) claim: &'a ClaimTimeline,
    node: Option<&'a NodeTimeline>,
    source: &'a Source<'a>,
}

/// The NodeClaims of a pool, in the order in which they were first seen.
pub(super) fn of_pool<'a>(pool: &str, evidence: &Evidence<'a>) -> Vec<Node<'a>> {
    let source = evidence.source;
    let timelines = source.timelines;
    let claims = timelines.nodes.claims.iter().enumerate();
    claims
        .filter(|(index, _)| timelines.names.text(source.join.placed(*index).nodepool) == pool)
        .map(|(index, claim)| Node { index, claim, node: source.join.node(index), source })
        .collect()
}

impl<'a> Node<'a> {
    pub(super) fn name(&self) -> &'a str {
        self.source.timelines.names.text(self.claim.name)
    }

    pub(super) fn placed(&self) -> Placed {
        self.source.join.placed(self.index)
    }

    /// What it was made from.
    pub(super) fn made(&self) -> Provenance {
        self.source.join.made(self.index)
    }

    /// Its Node was Ready for the first time.
    pub(super) fn ready_us(&self) -> Option<u64> {
        self.node?.ready.map(Stamp::at_us)
    }

    /// The deletion of the NodeClaim or the Node started.
    pub(super) fn deletion_us(&self) -> Option<u64> {
        let of_node = self.node.and_then(|node| node.deleting.or(node.deleted));
        let stamps = [self.claim.deleting, self.claim.deleted, of_node];
        stamps.into_iter().flatten().map(Stamp::at_us).min()
    }

    /// NodeClaim and Node are gone.
    pub(super) fn gone_us(&self) -> Option<u64> {
        let deleted_us = self.claim.deleted?.at_us();
        match self.node {
            Some(node) => Some(deleted_us.max(node.deleted?.at_us())),
            None => Some(deleted_us),
        }
    }

    /// Whether it had been Ready by then and was not being deleted.
    pub(super) fn there(&self, at_us: u64) -> bool {
        self.ready_us().is_some_and(|us| us <= at_us) && self.deletion_us().is_none_or(|us| us > at_us)
    }

    /// Why it was disrupted; empty where the log does not say.
    pub(super) fn reason(&self) -> &'a str {
        match self.source.timelines.names.text(self.claim.reason) {
            "" if self.claim.drifted.is_some() => "Drifted",
            reason => reason,
        }
    }

    /// From when to when it was being disrupted: from the choice (or the deletion) to its end, or until it was spared.
    pub(super) fn disruptions(&self) -> Vec<(u64, u64)> {
        let end_us = self.claim.deleted.map_or(u64::MAX, Stamp::at_us);
        let deletion_us = self.claim.deletion().map(Stamp::at_us);
        let mut spans = Vec::new();
        let mut since = self.claim.disrupted.map(Stamp::at_us);
        for (at_us, chosen) in &self.claim.choices {
            match since {
                Some(from_us) if !chosen => {
                    spans.push((from_us, (*at_us).min(end_us)));
                    since = None;
                }
                None if *chosen => since = Some(*at_us),
                _ => {}
            }
        }
        // A deletion without a choice (repair, expiry, a person) is a disruption from then on.
        if let Some(from_us) = since.into_iter().chain(deletion_us).min() {
            spans.push((from_us, end_us));
        }
        spans.retain(|(from_us, to_us)| from_us < to_us);
        spans
    }
}

/// The pools of a check that a workload of the plan targets: about the others nothing can be said.
pub(super) fn used<'p>(nodepools: &'p [String], evidence: &Evidence<'_>) -> Vec<&'p str> {
    let workloads = &evidence.source.plan.workloads;
    let used = |pool: &str| {
        workloads.iter().any(|workload| !workload.stays_pending && workload.classes().any(|class| class == pool))
    };
    nodepools.iter().map(String::as_str).filter(|pool| used(pool)).collect()
}
