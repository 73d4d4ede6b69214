//! Did Azure's quotas hold?
//!
//! Regular VMs count against the quota of their family and against the region's, spot VMs against the one of spot alone. A quota is broken where a VM
//! was granted while those that ran already left no room for it; what was granted and did not run yet is in flight. A changed quota
//! holds from the moment at which Azure acknowledged the change.

use harness_plan::{Action, Quota};
use harness_simulation::FaultKind;

use super::outcome::{CheckOutcome, Evidence, Verdict};
use super::window::Windows;
use crate::steps::Steps;
use crate::text;

/// A VM that counts against a quota, times in microseconds.
struct Counted<'a> {
    name: &'a str,
    cores: u64,
    accepted_us: u64,
    booted_us: u64,
    gone_us: u64,
}

pub(super) fn check(check: &Quota, evidence: &Evidence<'_>) -> CheckOutcome {
    let windows = Windows::of_run(evidence).in_azures_record(evidence);
    let mut verdict = windows.judge_always(true);
    let (mut observed, mut limits, mut count) = (Vec::new(), Vec::new(), 0_u64);
    for (scope, cores) in &check.cores {
        limits.push(format!("{scope} {cores} cores"));
        let Candidates { counted: vms, unknown, refused } = candidates(scope, evidence);
        count += vms.len() as u64;
        if vms.is_empty() && unknown == 0 && refused > 0 {
            // Nothing was let through, though it was asked for.
            observed.push(format!("{scope}: 0 cores, {} refused", text::count(refused, "VM")));
            continue;
        }
        if vms.is_empty() && unknown == 0 {
            verdict = verdict.and(Verdict::Inconclusive);
            observed.push(format!("{scope}: no VM ran"));
            continue;
        }
        let limit = limit(scope, *cores, evidence);
        let (peak, broken) = walk(&vms, &limit);
        let mut text = format!("{scope}: at most {peak} cores");
        if let Some(vm) = broken {
            verdict = Verdict::Fail;
            text.push_str(&format!(
                ", and {} was granted over the quota at {}",
                vm.name,
                text::duration(vm.accepted_us)
            ));
        } else if unknown > 0 {
            verdict = verdict.and(Verdict::Inconclusive);
            text.push_str(&format!(", without {} of unknown size", text::count(unknown, "VM")));
        } else if limit.all().iter().all(|(_, cores)| peak > cores.unsigned_abs()) {
            text.push_str(" (the excess was in flight)");
        }
        observed.push(text);
    }
    CheckOutcome {
        verdict,
        observed: windows.observed(text::first_few(&observed, 8), verdict == Verdict::Fail),
        limit: text::first_few(&limits, 8),
        evidence: format!("cores of {} over time", text::count(count, "running VM")),
    }
}

/// The VMs that a quota is about.
struct Candidates<'a> {
    /// Those that ran.
    counted: Vec<Counted<'a>>,
    /// How many more ran, of unknown size.
    unknown: u64,
    /// How many were asked for and did not run.
    refused: u64,
}

fn candidates<'a>(scope: &str, evidence: &Evidence<'a>) -> Candidates<'a> {
    let timelines = evidence.source.timelines;
    let names = &timelines.names;
    let mut found = Candidates { counted: Vec::new(), unknown: 0, refused: 0 };
    // Cleanup resets the quotas.
    let planned = |at_us: u64| at_us < evidence.source.horizon.us;
    for vm in &timelines.azure.vms {
        let spot = names.text(vm.placed.capacity_type) == "spot";
        let counts = match scope {
            "spot" => spot,
            "regional" => !spot,
            family => !spot && self::family(names.text(vm.placed.instance_type)) == family,
        };
        if !counts {
            continue;
        }
        let Some(booted_us) = vm.booted_us.filter(|us| planned(vm.accepted_us.unwrap_or(*us))) else {
            found.refused += u64::from(vm.failed_us.is_some_and(planned));
            continue;
        };
        match vm.vcpus {
            Some(vcpus) => found.counted.push(Counted {
                name: names.text(vm.name),
                cores: u64::from(vcpus),
                accepted_us: vm.accepted_us.unwrap_or(booted_us),
                booted_us,
                gone_us: vm.gone_us().unwrap_or(u64::MAX),
            }),
            None => found.unknown += 1,
        }
    }
    found
}

/// The quota over time.
fn limit(scope: &str, cores: u32, evidence: &Evidence<'_>) -> Steps {
    let source = evidence.source;
    let planned = source.plan.phases.iter().flat_map(|phase| &phase.actions);
    let mut values = vec![(0, i64::from(cores))];
    for action in planned {
        let Action::AzureFault(fault) = &action.action else { continue };
        let FaultKind::Quota { scope: of, cores: to } = &fault.kind else { continue };
        let done =
            source.timelines.actions.all.iter().find(|done| done.what.id() == Some(action.id) && done.error.is_none());
        if let Some(done) = done.filter(|_| of == scope) {
            let before = values.last().map_or(0, |(_, cores)| *cores);
            // A raised quota counts as soon as it may have been granted, a lowered one only when that is certain.
            let at_us = if i64::from(*to) > before { done.sent_us } else { done.acked_us };
            values.push((at_us.unwrap_or(done.intended_us), i64::from(*to)));
        }
    }
    values.sort_by_key(|(at_us, _)| *at_us);
    Steps::from_values(values)
}

/// The letters of a size's family: `F` of `Standard_F4s_v2`.
fn family(size: &str) -> &str {
    let name = size.split_once('_').map_or(size, |(_, name)| name);
    let end = name.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(name.len());
    name.get(..end).unwrap_or("")
}

/// The most cores that ran at once, and the first VM that was granted although those that ran left no room.
fn walk<'v, 'a>(vms: &'v [Counted<'a>], limit: &Steps) -> (u64, Option<&'v Counted<'a>>) {
    let running = |at_us: u64| -> u64 {
        vms.iter().filter(|vm| (vm.booted_us..vm.gone_us).contains(&at_us)).map(|vm| vm.cores).sum()
    };
    let peak = vms.iter().map(|vm| running(vm.booted_us)).max().unwrap_or(0);
    // The VMs that ran just before the grant are compared: a VM that boots at once must not count against itself.
    let broken = vms.iter().filter(|vm| {
        let others: u64 = vms
            .iter()
            .filter(|other| other.booted_us < vm.accepted_us && vm.accepted_us < other.gone_us)
            .map(|other| other.cores)
            .sum();
        others + vm.cores > limit.at(vm.accepted_us).unsigned_abs()
    });
    (peak, broken.min_by_key(|vm| vm.accepted_us))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Standard_F4s_v2", "F")]
    #[case("Standard_NC6s_v3", "NC")]
    #[case("Standard_D4as_v5", "D")]
    #[case("Standard_DS2_v2", "DS")]
    #[case("", "")]
    fn families(#[case] size: &str, #[case] expected: &str) {
        assert_eq!(family(size), expected);
    }

    fn vm(name: &'static str, cores: u64, accepted_us: u64, booted_us: u64, gone_us: u64) -> Counted<'static> {
        Counted { name, cores, accepted_us, booted_us, gone_us }
    }

    #[rstest]
    #[case::within(vec![vm("a", 4, 0, 1, 9), vm("b", 4, 2, 3, 9)], 8, None)]
    #[case::in_flight(vec![vm("a", 4, 0, 5, 9), vm("b", 8, 1, 6, 9)], 12, None)]
    #[case::granted_over_it(vec![vm("a", 4, 0, 1, 9), vm("b", 8, 2, 3, 9)], 12, Some("b"))]
    #[case::room_again(vec![vm("a", 8, 0, 1, 5), vm("b", 8, 6, 7, 9)], 8, None)]
    #[case::larger_than_all(vec![vm("a", 16, 0, 1, 5)], 16, Some("a"))]
    #[case::after_it_was_raised(vec![vm("a", 8, 0, 1, 99), vm("b", 8, 60, 61, 99)], 16, None)]
    fn what_is_in_flight_may_exceed(
        #[case] vms: Vec<Counted<'static>>,
        #[case] peak: u64,
        #[case] broken: Option<&str>,
    ) {
        let (most, first) = walk(&vms, &Steps::from_values([(0, 8), (50, 16)]));
        assert_eq!((most, first.map(|vm| vm.name)), (peak, broken));
    }
}
