//! Symptoms: what a person sees first, and what follows from a cause.

use std::collections::{BTreeMap, BTreeSet};

use harness_plan::{Action, Candidates, Check, Condition, Conditions, EventPattern, OccurrenceKind, Phase, Plan};

use super::cause::{About, Cause, Extent};
use crate::event::PhaseOutcome;
use crate::timeline::PhaseTimeline;
use crate::verdict::outcome::{Evidence, ExpectationResult, Verdict};

/// What a person sees.
#[derive(Clone, Debug)]
pub(super) enum Kind<'a> {
    /// Pods of a class that a phase waited for were not Ready at its deadline.
    PodsMissing { class: &'a str, asked: u64, late: u64, never: u64, phase: &'a str },
    /// A phase hit its deadline.
    PhaseMissed { phase: &'a PhaseTimeline, until: Option<&'a Conditions>, took_us: u64 },
    /// An expectation failed.
    Expectation(&'a ExpectationResult),
    /// Expectations without evidence.
    NoEvidence(Vec<&'a ExpectationResult>),
}

/// A symptom, and what can be a cause of it.
#[derive(Clone, Debug)]
pub(super) struct Symptom<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) extent: Extent<'a>,
    /// Whether the plan delivers something in this time: then what hinders the delivery can be a cause too.
    pub(super) delivers: bool,
    /// Whether it is about nodes that should have gone or been replaced: then what keeps Karpenter from disrupting them can be a cause.
    pub(super) awaits_disruption: bool,
}

impl Symptom<'_> {
    /// Whether the run itself shows it, rather than an expectation about the run.
    pub(super) fn is_primary(&self) -> bool {
        matches!(self.kind, Kind::PodsMissing { .. } | Kind::PhaseMissed { .. })
    }

    /// Whether a cause can be one of this.
    pub(super) fn is_explained_by(&self, cause: &Cause<'_>) -> bool {
        (self.awaits_disruption || !cause.blocks_disruption()) && self.coincides(&cause.extent)
    }

    /// Whether a cause is about the same, at the same time. What hinders the delivery explains nodes and pods only if it still does at the end:
    /// until then the plan may have meant it.
    fn coincides(&self, cause: &Extent<'_>) -> bool {
        let delivered = Extent { about: About::Delivery, ..self.extent.clone() };
        let hindered = self.delivers && cause.to_us >= self.extent.to_us && cause.touches(&delivered);
        cause.touches(&self.extent) || hindered
    }
}

/// Every symptom, the primary ones first.
pub(super) fn symptoms<'a>(evidence: &Evidence<'a>, expectations: &'a [ExpectationResult]) -> Vec<Symptom<'a>> {
    let missing = missing_pods(evidence);
    let mut symptoms = Vec::new();
    let phases = missed_phases(evidence, !missing.is_empty());
    symptoms.extend(missing);
    symptoms.extend(phases);
    symptoms.extend(failed_expectations(evidence, expectations));
    symptoms
}

/// Whether a phase ends when all pods are Ready, and not before, and its deadline must not pass.
fn must_have_pods(phase: &Phase) -> bool {
    let waits = phase.until.as_ref().is_some_and(|until| until.0.contains(&Condition::AllPodsReady));
    waits && !phase.deadline_may_pass
}

/// The classes whose pods were not Ready at the first deadline of a phase that waited for them.
fn missing_pods<'a>(evidence: &Evidence<'a>) -> Vec<Symptom<'a>> {
    struct Missing {
        asked: u64,
        late: u64,
        never: u64,
        from_us: u64,
    }
    let source = evidence.source;
    let gave_up = source.plan.phases.iter().filter(|phase| must_have_pods(phase)).find_map(|phase| {
        match source.timelines.phases.named(&phase.name)?.ended? {
            (at_us, PhaseOutcome::DeadlinePassed) => Some((phase, at_us)),
            _ => None,
        }
    });
    let Some((phase, deadline_us)) = gave_up else { return Vec::new() };
    let mut classes: BTreeMap<&str, Missing> = BTreeMap::new();
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
        let new = Missing { asked: 0, late: 0, never: 0, from_us: u64::MAX };
        let missing = classes.entry(workload.class.as_str()).or_insert(new);
        missing.asked += 1;
        if ready.is_none_or(|ready| ready.at_us() > deadline_us) {
            missing.late += 1;
            missing.never += u64::from(ready.is_none());
            missing.from_us = missing.from_us.min(slot.intended_us);
        }
    }
    let mut missing: Vec<_> = classes.into_iter().filter(|(_, missing)| missing.late > 0).collect();
    missing.sort_by_key(|(class, missing)| (std::cmp::Reverse(missing.late), *class));
    let describe = |(class, Missing { asked, late, never, from_us })| Symptom {
        kind: Kind::PodsMissing { class, asked, late, never, phase: &phase.name },
        extent: Extent { about: About::pool(class), from_us, to_us: deadline_us },
        delivers: delivers(source.plan, [phase.name.as_str()]),
        awaits_disruption: false,
    };
    missing.into_iter().map(describe).collect()
}

/// Phases that hit their deadline, where missing pods do not say it all.
fn missed_phases<'a>(evidence: &Evidence<'a>, pods_are_missing: bool) -> Vec<Symptom<'a>> {
    let source = evidence.source;
    let planned = |name: &str| source.plan.phases.iter().find(|phase| phase.name == name);
    let missed = source.timelines.phases.all.iter().filter_map(|phase| match phase.ended {
        Some((at_us, PhaseOutcome::DeadlinePassed)) => Some((phase, at_us)),
        _ => None,
    });
    let symptom = |(phase, at_us): (&'a PhaseTimeline, u64)| {
        let plan = planned(&phase.name);
        if plan.is_some_and(|plan| plan.deadline_may_pass) {
            return None;
        }
        let until = plan.and_then(|phase| phase.until.as_ref());
        if pods_are_missing && until.is_some_and(|until| until.0 == [Condition::AllPodsReady]) {
            return None;
        }
        Some(Symptom {
            kind: Kind::PhaseMissed { phase, until, took_us: at_us.saturating_sub(phase.began_us) },
            extent: Extent {
                about: until.map_or(About::Delivery, |until| about_conditions(until, source.plan)),
                from_us: phase.began_us,
                to_us: at_us,
            },
            delivers: planned(&phase.name).is_none() || delivers(source.plan, [phase.name.as_str()]),
            awaits_disruption: until
                .is_some_and(|until| until.0.iter().flat_map(Condition::parts).any(awaits_disruption)),
        })
    };
    missed.filter_map(symptom).collect()
}

/// Failed expectations other than those on phases, which are symptoms of their own.
fn failed_expectations<'a>(evidence: &Evidence<'a>, expectations: &'a [ExpectationResult]) -> Vec<Symptom<'a>> {
    let plan = evidence.source.plan;
    let planned = plan.expectations.iter().zip(expectations);
    let failed = planned
        .filter(|(planned, result)| result.verdict == Verdict::Fail && !matches!(planned.check, Check::Phase(_)));
    let symptom = |(planned, result): (&'a harness_plan::Expectation, &'a ExpectationResult)| {
        let (from_us, to_us) = time_of(&planned.check, evidence);
        Symptom {
            kind: Kind::Expectation(result),
            extent: Extent { about: about_check(&planned.check, &result.subjects, plan), from_us, to_us },
            delivers: delivers(plan, planned.check.scope().all_phases()),
            awaits_disruption: expects_disruption(&planned.check),
        }
    };
    failed.map(symptom).collect()
}

/// The expectations without evidence, as one symptom.
pub(super) fn without_evidence<'a>(
    evidence: &Evidence<'a>,
    expectations: &'a [ExpectationResult],
) -> Option<Symptom<'a>> {
    let doubtful: Vec<&ExpectationResult> =
        expectations.iter().filter(|it| it.verdict == Verdict::Inconclusive).collect();
    (!doubtful.is_empty()).then_some(Symptom {
        kind: Kind::NoEvidence(doubtful),
        extent: Extent { about: About::Everything, from_us: 0, to_us: evidence.source.horizon.us },
        delivers: false,
        awaits_disruption: false,
    })
}

/// Whether a condition waits for nodes to come or go.
fn awaits_disruption(condition: &Condition) -> bool {
    match condition {
        Condition::AllNodesReplaced | Condition::NoNodes | Condition::Nodes(_) | Condition::Settled(_) => true,
        Condition::Happened(happened) => is_of_nodes(happened.pattern.what),
        Condition::AllPodsReady
        | Condition::ReadyPods(_)
        | Condition::NoPods
        | Condition::Field(_)
        | Condition::Notified(_)
        | Condition::InForce
        // Its parts are looked at.
        | Condition::Any(_) => false,
    }
}

/// Whether a check that has failed may have done so because nodes did not go.
fn expects_disruption(check: &Check) -> bool {
    match check {
        Check::Replaced(_) | Check::Price(_) | Check::Fleet(_) => true,
        Check::Happened(happened) => happened.bounds.at_least.is_some() && is_of_nodes(happened.pattern.what),
        _ => false,
    }
}

/// Whether it happens to nodes; new ones come also where others are replaced.
fn is_of_nodes(what: OccurrenceKind) -> bool {
    use OccurrenceKind as Of;
    matches!(
        what,
        Of::NodeclaimCreated
            | Of::NodeclaimLaunched
            | Of::NodeclaimRegistered
            | Of::NodeclaimInitialized
            | Of::NodeclaimDisrupted
            | Of::NodeclaimDeleting
            | Of::NodeclaimDeleted
            | Of::NodeReady
            | Of::NodeNotReady
            | Of::NodeDeleted
            | Of::VmAccepted
            | Of::VmBooted
            | Of::VmDeleted
    )
}

/// From the start of the first phase of a check to the end of the last; the whole run where it names none.
fn time_of(check: &Check, evidence: &Evidence<'_>) -> (u64, u64) {
    let (timelines, horizon_us) = (evidence.source.timelines, evidence.source.horizon.us);
    let seen: Vec<&PhaseTimeline> =
        check.scope().all_phases().filter_map(|name| timelines.phases.named(name)).collect();
    let from_us = seen.iter().map(|phase| phase.began_us).min().unwrap_or(0);
    let to_us = seen.iter().map(|phase| phase.ended.map_or(horizon_us, |(at_us, _)| at_us)).max();
    (from_us, to_us.unwrap_or(horizon_us))
}

/// Whether the plan changes the tree in one of these phases.
fn delivers<'n>(plan: &Plan, phases: impl IntoIterator<Item = &'n str>) -> bool {
    let phases: BTreeSet<&str> = phases.into_iter().collect();
    let planned = plan.phases.iter().filter(|phase| phases.contains(phase.name.as_str()));
    planned.flat_map(|phase| &phase.actions).any(|planned| Action::pushes(&planned.action))
}

fn about_conditions<'p>(until: &'p Conditions, plan: &'p Plan) -> About<'p> {
    let mut pools = BTreeSet::new();
    for condition in until.0.iter().flat_map(Condition::parts) {
        match condition {
            Condition::ReadyPods(pods) => pools.extend(class_of(&pods.workload, plan)),
            Condition::Nodes(nodes) => match nodes.nodepool.as_deref() {
                Some(pool) => drop(pools.insert(pool)),
                None => pools.extend(used_pools(plan)),
            },
            Condition::Happened(happened) => match about_pattern(&happened.pattern, plan) {
                About::Pools(found) if !found.is_empty() => pools.extend(found),
                // Of whichever pool.
                About::Pools(_) | About::Everything => pools.extend(used_pools(plan)),
                About::Delivery => return About::Delivery,
            },
            Condition::AllPodsReady
            | Condition::NoPods
            | Condition::NoNodes
            | Condition::AllNodesReplaced
            | Condition::Settled(_) => pools.extend(used_pools(plan)),
            Condition::Field(_) | Condition::Notified(_) | Condition::InForce => return About::Delivery,
            // Its parts are looked at.
            Condition::Any(_) => {}
        }
    }
    About::Pools(pools)
}

/// What a check is about, of what its findings name.
fn about_check<'p>(check: &'p Check, subjects: &[String], plan: &'p Plan) -> About<'p> {
    let scope = check.scope();
    let named = |names: &'p [String]| names.iter().filter(|name| subjects.contains(name)).map(String::as_str);
    let pools: BTreeSet<&str> = match (scope.selection, scope.pattern) {
        // Pods without a node are symptoms of their own.
        _ if matches!(check, Check::Placement(_) | Check::Limits(_)) => BTreeSet::new(),
        (Some((workloads, Candidates::Workloads | Candidates::PendingWorkloads | Candidates::AnyWorkloads)), _) => {
            named(workloads.names()).filter_map(|workload| class_of(workload, plan)).collect()
        }
        (Some((nodepools, Candidates::Nodepools | Candidates::LimitedNodepools)), _) => {
            named(nodepools.names()).collect()
        }
        (None, Some(pattern)) => return about_pattern(pattern, plan),
        (None, None) if matches!(check, Check::Fleet(_)) => used_pools(plan).collect(),
        (None, None) => return About::Delivery,
    };
    About::Pools(pools)
}

fn about_pattern<'p>(pattern: &'p EventPattern, plan: &'p Plan) -> About<'p> {
    let workload = || pattern.workload.as_ref().and_then(|workload| class_of(workload, plan));
    let of_flux = matches!(
        pattern.what,
        OccurrenceKind::Notified
            | OccurrenceKind::SourceFailed
            | OccurrenceKind::KustomizationFailed
            | OccurrenceKind::KustomizationWaiting
            | OccurrenceKind::RevisionApplied
            | OccurrenceKind::RevisionHealthy
    );
    match pattern.nodepool.as_deref().or_else(workload) {
        _ if of_flux => About::Delivery,
        Some(pool) => About::pool(pool),
        None => About::Pools(BTreeSet::new()),
    }
}

/// The pools that the plan's workloads are for.
fn used_pools(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.workloads.iter().filter(|workload| !workload.stays_pending).map(|workload| workload.class.as_str())
}

/// The pool that a workload is for.
pub(super) fn class_of<'p>(workload: &str, plan: &'p Plan) -> Option<&'p str> {
    plan.workloads.iter().find(|known| known.name == workload).map(|known| known.class.as_str())
}
