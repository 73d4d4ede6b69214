//! Did Azure's quotas hold?
//!
//! Regular VMs count against the quota of their family and against the region's, spot VMs against the one of spot alone. A quota is broken where a VM
//! was granted while those that ran already left no room for it; what was granted and did not run yet is in flight. The quota is the one in force at
//! that moment: faults change it, and may end. Logs of minor version 0 do not say which quota a fault sets; there a change of the plan holds
//! from the moment at which Azure acknowledged it.

use std::collections::BTreeMap;

use harness_plan::{Action, Quota};
use harness_simulation::FaultKind;

use super::outcome::{CheckOutcome, Evidence, Verdict};
use super::window::Windows;
use crate::steps::Steps;
use crate::text;

/// How long a grant may take from the look at the quota to the fact, microseconds.
const GRANT_US: u64 = 1_000;

/// What is as much as no quota: more cores than any quota can have.
const AMPLE: i64 = i64::MAX;

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
    for (scope, cores) in scopes(check, evidence) {
        let limit = limit(scope, cores, evidence);
        limits.push(format!("{scope} {}", described(&limit, evidence.source.horizon.us)));
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
        let (peak, broken) = walk(&vms, &limit);
        let mut text = format!("{scope}: at most {peak} cores");
        if let Some(vm) = broken {
            verdict = Verdict::Fail;
            let at = text::duration(vm.accepted_us);
            text.push_str(&format!(", and {} was granted over the quota at {at}", vm.name));
            if limit.all().len() > 1 {
                text.push_str(&format!(" ({} cores then)", limit.at(vm.accepted_us)));
            }
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

/// Every quota that there ever is, with its cores from the start: those of the plan, and those that nothing but a fault sets.
fn scopes<'a>(check: &'a Quota, evidence: &Evidence<'a>) -> BTreeMap<&'a str, i64> {
    let by_faults = evidence.source.plan.faults().filter_map(|fault| match &fault.kind {
        FaultKind::Quota { scope, .. } => Some((scope.as_str(), AMPLE)),
        _ => None,
    });
    by_faults.chain(check.cores.iter().map(|(scope, cores)| (scope.as_str(), i64::from(*cores)))).collect()
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
        let spot = timelines.is_spot(vm);
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
fn limit(scope: &str, cores: i64, evidence: &Evidence<'_>) -> Steps {
    let changes = &evidence.source.timelines.azure.quotas;
    let mut values = vec![(0, cores)];
    if changes.is_empty() {
        values.extend(planned(scope, cores, evidence));
    } else {
        // A fault of the scope that began before the log has only its end there.
        let mut live: Vec<(String, i64)> = declared(scope, evidence)
            .filter(|(fault, _)| !changes.iter().any(|(_, name, sets)| name == fault && sets.is_some()))
            .collect();
        let in_force = |live: &[(String, i64)]| live.last().map_or(cores, |(_, cores)| *cores);
        values = vec![(0, in_force(&live))];
        for (at_us, fault, sets) in changes {
            live.retain(|(known, _)| known != fault);
            let of_scope = sets.as_ref().filter(|sets| sets.scope == scope);
            live.extend(of_scope.map(|sets| (fault.clone(), i64::from(sets.cores))));
            values.push((*at_us, in_force(&live)));
        }
    }
    values.sort_by_key(|(at_us, _)| *at_us);
    values.dedup_by_key(|(_, cores)| *cores);
    Steps::from_values(values)
}

/// The quota faults of a scope that the plan declares for the run as a whole, by the names that the simulator gives them.
fn declared(scope: &str, evidence: &Evidence<'_>) -> impl Iterator<Item = (String, i64)> {
    let faults = evidence.source.plan.azure.faults.iter();
    faults.filter_map(move |fault| match &fault.kind {
        FaultKind::Quota { scope: of, cores } if of == scope => {
            let name = if fault.terms.id.is_empty() { format!("quota-{scope}") } else { fault.terms.id.clone() };
            Some((name, i64::from(*cores)))
        }
        _ => None,
    })
}

/// The changes of the plan, by the moments at which they were sent or acknowledged.
fn planned(scope: &str, cores: i64, evidence: &Evidence<'_>) -> Vec<(u64, i64)> {
    let source = evidence.source;
    let mut values = Vec::new();
    let mut before = cores;
    for action in source.plan.actions() {
        let Action::AzureFault(asked) = &action.action else { continue };
        let FaultKind::Quota { scope: of, cores: to } = &asked.fault.kind else { continue };
        let done =
            source.timelines.actions.all.iter().find(|done| done.what.id() == Some(action.id) && done.error.is_none());
        if let Some(done) = done.filter(|_| of == scope) {
            // A raised quota counts as soon as it may have been granted, a lowered one only when that is certain.
            let at_us = if i64::from(*to) > before { done.sent_us } else { done.acked_us };
            values.push((at_us.unwrap_or(done.intended_us), i64::from(*to)));
            before = i64::from(*to);
        }
    }
    values
}

/// The quota at the start, and each change until the cleanup: `8 cores, then 16 (from 41.2s)`, `no limit, then 4 cores (from 1s)`.
fn described(limit: &Steps, until_us: u64) -> String {
    let first = limit.at(0);
    let mut text = if first == AMPLE { "no limit".to_owned() } else { format!("{first} cores") };
    for (at_us, cores) in limit.all().iter().skip(1).filter(|(at_us, _)| *at_us < until_us) {
        let cores = match (*cores, first) {
            (AMPLE, _) => "no limit".to_owned(),
            (cores, AMPLE) => format!("{cores} cores"),
            (cores, _) => cores.to_string(),
        };
        text.push_str(&format!(", then {cores} (from {})", text::duration(*at_us)));
    }
    text
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
        let quota = limit.most_within(vm.accepted_us.saturating_sub(GRANT_US), vm.accepted_us);
        others + vm.cores > quota.unsigned_abs()
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
