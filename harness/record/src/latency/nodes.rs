//! Latencies of NodeClaims and Nodes.

use harness_scenario::plan::LatencyName;

use super::collect::{Source, between};
use super::groups::{Grouping, Labels};
use crate::event::Seen;
use crate::timeline::{ClaimTimeline, Stamp};

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
                // It goes on after cleanup began: cleanup is what it is often for.
                crate::latency::Censored {
                    at_least_us: horizon.end_us.saturating_sub(from.at_us()),
                    cause: crate::latency::Cause::Open,
                }
            });
            into.add(LatencyName::NodeTermination, Some(&labels), sample);
        }
    }
    replaced(source, into);
}

/// NodeClaim, Node and, where the simulated Azure tells, VM are gone.
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
fn later(a: Stamp, b: Stamp) -> Stamp {
    let at_us = a.at_us().max(b.at_us());
    Stamp::new(at_us, if a.is_live() && b.is_live() { Seen::Live } else { Seen::Inferred })
}

/// Drifted NodeClaims and their replacements.
fn replaced(source: &Source<'_>, into: &mut Grouping) {
    let Source { timelines, join, horizon, .. } = source;
    let claims = &timelines.nodes.claims;
    let at = |stamp: Option<Stamp>| stamp.map_or(u64::MAX, |stamp| stamp.at_us());
    let mut by_creation: Vec<usize> = (0..claims.len()).collect();
    by_creation.sort_by_key(|index| claims.get(*index).map(|claim| at(claim.created)));
    let mut drifted: Vec<(usize, &ClaimTimeline, Stamp)> =
        claims.iter().enumerate().filter_map(|(index, claim)| Some((index, claim, claim.drifted?))).collect();
    drifted.sort_by_key(|(_, claim, marked)| (at(claim.disrupted), marked.at_us()));
    let mut taken = vec![false; claims.len()];
    for (index, claim, marked) in drifted {
        let pool = join.placed(timelines, index).nodepool;
        // Chosen for disruption comes after marked; the replacement is asked for then.
        let from_us = claim.disrupted.map_or(marked.at_us(), |stamp| stamp.at_us().max(marked.at_us()));
        let replacement = by_creation.iter().copied().find(|candidate| {
            let free = taken.get(*candidate) == Some(&false) && *candidate != index;
            let created = claims.get(*candidate).and_then(|claim| claim.created);
            let after = created.is_some_and(|created| created.at_us() >= from_us);
            free && after && join.placed(timelines, *candidate).nodepool == pool
        });
        if let Some(slot) = replacement.and_then(|replacement| taken.get_mut(replacement)) {
            *slot = true;
        }
        let initialized = replacement.and_then(|replacement| claims.get(replacement)?.initialized);
        let old_gone = match join.node(timelines, index) {
            Some(node) => node.deleted,
            None => claim.deleted,
        };
        let done = initialized.zip(old_gone).map(|(initialized, gone)| later(initialized, gone));
        let sample = between(marked, done, || horizon.censor(marked.at_us(), None, false));
        into.add(LatencyName::NodeReplaced, Some(&labels(source, index)), sample);
    }
}

fn labels(source: &Source<'_>, claim: usize) -> Labels {
    let placed = source.join.placed(source.timelines, claim);
    Labels {
        nodepool: placed.nodepool,
        instance_type: placed.instance_type,
        capacity_type: placed.capacity_type,
        zone: placed.zone,
        workload: Default::default(),
    }
}
