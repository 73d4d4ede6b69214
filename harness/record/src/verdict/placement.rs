//! Did each pod land on its class, and on no other?

use std::collections::{BTreeMap, BTreeSet};

use harness_plan::Placement;

use super::nodes::of_pool;
use super::outcome::{CheckOutcome, Evidence, Verdict};
use super::window::Windows;
use crate::latency::Cause;
use crate::text;

/// Names of misplaced pods that are shown.
const SHOWN: usize = 3;

#[derive(Default)]
struct Tally {
    right: u64,
    wrong: Vec<String>,
    unknown: u64,
    unbound: u64,
    unbound_maybe: u64,
    /// NodeClaims that were created for pods that must stay Pending.
    unwanted_claims: Vec<String>,
    intruders: Vec<String>,
    by_workload: BTreeMap<String, u64>,
}

pub(super) fn check(check: &Placement, evidence: &Evidence<'_>) -> CheckOutcome {
    let exclusively = check.exclusively;
    let source = evidence.source;
    let classes_of = |workload: &str| -> Vec<&str> {
        let known = source.plan.workloads.iter().find(|known| known.name == workload);
        known.map(|known| known.classes().collect()).unwrap_or_default()
    };
    let asked: BTreeSet<&str> = check.workloads.names().iter().map(String::as_str).collect();
    let classes: BTreeSet<&str> = asked.iter().flat_map(|workload| classes_of(workload)).collect();
    let names = &source.timelines.names;
    let mut tally = Tally::default();
    for pod in source.timelines.pods.all.iter().filter(|pod| pod.scheduled.is_some()) {
        let workload = names.text(pod.workload);
        let its_classes = classes_of(workload);
        let placed = source.join.placed_of_pod(pod);
        let pool = names.text(placed.nodepool);
        let must_not = source.plan.workloads.iter().any(|known| known.name == workload && known.stays_pending);
        let landed = || format!("{} on {pool}", pod.name);
        if !asked.contains(workload) {
            if exclusively && !its_classes.contains(&pool) && classes.contains(pool) {
                tally.intruders.push(landed());
            }
            continue;
        }
        *tally.by_workload.entry(workload.to_owned()).or_default() += 1;
        match pool {
            "" => tally.unknown += 1,
            pool if its_classes.contains(&pool) && !must_not => tally.right += 1,
            _ => tally.wrong.push(landed()),
        }
    }
    count_unbound(&asked, evidence, &mut tally);
    tally.unwanted_claims = unwanted_claims(evidence);
    tally.outcome(exclusively, &Windows::of_run(evidence))
}

fn count_unbound(asked: &BTreeSet<&str>, evidence: &Evidence<'_>, tally: &mut Tally) {
    let source = evidence.source;
    let mut count = |cause| match cause {
        Cause::Never => tally.unbound += 1,
        Cause::Open if evidence.complete() => tally.unbound += 1,
        _ => tally.unbound_maybe += 1,
    };
    for slot in &source.slots.all {
        let Some(workload) = source.plan.workloads.get(slot.workload) else { continue };
        let pod = slot.pod.and_then(|pod| source.timelines.pods.all.get(pod as usize));
        if !asked.contains(workload.name.as_str()) || pod.is_some_and(|pod| pod.scheduled.is_some()) {
            continue;
        }
        // No phase waits for these: whether they are bound is not checked.
        if workload.stays_pending || !workload.awaited {
            continue;
        }
        let gone_us = pod.map_or(slot.withdrawn_us, |pod| pod.deletion().map(|stamp| stamp.at_us()));
        count(source.horizon.censor(slot.intended_us, gone_us, slot.withdrawn_us.is_some()).cause);
    }
    let asked_for: BTreeSet<u32> = source.slots.all.iter().filter_map(|slot| slot.pod).collect();
    for (index, pod) in (0_u32..).zip(&source.timelines.pods.all) {
        let of = source.plan.workloads.iter().find(|known| known.name == source.timelines.names.text(pod.workload));
        let counts = of.is_some_and(|of| asked.contains(of.name.as_str()) && of.awaited && !of.stays_pending);
        let (Some(created), None, None) = (pod.created, pod.scheduled, pod.deletion()) else { continue };
        // A replacement, or a pod of an autoscaler. Pods that were deleted meanwhile do not matter.
        if !counts || asked_for.contains(&index) || created.at_us() >= source.horizon.us {
            continue;
        }
        count(source.horizon.censor(created.at_us(), None, false).cause);
    }
}

/// NodeClaims that were created for pods that must stay Pending: Karpenter said so, or no other workload needs their pool.
fn unwanted_claims(evidence: &Evidence<'_>) -> Vec<String> {
    let source = evidence.source;
    let timelines = source.timelines;
    let plan = source.plan;
    let mut found = Vec::new();
    for workload in plan.workloads.iter().filter(|workload| workload.stays_pending) {
        let nominated = timelines.occurrences.nominated(&workload.name);
        for (at_us, pod) in nominated.map_or(&[][..], |tally| &tally.times) {
            found.push(format!("one for {pod} at {}", text::duration(*at_us)));
        }
        let asks = |other: &harness_plan::Workload| {
            !other.stays_pending && other.classes().any(|class| class == workload.class)
        };
        if workload.class.is_empty() || plan.workloads.iter().any(asks) {
            continue;
        }
        found.extend(of_pool(&workload.class, evidence).iter().map(|node| node.name().to_owned()));
    }
    found
}

impl Tally {
    fn outcome(self, exclusively: bool, windows: &Windows<'_>) -> CheckOutcome {
        let wrong = self.wrong.len() as u64;
        let all = self.right + wrong + self.unknown + self.unbound + self.unbound_maybe;
        let mut observed = vec![format!("{} of {} on their class", self.right, text::count(all, "pod"))];
        if wrong > 0 {
            observed.push(format!("{wrong} elsewhere ({})", text::first_few(&self.wrong, SHOWN)));
        }
        if self.unbound + self.unbound_maybe > 0 {
            observed.push(format!("{} never bound", self.unbound + self.unbound_maybe));
        }
        if self.unknown > 0 {
            observed.push(format!("{} on nodes of unknown pool", self.unknown));
        }
        if !self.intruders.is_empty() {
            let count = text::count(self.intruders.len(), "foreign pod");
            observed.push(format!("{count} ({})", text::first_few(&self.intruders, SHOWN)));
        }
        if !self.unwanted_claims.is_empty() {
            let count = text::count(self.unwanted_claims.len(), "NodeClaim");
            observed.push(format!(
                "{count} for pods that must stay Pending ({})",
                text::first_few(&self.unwanted_claims, SHOWN)
            ));
        }
        let verdict = if wrong + self.unbound > 0 || !self.intruders.is_empty() || !self.unwanted_claims.is_empty() {
            Verdict::Fail
        } else if self.right == 0 || self.unknown + self.unbound_maybe > 0 {
            Verdict::Inconclusive
        } else {
            windows.judge_always(true)
        };
        let limit = if exclusively {
            "each pod on its class, nothing else there".to_owned()
        } else {
            "each pod on its class".to_owned()
        };
        let bound: Vec<String> =
            self.by_workload.iter().map(|(workload, bound)| format!("{workload} {bound}")).collect();
        let evidence =
            if bound.is_empty() { "no pod was bound".to_owned() } else { format!("bound: {}", bound.join(", ")) };
        let observed = windows.observed(observed, verdict == Verdict::Fail);
        CheckOutcome { verdict, observed, limit, evidence }
    }
}
