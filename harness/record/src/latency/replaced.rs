//! Nodes that were replaced.

use std::collections::HashMap;

use harness_plan::LatencyName;

use super::groups::Grouping;
use super::nodes::{labels, later, pods_by_claim};
use super::source::{Source, between};
use crate::event::Seen;
use crate::timeline::{ClaimTimeline, Name, PodTimeline, Stamp};

/// Disruptions this close to each other are one decision of the controller, microseconds: it marks the nodes that it
/// consolidates together one after another.
const TOGETHER_US: u64 = 2_000_000;

/// A node that was deleted or is to be, and its replacement. Both are indices of NodeClaims.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Replacement {
    pub(crate) old: usize,
    pub(crate) new: Option<usize>,
    /// When the old one was first seen to be on its way out.
    pub(crate) marked: Stamp,
    /// Replacement initialized and the old Node gone.
    pub(crate) done: Option<Stamp>,
}

pub(super) fn collect(source: &Source<'_>, into: &mut Grouping<'_>) {
    for replacement in replacements(source) {
        let Replacement { old, marked, done, .. } = replacement;
        let sample = between(marked, done, || source.horizon.censor(marked.at_us(), None, false));
        into.add(LatencyName::NodeReplaced, Some(&labels(source, old)), sample);
    }
}

/// Why a node is deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// A drifted node is always replaced.
    Drifted,
    /// The replacement, where one is needed, is created between the choice and the deletion.
    Consolidated,
    /// By repair, expiry, eviction or a person: a replacement is created when its pods find no node.
    Lost,
}

/// A node on its way out.
struct Leaving<'a> {
    index: usize,
    claim: &'a ClaimTimeline,
    why: Why,
    marked: Stamp,
    /// The replacement is created after this moment.
    from_us: u64,
    /// The replacement is created before this moment.
    until_us: u64,
}

/// Every node that was replaced or is to be, with its replacement.
pub(crate) fn replacements(source: &Source<'_>) -> Vec<Replacement> {
    let Source { timelines, join, .. } = source;
    let claims = &timelines.nodes.claims;
    let at = |stamp: Option<Stamp>| stamp.map_or(u64::MAX, |stamp| stamp.at_us());
    // Each pool's NodeClaims by the moment at which they were created.
    let mut by_creation: HashMap<Name, Vec<(u64, usize)>> = HashMap::new();
    for (index, claim) in claims.iter().enumerate() {
        if let Some(created) = claim.created {
            by_creation.entry(join.placed(index).nodepool).or_default().push((created.at_us(), index));
        }
    }
    by_creation.values_mut().for_each(|of_pool| of_pool.sort_unstable());
    let last_pods_us = last_pods_us(source);
    let mut leaving: Vec<Leaving<'_>> = claims
        .iter()
        .enumerate()
        .filter_map(|(index, claim)| leaving(source, index, claim, last_pods_us.get(&index).copied()))
        .collect();
    leaving
        .sort_by_key(|it| (at(it.claim.disrupted).min(it.from_us.max(it.marked.at_us())), it.marked.at_us(), it.index));
    // Which NodeClaim has this one as its replacement, and when it was chosen for disruption.
    let mut taken: HashMap<usize, (Why, u64)> = HashMap::new();
    let mut all = Vec::new();
    for it in leaving {
        let pool = join.placed(it.index).nodepool;
        let of_pool = by_creation.get(&pool).map_or(&[][..], Vec::as_slice);
        let first = of_pool.partition_point(|(created_us, _)| *created_us < it.from_us);
        let candidates = || {
            let later = of_pool.iter().skip(first).take_while(|(created_us, _)| *created_us < it.until_us);
            later.map(|(_, index)| *index).filter(|candidate| *candidate != it.index)
        };
        let shared = |candidate: &usize| {
            it.why == Why::Consolidated
                && taken.get(candidate).is_some_and(|(why, chosen_us)| {
                    *why == Why::Consolidated && chosen_us.abs_diff(it.from_us) <= TOGETHER_US
                })
        };
        let free = candidates().find(|candidate| !taken.contains_key(candidate));
        let new = free.or_else(|| candidates().find(shared));
        // Drift always leads to a replacement; of the others, only those with one were replaced.
        if new.is_none() && it.why != Why::Drifted {
            continue;
        }
        if let Some(new) = new {
            taken.insert(new, (it.why, it.from_us));
        }
        let initialized = new.and_then(|new| claims.get(new)?.initialized);
        let old_gone = match join.node(it.index) {
            Some(node) => node.deleted,
            None => it.claim.deleted,
        };
        let done = initialized.zip(old_gone).map(|(initialized, gone)| later(initialized, gone));
        all.push(Replacement { old: it.index, new, marked: it.marked, done });
    }
    all
}

fn leaving<'a>(
    source: &Source<'a>,
    index: usize,
    claim: &'a ClaimTimeline,
    last_pod_us: Option<u64>,
) -> Option<Leaving<'a>> {
    let horizon_us = source.horizon.us;
    let leaving = |marked: Stamp, why: Why, from_us: u64, until_us: u64| {
        (from_us < horizon_us).then_some(Leaving { index, claim, why, marked, from_us, until_us })
    };
    let chosen_as_drifted = claim.disrupted.filter(|_| source.timelines.names.text(claim.reason) == "Drifted");
    if let Some(marked) = claim.drifted.or(chosen_as_drifted) {
        // A NodeClaim is chosen for disruption after it was marked; then its replacement is created.
        let from_us = claim.disrupted.map_or(marked.at_us(), |stamp| stamp.at_us().max(marked.at_us()));
        return Some(Leaving { index, claim, why: Why::Drifted, marked, from_us, until_us: u64::MAX });
    }
    let deletion = claim.deletion();
    if let Some(marked) = claim.disrupted {
        let until_us = deletion.map_or(horizon_us, Stamp::at_us);
        return leaving(marked, Why::Consolidated, marked.at_us(), until_us);
    }
    let vm = source.join.vm(index);
    let lost_us = vm.and_then(|vm| vm.noticed_us.or(vm.evicted_us));
    let lost = lost_us.map(|us| Stamp::new(us, Seen::Live));
    let marked = lost.into_iter().chain(deletion).min_by_key(|stamp| stamp.at_us())?;
    // An empty node is not replaced.
    let had_pods = last_pod_us.is_some_and(|us| us >= marked.at_us());
    let from_us = marked.at_us();
    if claim.launched.is_none() || !had_pods {
        return None;
    }
    leaving(marked, Why::Lost, from_us, horizon_us)
}

/// When the last pod of each NodeClaim's node was gone; `u64::MAX` where it is still there.
fn last_pods_us(source: &Source<'_>) -> HashMap<usize, u64> {
    let gone_us = |pod: &&PodTimeline| pod.deleted.map_or(u64::MAX, Stamp::at_us);
    let pods = pods_by_claim(source).into_iter();
    pods.filter_map(|(claim, pods)| Some((claim, pods.iter().map(gone_us).max()?))).collect()
}
