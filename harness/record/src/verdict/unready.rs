//! Which of the pods that the plan asked for were not Ready at the end of a phase, and where were they stuck?

use std::collections::BTreeMap;

use harness_plan::Unready;

use super::outcome::{CheckOutcome, Evidence, Findings, Verdict};
use super::window::{Window, Windows};
use crate::steps::Steps;
use crate::text;
use crate::timeline::{Stamp, desired_replicas};

/// Names of pods, and of nodes, that are shown.
const SHOWN: usize = 3;

/// The pods of a workload that were not Ready at a moment.
#[derive(Debug, Default)]
struct Missing<'a> {
    wanted: u64,
    /// Of the pods that are wanted, those that do not exist.
    never_created: u64,
    without_node: Vec<String>,
    by_node: BTreeMap<&'a str, Vec<String>>,
}

impl Missing<'_> {
    fn count(&self) -> u64 {
        let on_nodes: usize = self.by_node.values().map(Vec::len).sum();
        self.never_created + self.without_node.len() as u64 + on_nodes as u64
    }

    /// `2 without a node (web-1, web-2), 1 on node-a (web-3), 1 never created`.
    fn described(&self) -> String {
        let named = |pods: &[String], place: &str| format!("{} {place} ({})", pods.len(), text::first_few(pods, SHOWN));
        let mut parts = Vec::new();
        if !self.without_node.is_empty() {
            parts.push(named(&self.without_node, "without a node"));
        }
        let on_nodes: Vec<String> =
            self.by_node.iter().map(|(node, pods)| named(pods, &format!("on {node}"))).collect();
        if !on_nodes.is_empty() {
            parts.push(text::first_few(&on_nodes, SHOWN));
        }
        if self.never_created > 0 {
            parts.push(format!("{} never created", self.never_created));
        }
        parts.join(", ")
    }
}

pub(super) fn check(check: &Unready, evidence: &Evidence<'_>) -> CheckOutcome {
    let allowed = check.allowed();
    let windows = Windows::of(&check.phases, evidence);
    let mut verdict = windows.judge_at_the_end(true);
    let (mut observed, mut shown) = (Findings::default(), Vec::new());
    for workload in check.workloads.names() {
        let desired =
            desired_replicas(evidence.source.plan, evidence.source.timelines, evidence.source.horizon, workload);
        let mut said_why = false;
        for window in &windows.all {
            let missing = missing(workload, &desired, window, evidence);
            let count = missing.count();
            if missing.wanted == 0 {
                verdict = verdict.and(Verdict::Inconclusive);
                observed.about(workload, format!("no pod was wanted at the end of {}", window.phase));
                continue;
            }
            if !allowed.hold(u32::try_from(count).unwrap_or(u32::MAX)) {
                verdict = verdict.and(windows.judge_at_the_end(false));
            }
            if count > 0 {
                let end = format!("{count} of {} not Ready at the end of {}", missing.wanted, window.phase);
                observed.about(workload, format!("{end}: {}", missing.described()));
            }
            if count > 0 && !said_why {
                let quote = evidence.source.timelines.occurrences.reason_about(workload, None);
                // That no node had room does not say why a pod is stuck on one.
                let quote = quote.filter(|quote| !missing.without_node.is_empty() || !quote.is_schedulers());
                shown.extend(quote.map(ToString::to_string));
                said_why = true;
            }
        }
    }
    if observed.is_empty() && !windows.all.is_empty() {
        observed.push("every pod was Ready");
    }
    CheckOutcome {
        verdict,
        observed: windows.observed(observed, false),
        limit: format!("{} not Ready", allowed.describe("pod")),
        evidence: windows.evidence(&shown, SHOWN),
    }
}

fn missing<'a>(workload: &str, desired: &Steps, window: &Window<'_>, evidence: &Evidence<'a>) -> Missing<'a> {
    let source = evidence.source;
    let timelines = source.timelines;
    let end_us = window.to_us;
    let by_then = |stamp: Option<Stamp>| stamp.is_some_and(|stamp| stamp.at_us() <= end_us);
    // What the next phase asks for at once does not count.
    let asked_us = end_us.saturating_sub(1).max(window.from_us);
    let desired = desired.at(asked_us).unsigned_abs();
    let name = timelines.names.get(workload).filter(|name| !name.is_none());
    let mut missing = Missing::default();
    let (mut there, mut ready) = (0_u64, 0_u64);
    for (index, pod) in (0_u32..).zip(&timelines.pods.all) {
        let exists = by_then(pod.created.or(pod.unschedulable).or(pod.scheduled).or(pod.ready));
        if Some(pod.workload) != name || !exists || by_then(pod.deletion()) {
            continue;
        }
        there += 1;
        if source.readiness.holds(index, end_us) {
            ready += 1;
        } else if by_then(pod.scheduled.or(pod.ready)) {
            missing.by_node.entry(timelines.names.text(pod.node)).or_default().push(pod.name.to_string());
        } else {
            missing.without_node.push(pod.name.to_string());
        }
    }
    missing.by_node.values_mut().chain([&mut missing.without_node]).for_each(|pods| pods.sort_unstable());
    // An autoscaler asks for more than the plan does.
    missing.wanted = desired.max(there);
    missing.never_created = desired.saturating_sub(there);
    debug_assert_eq!(missing.count() + ready, missing.wanted);
    missing
}
