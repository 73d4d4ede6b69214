//! Latencies of pods.

use harness_plan::LatencyName;

use super::groups::{Grouping, Labels};
use super::source::{Source, between, until};
use crate::timeline::{Name, Placed, PodTimeline};

pub(super) fn collect(source: &Source<'_>, into: &mut Grouping<'_>) {
    let Source { plan, timelines, slots, horizon, .. } = source;
    let known = |text: &str| source.names.get(text).unwrap_or_default();
    let workloads: Vec<(Name, Name)> =
        plan.workloads.iter().map(|workload| (known(&workload.name), known(&workload.class))).collect();
    for slot in &slots.all {
        // These must stay Pending: that is not a latency.
        if plan.workloads.get(slot.workload).is_some_and(|workload| workload.stays_pending) {
            continue;
        }
        let pod = slot.pod.and_then(|pod| timelines.pods.all.get(pod as usize));
        let (workload, class) = workloads.get(slot.workload).copied().unwrap_or_default();
        let labels = labels(source, pod, workload, class);
        let gone_us = match pod {
            Some(pod) => pod.deletion().map(|stamp| stamp.at_us()),
            None => slot.withdrawn_us,
        };
        let missing = |from_us| move || horizon.censor(from_us, gone_us, slot.withdrawn_us.is_some());
        let ready = pod.and_then(|pod| pod.ready);
        let scheduled = pod.and_then(|pod| pod.scheduled);
        let from_us = slot.intended_us;
        into.add(LatencyName::PodReady, Some(&labels), until(from_us, ready, missing(from_us)));
        into.add(LatencyName::PodScheduled, Some(&labels), until(from_us, scheduled, missing(from_us)));
        if let Some(from_us) = slot.acked_us {
            into.add(LatencyName::PodReadyService, Some(&labels), until(from_us, ready, missing(from_us)));
        }
    }
    // Replacements wait for capacity too, so this latency is about pods and not about requested replicas.
    for pod in &timelines.pods.all {
        let Some(from) = pod.unschedulable else { continue };
        let class = workloads.iter().find(|(workload, _)| *workload == pod.workload && !workload.is_none());
        let labels = labels(source, Some(pod), pod.workload, class.map_or(Name::NONE, |(_, class)| *class));
        let gone_us = pod.deletion().map(|stamp| stamp.at_us());
        let sample = between(from, pod.scheduled, || horizon.censor(from.at_us(), gone_us, true));
        into.add(LatencyName::Capacity, Some(&labels), sample);
    }
}

/// A pod that was never bound counts for the pool of its class: that is where it is missing.
fn labels(source: &Source<'_>, pod: Option<&PodTimeline>, workload: Name, class: Name) -> Labels {
    let placed = pod.map(|pod| source.join.placed_of_pod(pod)).unwrap_or_default();
    let placed = Placed { nodepool: placed.nodepool.or(class), ..placed };
    Labels { placed, workload, ..Labels::default() }
}
