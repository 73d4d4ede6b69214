//! Was the new node Ready before the spot VM was gone?

use harness_plan::ReplacedBeforeLoss;

use super::nodes::{Node, of_pool};
use super::outcome::{CheckOutcome, Evidence, Verdict};
use super::window::Windows;
use crate::text;
use crate::timeline::VmTimeline;

/// Names of VMs that are shown.
const SHOWN: usize = 4;

pub(super) fn check(check: &ReplacedBeforeLoss, evidence: &Evidence<'_>) -> CheckOutcome {
    let timelines = evidence.source.timelines;
    let windows = Windows::of(&check.phases, evidence).in_azures_record(evidence);
    let mut noticed: Vec<(&VmTimeline, u64)> =
        timelines.azure.vms.iter().filter_map(|vm| Some((vm, vm.noticed_us?))).collect();
    noticed.retain(|(_, noticed_us)| windows.contain(*noticed_us));
    // The VM that is lost first gets the first new node.
    noticed.sort_by_key(|(vm, noticed_us)| (vm.gone_us().unwrap_or(u64::MAX), *noticed_us));
    let mut taken: Vec<usize> = Vec::new();
    let mut verdict = windows.judge_always(true);
    let (mut before, mut open, mut late) = (Vec::new(), Vec::new(), Vec::new());
    for (vm, noticed_us) in &noticed {
        let pool = timelines.names.text(vm.placed.nodepool);
        let name = timelines.names.text(vm.name);
        let candidates = of_pool(pool, evidence).into_iter();
        let came = candidates
            .filter(|node| !taken.contains(&node.index))
            .filter(|node| node.claim.created.is_some_and(|stamp| stamp.at_us() >= *noticed_us))
            .filter_map(|node| Some((node, node.ready_us()?)))
            .min_by_key(|(_, ready_us)| *ready_us);
        let gone_us = vm.gone_us();
        match (came, gone_us) {
            (Some((node, ready_us)), _) if gone_us.is_none_or(|gone_us| ready_us <= gone_us) => {
                taken.push(node.index);
                before.push(describe(name, *noticed_us, Some((node, ready_us)), gone_us));
            }
            (came, Some(_)) => late.push(describe(name, *noticed_us, came, gone_us)),
            (came, None) => open.push(describe(name, *noticed_us, came, gone_us)),
        }
    }
    if !late.is_empty() {
        // A VM whose notice was lost could have taken the new node.
        verdict = if timelines.azure.facts_lost > 0 { Verdict::Inconclusive } else { Verdict::Fail };
    } else if !open.is_empty() || noticed.is_empty() {
        verdict = verdict.and(Verdict::Inconclusive);
    }
    let observed = match noticed.len() {
        0 => "no spot VM was given notice".to_owned(),
        all => format!("{} of {} replaced before the loss", before.len(), text::count(all, "spot VM")),
    };
    let shown: Vec<String> = late.into_iter().chain(open).chain(before).collect();
    CheckOutcome {
        verdict,
        observed: windows.observed(observed, verdict == Verdict::Fail),
        limit: "a new node Ready before each spot VM is gone".to_owned(),
        evidence: windows.evidence(&shown, SHOWN),
    }
}

fn describe(vm: &str, noticed_us: u64, came: Option<(Node<'_>, u64)>, gone_us: Option<u64>) -> String {
    let gone = gone_us.map_or("not gone".to_owned(), |us| format!("gone at {}", text::duration(us)));
    let came = match came {
        Some((node, us)) => format!("{} Ready at {}", node.name(), text::duration(us)),
        None => "no new node".to_owned(),
    };
    format!("{vm} noticed at {}, {gone}, {came}", text::duration(noticed_us))
}
