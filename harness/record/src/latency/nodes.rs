//! Latencies of NodeClaims and Nodes.

use std::collections::HashMap;

use harness_plan::LatencyName;

use super::groups::{Grouping, Labels};
use super::source::{Source, between};
use crate::event::Seen;
use crate::timeline::{PodTimeline, Stamp};

pub(super) fn collect(source: &Source<'_>, into: &mut Grouping) {
    let Source { timelines, join, horizon, .. } = source;
    for (index, claim) in timelines.nodes.claims.iter().enumerate() {
        let labels = labels(source, index);
        let gone_us = claim.deleting.or(claim.deleted).map(|stamp| stamp.at_us());
        let missing = |from: Stamp| move || horizon.censor(from.at_us(), gone_us, false);
        let node_ready = join.node(timelines, index).and_then(|node| node.ready);
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
                crate::latency::Censored {
                    at_least_us: horizon.end_us.saturating_sub(from.at_us()),
                    cause: crate::latency::Cause::Open,
                }
            });
            into.add(LatencyName::NodeTermination, Some(&labels), sample);
        }
    }
}

/// The pods of the run that were bound, by the NodeClaim of their node.
pub(super) fn pods_by_claim<'t>(source: &Source<'t>) -> HashMap<usize, Vec<&'t PodTimeline>> {
    let mut pods: HashMap<usize, Vec<&PodTimeline>> = HashMap::new();
    for pod in source.timelines.pods.all.iter().filter(|pod| pod.scheduled.is_some()) {
        if let Some(claim) = source.join.claim_of_pod(source.timelines, pod) {
            pods.entry(claim).or_default().push(pod);
        }
    }
    pods
}

/// When NodeClaim, Node and, where Azure's record is known, VM are gone.
pub(crate) fn gone(source: &Source<'_>, claim: usize) -> Option<Stamp> {
    let timelines = source.timelines;
    let mut last = timelines.nodes.claims.get(claim)?.deleted?;
    if let Some(node) = source.join.node(timelines, claim) {
        last = later(last, node.deleted?);
    }
    if let Some(vm) = source.join.vm(timelines, claim).filter(|vm| vm.booted_us.is_some()) {
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
    let placed = source.join.placed(source.timelines, claim);
    Labels {
        nodepool: placed.nodepool,
        instance_type: placed.instance_type,
        capacity_type: placed.capacity_type,
        zone: placed.zone,
        ..Labels::default()
    }
}
