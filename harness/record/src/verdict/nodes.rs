//! Nodes, for the checks about them.

use super::evidence::Evidence;
use crate::timeline::ClaimTimeline;

/// A NodeClaim by its index.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) index: usize,
    pub(super) claim: &'a ClaimTimeline,
}

/// The NodeClaims of a pool, in the order in which they were first seen.
pub(super) fn of_pool<'a>(pool: &str, evidence: &Evidence<'a>) -> Vec<Node<'a>> {
    let source = evidence.source;
    let timelines = source.timelines;
    let claims = timelines.nodes.claims.iter().enumerate();
    claims
        .filter(|(index, _)| timelines.names.text(source.join.placed(timelines, *index).nodepool) == pool)
        .map(|(index, claim)| Node { index, claim })
        .collect()
}

impl<'a> Node<'a> {
    pub(super) fn name(&self, evidence: &Evidence<'a>) -> &'a str {
        evidence.source.timelines.names.text(self.claim.name)
    }

    /// Its Node was Ready for the first time.
    pub(super) fn ready_us(&self, evidence: &Evidence<'_>) -> Option<u64> {
        let node = evidence.source.join.node(evidence.source.timelines, self.index)?;
        node.ready.map(|stamp| stamp.at_us())
    }

    /// The deletion of the NodeClaim or the Node started.
    pub(super) fn deletion_us(&self, evidence: &Evidence<'_>) -> Option<u64> {
        let node = evidence.source.join.node(evidence.source.timelines, self.index);
        let of_node = node.and_then(|node| node.deleting.or(node.deleted));
        let stamps = [self.claim.deleting, self.claim.deleted, of_node];
        stamps.into_iter().flatten().map(|stamp| stamp.at_us()).min()
    }

    /// NodeClaim and Node are gone.
    pub(super) fn gone_us(&self, evidence: &Evidence<'_>) -> Option<u64> {
        let deleted_us = self.claim.deleted?.at_us();
        match evidence.source.join.node(evidence.source.timelines, self.index) {
            Some(node) => Some(deleted_us.max(node.deleted?.at_us())),
            None => Some(deleted_us),
        }
    }

    /// Whether it had been Ready by then and was not being deleted.
    pub(super) fn there(&self, at_us: u64, evidence: &Evidence<'_>) -> bool {
        self.ready_us(evidence).is_some_and(|us| us <= at_us) && self.deletion_us(evidence).is_none_or(|us| us > at_us)
    }

    /// Why it was disrupted; empty where the log does not say.
    pub(super) fn reason(&self, evidence: &Evidence<'a>) -> &'a str {
        match evidence.source.timelines.names.text(self.claim.reason) {
            "" if self.claim.drifted.is_some() => "Drifted",
            reason => reason,
        }
    }

    /// From when to when it was being disrupted: from the choice (or the deletion) to its end, or until it was spared.
    pub(super) fn disruptions(&self) -> Vec<(u64, u64)> {
        let at = |stamp: Option<crate::timeline::Stamp>| stamp.map(|stamp| stamp.at_us());
        let end_us = at(self.claim.deleted).unwrap_or(u64::MAX);
        let deletion_us = at(self.claim.deleting.or(self.claim.deleted));
        let mut spans = Vec::new();
        let mut since = at(self.claim.disrupted);
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
    let used = |pool: &str| workloads.iter().any(|workload| workload.class == pool && !workload.stays_pending);
    nodepools.iter().map(String::as_str).filter(|pool| used(pool)).collect()
}
