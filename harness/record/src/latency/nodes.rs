//! Latencies of NodeClaims and Nodes.

use std::collections::HashMap;

use harness_plan::LatencyName;

use super::groups::{Grouping, Labels};
use super::source::{Source, between};
use crate::event::Seen;
use crate::samples::{Cause, Censored};
use crate::timeline::{PodTimeline, Stamp};

pub(super) fn collect(source: &Source<'_>, into: &mut Grouping<'_>) {
    let Source { timelines, join, horizon, .. } = source;
    let pods = pods_by_claim(source);
    for (index, claim) in timelines.nodes.claims.iter().enumerate() {
        let labels = labels(source, index);
        let gone_us = claim.deletion().map(|stamp| stamp.at_us());
        let missing = |from: Stamp| move || horizon.censor(from.at_us(), gone_us, false);
        let node_ready = join.node(index).and_then(|node| node.ready);
        if let Some(from) = claim.created {
            into.add(LatencyName::NodeProvisioning, Some(&labels), between(from, node_ready, missing(from)));
            into.add(LatencyName::NodeclaimLaunched, Some(&labels), between(from, claim.launched, missing(from)));
        }
        if let Some(from) = claim.launched {
            into.add(LatencyName::NodeclaimRegistered, Some(&labels), between(from, claim.registered, missing(from)));
        }
        if let Some(from) = claim.registered {
            let to = claim.initialized;
            into.add(LatencyName::NodeclaimInitialized, Some(&labels), between(from, to, missing(from)));
        }
        if let Some(from) = claim.deleting.filter(|_| claim.launched.is_some()) {
            let sample = between(from, gone(source, index), || {
                // It is followed into the cleanup, which is the reason for most terminations.
                Censored { at_least_us: horizon.end_us.saturating_sub(from.at_us()), cause: Cause::Open }
            });
            into.add(LatencyName::NodeTermination, Some(&labels), sample);
        }
        // In cleanup the harness deletes the pods itself.
        if let Some(from) = claim.deleting.filter(|from| from.at_us() < horizon.us) {
            let drained: Vec<Option<Stamp>> = pods.get(&index).map_or(Vec::new(), |pods| evicted(pods, from));
            if !drained.is_empty() {
                let all: Option<Vec<Stamp>> = drained.into_iter().collect();
                let last = all.and_then(|stamps| stamps.into_iter().reduce(later));
                let sample = between(from, last, || horizon.censor(from.at_us(), None, false));
                into.add(LatencyName::NodeDrained, Some(&labels), sample);
            }
        }
    }
}

/// How long empty nodes cost money.
pub(super) fn collect_idle(source: &Source<'_>, into: &mut Grouping<'_>) {
    let Source { timelines, join, horizon, .. } = source;
    let pods = pods_by_claim(source);
    for index in 0..timelines.nodes.claims.len() {
        let Some(pods) = pods.get(&index) else { continue };
        // A pod is still there: the node was never empty.
        let deleted: Option<Vec<Stamp>> = pods.iter().map(|pod| pod.deleted).collect();
        let Some(from) = deleted.and_then(|stamps| stamps.into_iter().max_by_key(|stamp| stamp.at_us())) else {
            continue;
        };
        let vm_gone_us = join.vm(index).and_then(|vm| vm.gone_us());
        // The harness deleted the pods, or they were lost with the VM.
        if from.at_us() >= horizon.us || vm_gone_us.is_some_and(|us| us <= from.at_us()) {
            continue;
        }
        let sample = between(from, gone(source, index), || horizon.censor(from.at_us(), None, false));
        into.add(LatencyName::NodeIdle, Some(&labels(source, index)), sample);
    }
}

/// The pods of the run that were bound, by the NodeClaim of their node.
pub(crate) fn pods_by_claim<'t>(source: &Source<'t>) -> HashMap<usize, Vec<&'t PodTimeline>> {
    let mut pods: HashMap<usize, Vec<&PodTimeline>> = HashMap::new();
    for pod in source.timelines.pods.all.iter().filter(|pod| pod.scheduled.is_some()) {
        if let Some(claim) = source.join.claim_of_pod(pod) {
            pods.entry(claim).or_default().push(pod);
        }
    }
    pods
}

/// When the pods that were on a node at a moment were gone.
fn evicted(pods: &[&PodTimeline], at: Stamp) -> Vec<Option<Stamp>> {
    let was_there = |pod: &&&PodTimeline| {
        let bound = pod.scheduled.is_some_and(|bound| bound.at_us() <= at.at_us());
        bound && pod.deleted.is_none_or(|deleted| deleted.at_us() > at.at_us())
    };
    pods.iter().filter(was_there).map(|pod| pod.deleted).collect()
}

/// When NodeClaim, Node and, where Azure's record is known, VM are gone.
pub(crate) fn gone(source: &Source<'_>, claim: usize) -> Option<Stamp> {
    let timelines = source.timelines;
    let mut last = timelines.nodes.claims.get(claim)?.deleted?;
    if let Some(node) = source.join.node(claim) {
        last = later(last, node.deleted?);
    }
    if let Some(vm) = source.join.vm(claim).filter(|vm| vm.booted_us.is_some()) {
        last = later(last, Stamp::new(vm.deleted_us?, Seen::Live));
    }
    Some(last)
}

/// The later of two; not live when either is not, since then the moment is not known.
pub(super) fn later(a: Stamp, b: Stamp) -> Stamp {
    let at_us = a.at_us().max(b.at_us());
    Stamp::new(at_us, if a.is_live() && b.is_live() { Seen::Live } else { Seen::Inferred })
}

/// What a NodeClaim's samples are split by.
pub(super) fn labels(source: &Source<'_>, claim: usize) -> Labels {
    Labels { placed: source.join.placed(claim), ..Labels::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(scheduled: u64, deleted: Option<u64>) -> PodTimeline {
        let live = |at_us| Stamp::new(at_us, Seen::Live);
        PodTimeline { scheduled: Some(live(scheduled)), deleted: deleted.map(live), ..PodTimeline::default() }
    }

    #[test]
    fn only_pods_that_were_on_the_node_are_drained() {
        let (gone, later, before, stays) = (pod(1, Some(12)), pod(11, Some(15)), pod(1, Some(9)), pod(2, None));
        let at = Stamp::new(10, Seen::Live);
        let moments = |pods: &[&PodTimeline]| -> Vec<Option<u64>> {
            evicted(pods, at).into_iter().map(|gone| gone.map(|stamp| stamp.at_us())).collect()
        };
        assert_eq!(moments(&[&gone, &later, &before]), [Some(12)]);
        assert_eq!(moments(&[&gone, &stays]), [Some(12), None], "not drained as long as a pod stays");
    }
}
