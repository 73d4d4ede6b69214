//! Did each pod land on its class, and on no other?

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Evidence, Outcome};
use super::types::Verdict;
use crate::latency::Cause;
use crate::text;

/// Names that are shown of those that went wrong.
const SHOWN: usize = 3;

#[derive(Default)]
struct Tally {
    right: u64,
    wrong: Vec<String>,
    unknown: u64,
    unbound: u64,
    unbound_maybe: u64,
    intruders: Vec<String>,
    by_workload: BTreeMap<String, u64>,
}

pub(super) fn check(workloads: &[String], exclusively: bool, evidence: &Evidence<'_>) -> Outcome {
    let source = evidence.source;
    let class_of = |workload: &str| {
        source.plan.workloads.iter().find(|known| known.name == workload).map_or("", |known| known.class.as_str())
    };
    let asked: BTreeSet<&str> = workloads.iter().map(String::as_str).collect();
    let classes: BTreeSet<&str> = asked.iter().map(|workload| class_of(workload)).collect();
    let names = &source.timelines.names;
    let mut tally = Tally::default();
    for pod in source.timelines.pods.all.iter().filter(|pod| pod.scheduled.is_some()) {
        let workload = names.text(pod.workload);
        let class = class_of(workload);
        let placed = source.join.placed_of_pod(source.timelines, pod);
        let pool = names.text(placed.nodepool);
        let landed = || format!("{} on {pool}", pod.name);
        if !asked.contains(workload) {
            if exclusively && class != pool && classes.contains(pool) {
                tally.intruders.push(landed());
            }
            continue;
        }
        *tally.by_workload.entry(workload.to_owned()).or_default() += 1;
        match pool {
            "" => tally.unknown += 1,
            pool if pool == class => tally.right += 1,
            _ => tally.wrong.push(landed()),
        }
    }
    count_unbound(&asked, evidence, &mut tally);
    tally.outcome(exclusively)
}

fn count_unbound(asked: &BTreeSet<&str>, evidence: &Evidence<'_>, tally: &mut Tally) {
    let source = evidence.source;
    for slot in &source.slots.all {
        let Some(workload) = source.plan.workloads.get(slot.workload) else { continue };
        let pod = slot.pod.and_then(|pod| source.timelines.pods.all.get(pod as usize));
        if !asked.contains(workload.name.as_str()) || pod.is_some_and(|pod| pod.scheduled.is_some()) {
            continue;
        }
        let gone_us = pod.map_or(slot.withdrawn_us, |pod| pod.going().map(|stamp| stamp.at_us()));
        let cause = source.horizon.censor(slot.intended_us, gone_us, slot.withdrawn_us.is_some()).cause;
        match cause {
            Cause::Never => tally.unbound += 1,
            Cause::Open if evidence.complete() => tally.unbound += 1,
            _ => tally.unbound_maybe += 1,
        }
    }
}

impl Tally {
    fn outcome(self, exclusively: bool) -> Outcome {
        let wrong = self.wrong.len() as u64;
        let all = self.right + wrong + self.unknown + self.unbound + self.unbound_maybe;
        let mut observed = vec![format!("{} of {} on their class", self.right, text::count(all, "pod"))];
        if wrong > 0 {
            observed.push(format!("{wrong} elsewhere ({})", text::some(&self.wrong, SHOWN)));
        }
        if self.unbound + self.unbound_maybe > 0 {
            observed.push(format!("{} never bound", self.unbound + self.unbound_maybe));
        }
        if self.unknown > 0 {
            observed.push(format!("{} on nodes of unknown pool", self.unknown));
        }
        if !self.intruders.is_empty() {
            let count = text::count(self.intruders.len() as u64, "foreign pod");
            observed.push(format!("{count} ({})", text::some(&self.intruders, SHOWN)));
        }
        let verdict = if wrong + self.unbound > 0 || !self.intruders.is_empty() {
            Verdict::Fail
        } else if self.right == 0 || self.unknown + self.unbound_maybe > 0 {
            Verdict::Inconclusive
        } else {
            Verdict::Pass
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
        Outcome { verdict, observed: observed.join(", "), limit, evidence }
    }
}
