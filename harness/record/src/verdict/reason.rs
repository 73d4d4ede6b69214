//! The reasons of a run's verdict: lines that name the pool and Azure's error code.

use std::collections::{BTreeMap, BTreeSet};

use harness_plan::{Action, Candidates, Check, Condition, Conditions, EventPattern, Plan};

use super::nodes::of_pool;
use super::outcome::{Evidence, ExpectationResult, Verdict};
use crate::event::{EndReason, PhaseOutcome};
use crate::text;
use crate::timeline::is_schedulers;

/// Length of a quoted message, characters.
const QUOTE: usize = 160;
/// Names of leaks that are shown.
const SHOWN: usize = 5;

/// Causes that the one line combines when there is none of the first rank.
const JOINED: usize = 3;

/// Why the run has its verdict.
#[derive(Debug, Default)]
pub(crate) struct Reasons {
    /// The one line; empty when everything held.
    pub(crate) line: String,
    /// Its parts, then what follows from them, one line each.
    pub(crate) all: Vec<String>,
}

/// Finds the reasons. A mere consequence (a percentile of pods that were never Ready, their placement) is not in the one line when its
/// cause is.
pub(crate) fn reasons(
    evidence: &Evidence<'_>,
    expectations: &[ExpectationResult],
    leaks: &BTreeSet<(String, String)>,
) -> Reasons {
    let failed = expectations.iter().any(|it| it.verdict == Verdict::Fail);
    let mut causes: Vec<String> = ending(evidence).into_iter().collect();
    let pods = missing_pods(evidence);
    let pods_explained = !pods.is_empty();
    causes.extend(pods);
    let (phases, explained) = failed_phases(evidence, pods_explained);
    causes.extend(phases);
    if failed {
        causes.extend(global_causes(evidence));
    }
    causes.extend(left_behind(leaks));
    let rest = consequences(evidence, expectations, &explained);
    let shorten = |lines: Vec<String>| -> Vec<String> { lines.iter().map(|line| text::one_line(line, 600)).collect() };
    let (causes, rest) = (shorten(causes), shorten(rest));
    // A killed component, for example, explains something only together with a failure.
    let enough = pods_explained || causes.len() > 1 || !failed;
    let joined = if causes.is_empty() || !enough { JOINED } else { 0 };
    let line: Vec<String> = causes.iter().chain(rest.iter().take(joined)).cloned().collect();
    Reasons { line: line.join("; "), all: causes.into_iter().chain(rest).collect() }
}

/// Failed expectations, and those without evidence; phases have lines of their own. A pool that is explained already is not explained
/// again.
fn consequences(
    evidence: &Evidence<'_>,
    expectations: &[ExpectationResult],
    explained: &BTreeSet<&str>,
) -> Vec<String> {
    let planned = &evidence.source.plan.expectations;
    let phases: BTreeSet<&str> =
        planned.iter().filter(|it| matches!(it.check, Check::Phase(_))).map(|it| it.name.as_str()).collect();
    let failed = expectations.iter().filter(|it| it.verdict == Verdict::Fail && !phases.contains(it.name.as_str()));
    let mut lines: Vec<String> = failed
        .map(|it| {
            let line = format!("{}: {}", it.name, it.observed);
            match because(evidence, it).filter(|(pool, _)| !explained.contains(pool)) {
                Some((_, why)) => format!("{line}; {why}"),
                None => line,
            }
        })
        .collect();
    let doubtful: Vec<String> = expectations
        .iter()
        .filter(|it| it.verdict == Verdict::Inconclusive)
        .map(|it| format!("{} ({})", it.name, it.observed))
        .collect();
    // About a run in which nothing was done there is nothing else to say.
    let not_run = matches!(evidence.source.timelines.ended, Some((EndReason::NotRun, _)));
    if !doubtful.is_empty() && !not_run {
        lines.push(format!("not enough evidence: {}", text::first_few(&doubtful, 3)));
    }
    lines
}

/// Explanations of the pools that a failed expectation is about: Azure's code, or the controller's reason.
fn because<'a>(evidence: &Evidence<'a>, result: &ExpectationResult) -> Option<(&'a str, String)> {
    let plan = evidence.source.plan;
    let check = &plan.expectations.iter().find(|planned| planned.name == result.name)?.check;
    pools_of(check, &result.subjects, plan).into_iter().find_map(|pool| Some((pool, known_of(pool, evidence)?)))
}

/// `general-purpose: Azure: AllocationFailed (...), 3 times`.
fn known_of(pool: &str, evidence: &Evidence<'_>) -> Option<String> {
    let causes = pool_causes(pool, evidence);
    (!causes.is_empty()).then(|| format!("{pool}: {}", causes.join("; ")))
}

/// Why the run did not complete.
fn ending(evidence: &Evidence<'_>) -> Option<String> {
    let timelines = evidence.source.timelines;
    let (what, detail) = match &timelines.ended {
        Some((EndReason::Completed, _)) => return None,
        Some((EndReason::NotRun, detail)) => ("not run", detail.as_str()),
        Some((EndReason::TargetFailed, detail)) => ("the target failed", detail.as_str()),
        Some((EndReason::Interrupted, detail)) => ("interrupted", detail.as_str()),
        None => {
            let phase = match timelines.phases.current() {
                Some(phase) => format!(" in phase {}", phase.name),
                None => String::new(),
            };
            let at = text::duration(timelines.last_us);
            return Some(format!("killed{phase}: the log has no end, its last event is at {at}"));
        }
    };
    let cancelled = timelines
        .phases
        .all
        .iter()
        .find(|phase| phase.ended.is_none_or(|(_, outcome)| outcome == PhaseOutcome::Cancelled))
        .map(|phase| format!(" in phase {}", phase.name))
        .unwrap_or_default();
    Some(if detail.is_empty() { format!("{what}{cancelled}") } else { format!("{what}{cancelled}: {detail}") })
}

/// Whether a phase ends when all pods are Ready, and not before.
fn waits_for_pods(until: Option<&Conditions>) -> bool {
    until.is_some_and(|until| until.0.contains(&Condition::AllPodsReady))
}

/// For each class whose pods were not Ready at the deadline of a phase that waited for them: how many, and why.
fn missing_pods(evidence: &Evidence<'_>) -> Vec<String> {
    let source = evidence.source;
    let gave_up = source.plan.phases.iter().filter(|phase| waits_for_pods(phase.until.as_ref())).find_map(|phase| {
        match source.timelines.phases.named(&phase.name)?.ended? {
            (at_us, PhaseOutcome::DeadlinePassed) => Some((phase, at_us)),
            _ => None,
        }
    });
    let Some((phase, deadline_us)) = gave_up else { return Vec::new() };
    // By class: asked for, not Ready then, never Ready.
    let mut classes: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for slot in &source.slots.all {
        let Some(workload) = source.plan.workloads.get(slot.workload) else { continue };
        if workload.stays_pending || !workload.awaited {
            continue;
        }
        let taken_back = slot.withdrawn_us.is_some_and(|at_us| at_us <= deadline_us);
        if slot.intended_us > deadline_us || taken_back {
            continue;
        }
        let ready = slot.pod.and_then(|pod| source.timelines.pods.all.get(pod as usize)).and_then(|pod| pod.ready);
        let (asked, late, never) = classes.entry(workload.class.as_str()).or_default();
        *asked += 1;
        *late += u64::from(ready.is_none_or(|ready| ready.at_us() > deadline_us));
        *never += u64::from(ready.is_none());
    }
    let mut missing: Vec<_> = classes.into_iter().filter(|(_, (_, late, _))| *late > 0).collect();
    missing.sort_by_key(|(class, (_, late, _))| (std::cmp::Reverse(*late), *class));
    missing
        .into_iter()
        .map(|(class, (asked, late, never))| {
            let what = if never > 0 {
                format!("{never} of {} never Ready", text::count(asked, "pod"))
            } else {
                format!("{late} of {} Ready only after phase {}'s deadline", text::count(asked, "pod"), phase.name)
            };
            let causes = pool_causes(class, evidence);
            if causes.is_empty() {
                format!("{class}: {what}")
            } else {
                format!("{class}: {what}; {}", causes.join("; "))
            }
        })
        .collect()
}

/// Explanations of a pool's missing pods, Azure's before the controller's.
fn pool_causes(pool: &str, evidence: &Evidence<'_>) -> Vec<String> {
    let timelines = evidence.source.timelines;
    let names = &timelines.names;
    let mut causes = Vec::new();
    let mut failures: Vec<_> =
        timelines.azure.failures.iter().filter(|((of, _), _)| names.text(*of) == pool || of.is_none()).collect();
    failures.sort_by_key(|(_, failures)| std::cmp::Reverse(failures.times.count));
    for ((_, code), failures) in failures.into_iter().take(2) {
        let message = text::one_line(&failures.message, QUOTE);
        let message = if message.is_empty() { String::new() } else { format!(" ({message})") };
        causes.push(format!("Azure: {}{message}, {}", names.text(*code), text::count(failures.times.count, "time")));
    }
    let vms = || timelines.azure.vms.iter().filter(|vm| names.text(vm.placed.nodepool) == pool);
    let unregistered = vms().filter(|vm| vm.booted_us.is_some() && vm.registered_us.is_none()).count();
    if unregistered > 0 {
        causes.push(format!("{} booted and never registered", text::count(unregistered, "VM")));
    } else if !evidence.has_azure_record() {
        let nodes = of_pool(pool, evidence).into_iter();
        let stuck = nodes.filter(|node| node.claim.launched.is_some() && node.claim.registered.is_none()).count();
        if stuck > 0 {
            causes.push(format!("{} launched and never registered", text::count(stuck, "NodeClaim")));
        }
    }
    let crashed = vms().filter(|vm| vm.crashed_us.is_some()).count();
    if crashed > 0 {
        causes.push(format!("{} crashed", text::count(crashed, "VM")));
    }
    let evicted = vms().filter(|vm| vm.evicted_us.is_some()).count();
    if evicted > 0 {
        causes.push(format!("{} evicted", text::count(evicted, "spot VM")));
    }
    if causes.is_empty() {
        causes.extend(controllers_word(pool, evidence));
    }
    causes
}

/// The most telling reason that controllers gave about the pool.
fn controllers_word(pool: &str, evidence: &Evidence<'_>) -> Option<String> {
    let source = evidence.source;
    let classes: BTreeMap<&str, &str> =
        source.plan.workloads.iter().map(|workload| (workload.name.as_str(), workload.class.as_str())).collect();
    let of_pool = source.timelines.reasons.all.iter().filter(|(key, _)| {
        let owner = key.owner.as_str();
        owner == pool || (key.kind == "Pod" && classes.get(owner) == Some(&pool))
    });
    let (key, given) = of_pool.min_by_key(|(key, given)| {
        let rank = match key.reason.as_str() {
            "InsufficientCapacityError" => 0,
            "NodeClassNotReady" => 1,
            "NoCompatibleInstanceTypes" => 2,
            "FailedScheduling" if !is_schedulers(&given.message) => 3,
            "FailedScheduling" => 5,
            _ => 4,
        };
        (rank, std::cmp::Reverse(given.count))
    })?;
    Some(format!("{}: {}", key.reason, text::one_line(&given.message, QUOTE)))
}

/// Causes that concern every pool.
fn global_causes(evidence: &Evidence<'_>) -> Option<String> {
    let timelines = evidence.source.timelines;
    let mut causes = Vec::new();
    let between = |first_us, last_us| format!("between {} and {}", text::duration(first_us), text::duration(last_us));
    let throttled = timelines.azure.throttled;
    if throttled.count > 0 {
        let when = between(throttled.first_us, throttled.last_us);
        causes.push(format!("Azure Resource Manager answered 429 to {} {when}", text::count(throttled.count, "call")));
    }
    let refused = timelines.azure.refused;
    if refused.count > 0 {
        let when = between(refused.first_us, refused.last_us);
        causes.push(format!("Azure Resource Manager was down: {} refused {when}", text::count(refused.count, "call")));
    }
    for (action, planned) in timelines.actions.of_plan() {
        let Action::KillComponent(component) = planned else { continue };
        let at_us = action.sent_us.unwrap_or(action.intended_us);
        let again = timelines.actions.of_plan().find(|(later, planned)| {
            let sent_us = later.sent_us.unwrap_or(later.intended_us);
            let starts = matches!(planned, Action::StartComponent(started) if started == component);
            sent_us >= at_us && later.error.is_none() && starts
        });
        let again = match again {
            Some((later, _)) => {
                format!("started again at {}", text::duration(later.sent_us.unwrap_or(later.intended_us)))
            }
            None => "not started again".to_owned(),
        };
        causes.push(format!("{component} was killed at {}, {again}", text::duration(at_us)));
    }
    let failed: Vec<String> = timelines
        .actions
        .all
        .iter()
        .filter_map(|action| Some(format!("{}: {}", timelines.actions.describe(action), action.error.as_ref()?)))
        .collect();
    if !failed.is_empty() {
        causes.push(format!("failed actions: {}", text::first_few(&failed, 2)));
    }
    (!causes.is_empty()).then(|| causes.join("; "))
}

/// Phases that missed their deadline, where the pods do not explain it, and the pools that these lines explain.
fn failed_phases<'a>(evidence: &Evidence<'a>, pods_explained: bool) -> (Vec<String>, BTreeSet<&'a str>) {
    let source = evidence.source;
    let until =
        |name: &str| source.plan.phases.iter().find(|phase| phase.name == name).and_then(|phase| phase.until.as_ref());
    let mut explained = BTreeSet::new();
    let lines = source
        .timelines
        .phases
        .all
        .iter()
        .filter(|phase| matches!(phase.ended, Some((_, PhaseOutcome::DeadlinePassed))))
        .filter(|phase| {
            !(pods_explained && until(&phase.name).is_some_and(|until| until.0 == [Condition::AllPodsReady]))
        })
        .map(|phase| {
            let what = until(&phase.name).map_or("its condition".to_owned(), ToString::to_string);
            let ended_us = phase.ended.map_or(phase.began_us, |(at_us, _)| at_us);
            let took = text::duration(ended_us.saturating_sub(phase.began_us));
            let detail = if phase.detail.is_empty() { String::new() } else { format!(": {}", phase.detail) };
            let of = until(&phase.name).and_then(|until| pool_of(until, source.plan));
            let why = of.and_then(|pool| Some((pool, known_of(pool, evidence)?)));
            let why = why.map_or(String::new(), |(pool, why)| {
                explained.insert(pool);
                format!("; {why}")
            });
            format!("phase {}: not {what} after {took}{detail}{why}", phase.name)
        })
        .collect();
    (lines, explained)
}

fn left_behind(leaks: &BTreeSet<(String, String)>) -> Option<String> {
    if leaks.is_empty() {
        return None;
    }
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, _) in leaks {
        *kinds.entry(kind).or_default() += 1;
    }
    let counts: Vec<String> = kinds.into_iter().map(|(kind, count)| text::count(count, kind)).collect();
    let names: Vec<String> = leaks.iter().map(|(_, name)| name.clone()).collect();
    Some(format!("left behind: {} ({})", counts.join(", "), text::first_few(&names, SHOWN)))
}

/// The pools that a check is about, of those that its findings name; empty where it is about all of them or none.
fn pools_of<'p>(check: &'p Check, subjects: &[String], plan: &'p Plan) -> Vec<&'p str> {
    let of_workloads = |workloads: &'p [String]| -> Vec<&'p str> {
        let named = workloads.iter().filter(|workload| subjects.contains(workload));
        named.filter_map(|workload| class_of(workload, plan)).collect()
    };
    let scope = check.scope();
    let all: Vec<&str> = match (scope.selection, scope.pattern) {
        // Pods without a node have lines of their own in the reason.
        _ if matches!(check, Check::Placement(_) | Check::Limits(_)) => Vec::new(),
        (Some((workloads, Candidates::Workloads | Candidates::PendingWorkloads)), _) => of_workloads(workloads.names()),
        (Some((nodepools, Candidates::Nodepools | Candidates::LimitedNodepools)), _) => nodepools
            .names()
            .iter()
            .map(String::as_str)
            .filter(|pool| subjects.iter().any(|subject| subject == pool))
            .collect(),
        (None, Some(pattern)) => of_pattern(pattern, plan).into_iter().collect(),
        (None, None) => Vec::new(),
    };
    let mut seen = BTreeSet::new();
    all.into_iter().filter(|pool| seen.insert(*pool)).collect()
}

/// The pool that a phase's conditions are about.
fn pool_of<'p>(until: &'p Conditions, plan: &'p Plan) -> Option<&'p str> {
    until.0.iter().find_map(|condition| match condition {
        Condition::ReadyPods(pods) => class_of(&pods.workload, plan),
        Condition::Nodes(nodes) => nodes.nodepool.as_deref(),
        Condition::Happened(happened) => of_pattern(&happened.pattern, plan),
        Condition::AllPodsReady
        | Condition::NoPods
        | Condition::NoNodes
        | Condition::AllNodesReplaced
        | Condition::Settled(_)
        | Condition::Field(_)
        | Condition::Notified(_)
        | Condition::InForce
        | Condition::Any(_) => None,
    })
}

fn of_pattern<'p>(pattern: &'p EventPattern, plan: &'p Plan) -> Option<&'p str> {
    let workload = || pattern.workload.as_ref().and_then(|workload| class_of(workload, plan));
    pattern.nodepool.as_deref().or_else(workload)
}

fn class_of<'p>(workload: &str, plan: &'p Plan) -> Option<&'p str> {
    plan.workloads.iter().find(|known| known.name == workload).map(|known| known.class.as_str())
}
