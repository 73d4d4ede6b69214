//! How long empty nodes cost money.

use harness_plan::LatencyName;

use super::groups::Grouping;
use super::nodes::{gone, labels, pods_by_claim};
use super::source::{Source, between};
use crate::timeline::Stamp;

pub(super) fn collect(source: &Source<'_>, into: &mut Grouping) {
    let Source { timelines, join, horizon, .. } = source;
    let pods = pods_by_claim(source);
    for index in 0..timelines.nodes.claims.len() {
        let Some(pods) = pods.get(&index) else { continue };
        // A pod is still there: the node was never empty.
        let deleted: Option<Vec<Stamp>> = pods.iter().map(|pod| pod.deleted).collect();
        let Some(from) = deleted.and_then(|stamps| stamps.into_iter().max_by_key(|stamp| stamp.at_us())) else {
            continue;
        };
        let vm_gone_us = join.vm(timelines, index).and_then(|vm| vm.gone_us());
        // The harness deleted the pods, or they were lost with the VM.
        if from.at_us() >= horizon.us || vm_gone_us.is_some_and(|us| us <= from.at_us()) {
            continue;
        }
        let sample = between(from, gone(source, index), || horizon.censor(from.at_us(), None, false));
        into.add(LatencyName::NodeIdle, Some(&labels(source, index)), sample);
    }
}
