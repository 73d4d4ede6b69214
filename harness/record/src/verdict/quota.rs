//! Did Azure's quotas hold?
//!
//! Regular VMs count against the quota of their quota family (`standardDSv3Family`) and against the region's, spot VMs against the one of spot alone. The
//! quota of a family's letter (`D`) is that of each quota family with this letter: each is judged by itself, and a quota that is set by the name of a
//! quota family beats the one of its letter. A quota is broken where a VM was granted while those that ran already left no room for it; what was
//! granted and did not run yet is in flight. The quota is the one in force at that moment: faults change it, and may end. Logs of minor version 0 do
//! not say which quota a fault sets; there a change of the plan holds from the moment at which Azure acknowledged it.

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

pub(super) fn check(check: &Quota, evidence: &Evidence<'_>) -> CheckOutcome {
    let windows = Windows::of_run(evidence).in_azures_record(evidence);
    let until_us = evidence.source.horizon.us;
    let totals = totals(evidence);
    let quotas = Quotas::of(check, evidence);
    let limited = totals.iter().filter_map(|(total, vms)| Some((total, quotas.limit(*total)?, vms)));
    let mut judged: Vec<Judged> =
        limited.map(|(total, limit, vms)| judge(quotas.label(*total, &totals), &limit, vms, until_us)).collect();
    judged.extend(quotas.without_vms(&totals, until_us).map(|(scope, limit)| Judged {
        verdict: Verdict::Inconclusive,
        observed: format!("{scope}: no VM ran"),
        limit: format!("{scope} {}", described(limit, until_us)),
        count: 0,
    }));
    // One that is broken must be among the few that are named.
    judged.sort_by_key(|quota| quota.verdict != Verdict::Fail);
    let verdict = judged.iter().fold(windows.judge_always(true), |verdict, quota| verdict.and(quota.verdict));
    let count: u64 = judged.iter().map(|quota| quota.count).sum();
    let (observed, limits): (Vec<_>, Vec<_>) = judged.into_iter().map(|quota| (quota.observed, quota.limit)).unzip();
    CheckOutcome {
        verdict,
        observed: windows.observed(text::first_few(&observed, 8), verdict == Verdict::Fail),
        limit: text::first_few(&limits, 8),
        evidence: format!("cores of {} over time", text::count(count, "running VM")),
    }
}

/// What became of one quota.
struct Judged {
    verdict: Verdict,
    observed: String,
    limit: String,
    /// How many VMs ran that count against it.
    count: u64,
}

fn judge(label: &str, limit: &Steps, vms: &Candidates<'_>, until_us: u64) -> Judged {
    let Candidates { counted, unknown, refused } = vms;
    let (mut verdict, mut observed) = (Verdict::Pass, String::new());
    if counted.is_empty() && *unknown == 0 {
        // Nothing was let through, though it was asked for.
        observed.push_str(&format!("{label}: 0 cores, {} refused", text::count(*refused, "VM")));
    } else {
        let (peak, broken) = walk(counted, limit);
        observed.push_str(&format!("{label}: at most {peak} cores"));
        if let Some(vm) = broken {
            verdict = Verdict::Fail;
            let at = text::duration(vm.accepted_us);
            observed.push_str(&format!(", and {} was granted over the quota at {at}", vm.name));
            if limit.all().len() > 1 {
                observed.push_str(&format!(" ({} cores then)", limit.at(vm.accepted_us)));
            }
        } else if *unknown > 0 {
            verdict = Verdict::Inconclusive;
            observed.push_str(&format!(", without {} of unknown size", text::count(*unknown, "VM")));
        } else if limit.all().iter().all(|(_, cores)| peak > cores.unsigned_abs()) {
            observed.push_str(" (the excess was in flight)");
        }
    }
    let limit = format!("{label} {}", described(limit, until_us));
    Judged { verdict, observed, limit, count: counted.len() as u64 }
}

/// What Azure adds up by itself and compares with a quota.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Total<'a> {
    /// The cores of regular VMs of a quota family.
    Family { name: &'a str, letter: &'a str },
    /// The cores of all regular VMs.
    Regional,
    /// The cores of all spot VMs.
    Spot,
}

impl<'a> Total<'a> {
    /// The scopes whose quotas are about it. The first that is set is in force.
    fn scopes(self) -> impl Iterator<Item = &'a str> {
        let (first, second) = match self {
            Self::Family { name, letter } => (name, Some(letter)),
            Self::Regional => ("regional", None),
            Self::Spot => ("spot", None),
        };
        std::iter::once(first).chain(second)
    }
}

/// The VMs that count against a quota.
#[derive(Default)]
struct Candidates<'a> {
    /// Those that ran.
    counted: Vec<Counted<'a>>,
    /// How many more ran, of unknown size.
    unknown: u64,
    /// How many were asked for and did not run.
    refused: u64,
}

/// A VM that counts against a quota, times in microseconds.
#[derive(Clone, Copy)]
struct Counted<'a> {
    name: &'a str,
    cores: u64,
    accepted_us: u64,
    booted_us: u64,
    gone_us: u64,
}

/// The VMs of each total that has any.
fn totals<'a>(evidence: &Evidence<'a>) -> BTreeMap<Total<'a>, Candidates<'a>> {
    let timelines = evidence.source.timelines;
    let names = &timelines.names;
    let mut found: BTreeMap<Total<'_>, Candidates<'_>> = BTreeMap::new();
    // Cleanup resets the quotas.
    let planned = |at_us: u64| at_us < evidence.source.horizon.us;
    for vm in &timelines.azure.vms {
        let booted_us = vm.booted_us.filter(|us| planned(vm.accepted_us.unwrap_or(*us)));
        if booted_us.is_none() && !vm.failed_us.is_some_and(planned) {
            continue;
        }
        let family = Total::Family { name: names.text(vm.quota_family), letter: names.text(vm.family) };
        let counts_for: &[Total<'_>] = if timelines.is_spot(vm) { &[Total::Spot] } else { &[family, Total::Regional] };
        for total in counts_for {
            let vms = found.entry(*total).or_default();
            match (booted_us, vm.vcpus) {
                (None, _) => vms.refused += 1,
                (Some(_), None) => vms.unknown += 1,
                (Some(booted_us), Some(vcpus)) => vms.counted.push(Counted {
                    name: names.text(vm.name),
                    cores: u64::from(vcpus),
                    accepted_us: vm.accepted_us.unwrap_or(booted_us),
                    booted_us,
                    gone_us: vm.gone_us().unwrap_or(u64::MAX),
                }),
            }
        }
    }
    found
}

/// Every quota that is ever set: its scope, and its cores over time, which are [`AMPLE`] while it is not set.
struct Quotas<'a>(Vec<(&'a str, Steps)>);

impl<'a> Quotas<'a> {
    /// Those of the plan, and those that nothing but a fault sets.
    fn of(check: &'a Quota, evidence: &Evidence<'a>) -> Self {
        let by_faults = evidence.source.plan.faults().filter_map(|fault| match &fault.kind {
            FaultKind::Quota { scope, .. } => Some((scope.as_str(), AMPLE)),
            _ => None,
        });
        let by_plan = check.cores.iter().map(|(scope, cores)| (scope.as_str(), i64::from(*cores)));
        // The simulated Azure takes a scope in any case.
        let initial: BTreeMap<String, (&str, i64)> =
            by_faults.chain(by_plan).map(|(scope, cores)| (scope.to_ascii_lowercase(), (scope, cores))).collect();
        Self(initial.into_values().map(|(scope, cores)| (scope, limit(scope, cores, evidence))).collect())
    }

    /// The quotas of these scopes, of those that are ever set.
    fn of_scopes<'s>(&'s self, scopes: impl Iterator<Item = &'s str>) -> impl Iterator<Item = &'s Steps> {
        scopes.filter_map(|scope| self.0.iter().find(|(known, _)| is_same(known, scope))).map(|(_, limit)| limit)
    }

    /// The limit of a total over time; `None` where there is never one.
    fn limit(&self, total: Total<'_>) -> Option<Steps> {
        self.of_scopes(total.scopes()).cloned().reduce(|beats, other| while_set(&beats, &other))
    }

    /// What the quota of a total is called: the letter where nothing else can be meant, as the scenario does.
    fn label<'t>(&self, total: Total<'t>, totals: &BTreeMap<Total<'t>, Candidates<'_>>) -> &'t str {
        let with = |letter: &str| totals.keys().filter(|total| total.scopes().any(|scope| scope == letter)).count();
        match total {
            Total::Family { name, letter }
                if with(letter) == 1 && self.of_scopes([name].into_iter()).next().is_none() =>
            {
                letter
            }
            Total::Family { name, .. } => name,
            Total::Regional => "regional",
            Total::Spot => "spot",
        }
    }

    /// The quotas that were never in force for a total that has VMs, with their scopes.
    fn without_vms<'s>(
        &'s self,
        totals: &'s BTreeMap<Total<'s>, Candidates<'_>>,
        until_us: u64,
    ) -> impl Iterator<Item = (&'a str, &'s Steps)> {
        let is_in_force = move |scope: &str, total: Total<'s>| {
            let others = total.scopes().take_while(|other| !is_same(other, scope));
            total.scopes().any(|own| is_same(own, scope))
                && self
                    .of_scopes(others)
                    .all(|other| other.all().iter().any(|(at_us, cores)| *cores == AMPLE && *at_us < until_us))
        };
        let without = move |(scope, _): &&'s (&'a str, Steps)| !totals.keys().any(|total| is_in_force(scope, *total));
        self.0.iter().filter(without).map(|(scope, limit)| (*scope, limit))
    }
}

/// Whether two scopes are the same one.
fn is_same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// A quota while it is set, and otherwise the other.
fn while_set(quota: &Steps, other: &Steps) -> Steps {
    let mut moments: Vec<u64> = quota.all().iter().chain(other.all()).map(|(at_us, _)| *at_us).collect();
    moments.sort_unstable();
    let in_force = |at_us: u64| match quota.at(at_us) {
        AMPLE => other.at(at_us),
        cores => cores,
    };
    let mut values: Vec<(u64, i64)> = moments.into_iter().map(|at_us| (at_us, in_force(at_us))).collect();
    values.dedup_by_key(|(_, cores)| *cores);
    Steps::from_values(values)
}

/// The quota of a scope over time.
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
            let of_scope = sets.as_ref().filter(|sets| is_same(&sets.scope, scope));
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
        FaultKind::Quota { scope: of, cores } if is_same(of, scope) => Some((fault.name()?, i64::from(*cores))),
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
        if let Some(done) = done.filter(|_| is_same(of, scope)) {
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
