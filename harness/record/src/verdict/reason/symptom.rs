//! Symptoms: what a person sees first, and what follows from a cause.

use std::collections::{BTreeMap, BTreeSet};

use harness_plan::{
    Action, Candidates, Check, Condition, Conditions, EventPattern, LatencyName, OccurrenceKind, Phase, Plan, Trigger,
};

use super::cause::{About, Cause, Extent, Rank, Work};
use crate::event::{PhaseOutcome, Reached};
use crate::timeline::{PhaseTimeline, ROOT, Stamp, pushes};
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
    /// What the plan's commits of this time need: what hinders it can be a cause too.
    pub(super) delivery: BTreeSet<Work>,
    /// Whether it is about nodes that should have gone or been replaced: then what keeps Karpenter from disrupting them can be a cause.
    pub(super) awaits_disruption: bool,
    /// Whether it is about pods each of which has a node.
    pub(super) all_bound: bool,
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
        let delivered = Extent { about: About::work(self.delivery.iter().copied()), ..self.extent.clone() };
        cause.touches(&self.extent) || (cause.outlasts(&self.extent) && cause.touches(&delivered))
    }

    /// The rank of a cause of this, beside the other causes of it.
    pub(super) fn rank<'a>(&self, cause: &Cause<'a>, all: &[Cause<'a>]) -> Rank {
        let over = cause.passes() && !cause.extent.outlasts(&self.extent);
        match cause.rank() {
            _ if over || (self.all_bound && cause.is_before_binding()) => Rank::Over,
            Rank::Gone if all.iter().any(|other| other.forestalls(cause, &self.extent)) => Rank::GoneLater,
            rank => rank,
        }
    }
}

/// Every symptom, the primary ones first.
pub(super) fn symptoms<'a>(evidence: &Evidence<'a>, expectations: &'a [ExpectationResult]) -> Vec<Symptom<'a>> {
    let missing = missing_pods(evidence);
    let mut symptoms = Vec::new();
    let phases = missed_phases(evidence, !missing.is_empty());
    let expectations = failed_expectations(evidence, expectations, &missing);
    symptoms.extend(missing);
    symptoms.extend(phases);
    symptoms.extend(expectations);
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
        bound: u64,
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
        let pod = slot.pod.and_then(|pod| source.timelines.pods.all.get(pod as usize));
        let (ready, scheduled) = (pod.and_then(|pod| pod.ready), pod.and_then(|pod| pod.scheduled));
        let new = Missing { asked: 0, late: 0, never: 0, bound: 0, from_us: u64::MAX };
        let missing = classes.entry(workload.class.as_str()).or_insert(new);
        missing.asked += 1;
        if ready.is_none_or(|ready| ready.at_us() > deadline_us) {
            missing.late += 1;
            missing.never += u64::from(ready.is_none());
            missing.bound += u64::from(scheduled.is_some_and(|scheduled| scheduled.at_us() <= deadline_us));
            missing.from_us = missing.from_us.min(slot.intended_us);
        }
    }
    let mut missing: Vec<_> = classes.into_iter().filter(|(_, missing)| missing.late > 0).collect();
    missing.sort_by_key(|(class, missing)| (std::cmp::Reverse(missing.late), *class));
    let delivery = delivery(evidence, [phase.name.as_str()], deadline_us);
    let describe = |(class, Missing { asked, late, never, bound, from_us })| Symptom {
        kind: Kind::PodsMissing { class, asked, late, never, phase: &phase.name },
        extent: Extent { about: About::pool(class), from_us, to_us: deadline_us },
        delivery: delivery.clone(),
        awaits_disruption: false,
        all_bound: bound == late,
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
                // The phases of the run itself wait for the tree and the NodePools.
                about: until.map_or_else(
                    || About::work([Work::Fetch, Work::Apply, Work::Status]),
                    |until| about_conditions(until, &phase.name, evidence, at_us),
                ),
                from_us: phase.began_us,
                to_us: at_us,
            },
            delivery: delivery(evidence, [phase.name.as_str()], at_us),
            awaits_disruption: until
                .is_some_and(|until| until.0.iter().flat_map(Condition::parts).any(awaits_disruption)),
            all_bound: false,
        })
    };
    missed.filter_map(symptom).collect()
}

/// Failed expectations other than those on phases, which are symptoms of their own.
fn failed_expectations<'a>(
    evidence: &Evidence<'a>,
    expectations: &'a [ExpectationResult],
    missing: &[Symptom<'a>],
) -> Vec<Symptom<'a>> {
    let plan = evidence.source.plan;
    let planned = plan.expectations.iter().zip(expectations);
    let failed = planned
        .filter(|(planned, result)| result.verdict == Verdict::Fail && !matches!(planned.check, Check::Phase(_)));
    let symptom = |(planned, result): (&'a harness_plan::Expectation, &'a ExpectationResult)| {
        let (from_us, to_us) = time_of(&planned.check, evidence);
        let extent = Extent { about: about_check(&planned.check, &result.subjects, plan), from_us, to_us };
        let mut pods = missing.iter().filter(|missing| missing.extent.touches(&extent)).peekable();
        Symptom {
            kind: Kind::Expectation(result),
            // The same pods.
            all_bound: pods.peek().is_some() && pods.all(|missing| missing.all_bound),
            extent,
            delivery: delivery(evidence, planned.check.scope().all_phases(), to_us),
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
        extent: Extent { about: About::everything(), from_us: 0, to_us: evidence.source.horizon.us },
        delivery: BTreeSet::new(),
        awaits_disruption: false,
        all_bound: false,
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

/// What commits that the plan pushes in these phases still needed at a moment; nothing where it pushes none.
fn delivery<'n>(evidence: &Evidence<'_>, phases: impl IntoIterator<Item = &'n str>, at_us: u64) -> BTreeSet<Work> {
    let phases: BTreeSet<&str> = phases.into_iter().collect();
    let planned = evidence.source.plan.phases.iter().filter(|phase| phases.contains(phase.name.as_str()));
    if !planned.flat_map(|phase| &phase.actions).any(|planned| planned.action.pushes()) {
        return BTreeSet::new();
    }
    let mut work = missing_in_force(evidence, &phases, at_us);
    // What is in force by the root's word may not be so by that of another Kustomization.
    work.insert(Work::Apply);
    work
}

/// What the newest commit still needed at a moment to be in force; nothing where it was.
fn missing_in_force(evidence: &Evidence<'_>, phases: &BTreeSet<&str>, at_us: u64) -> BTreeSet<Work> {
    let timelines = evidence.source.timelines;
    let pushes = pushes(&timelines.actions);
    let newest = pushes.iter().rfind(|push| push.acked_us <= at_us).map(|push| push.commit);
    let by_then = |stamp: Option<Stamp>| stamp.is_some_and(|stamp| stamp.at_us() <= at_us);
    let reached = |reached| newest.is_some_and(|commit| by_then(timelines.gitops.first(ROOT, reached, commit)));
    let mut work = BTreeSet::new();
    if reached(Reached::Healthy) {
        return work;
    }
    work.insert(Work::Apply);
    if reached(Reached::Applied) {
        work.insert(Work::Status);
    } else if !newest.is_some_and(|commit| by_then(timelines.gitops.fetched(commit))) {
        work.insert(Work::Fetch);
        let calls = evidence.source.plan.phases.iter().any(|phase| {
            phases.contains(phase.name.as_str()) && phase.actions.iter().any(|planned| calls_receiver(&planned.action))
        });
        if calls {
            work.insert(Work::Notify);
        }
    }
    work
}

/// Whether Flux learns of a commit by the call of a Receiver.
fn calls_receiver(action: &Action) -> bool {
    matches!(action, Action::Commit(commit) if matches!(commit.trigger, Trigger::Receiver(_)))
}

/// What a field of an object may wait for.
fn field_work(plan: &Plan) -> About<'static> {
    let images = plan.actions().any(|planned| matches!(planned.action, Action::PublishImage(_)));
    let calls = plan.actions().any(|planned| calls_receiver(&planned.action));
    let mut work = BTreeSet::from([Work::Fetch, Work::Apply, Work::Status]);
    work.extend(images.then_some(Work::UpdateImage));
    work.extend(calls.then_some(Work::Notify));
    About::work(work)
}

/// What a notification of Flux may wait for.
fn notification_work() -> About<'static> {
    About::work([Work::Fetch, Work::Apply, Work::Notify])
}

/// What the conditions of a phase may still have waited for at its deadline.
fn about_conditions<'p>(until: &'p Conditions, phase: &str, evidence: &Evidence<'p>, deadline_us: u64) -> About<'p> {
    let plan = evidence.source.plan;
    let about = |condition: &'p Condition| match condition {
        Condition::ReadyPods(pods) => About::pools(class_of(&pods.workload, plan).into_iter().collect()),
        Condition::Nodes(nodes) => {
            About::pools(nodes.nodepool.as_deref().map_or_else(|| used_pools(plan).collect(), |pool| [pool].into()))
        }
        Condition::Happened(happened) => {
            let about = about_pattern(&happened.pattern, plan);
            // Of whichever pool.
            if about == About::pools(BTreeSet::new()) { About::pools(used_pools(plan).collect()) } else { about }
        }
        Condition::AllPodsReady
        | Condition::NoPods
        | Condition::NoNodes
        | Condition::AllNodesReplaced
        | Condition::Settled(_) => About::pools(used_pools(plan).collect()),
        Condition::Field(_) => field_work(plan),
        Condition::Notified(_) => notification_work(),
        Condition::InForce => About::work(missing_in_force(evidence, &BTreeSet::from([phase]), deadline_us)),
        // Its parts are looked at.
        Condition::Any(_) => About::default(),
    };
    let others = until.0.iter().flat_map(Condition::parts).filter(|condition| **condition != Condition::AllPodsReady);
    let others = others.map(about).fold(About::default(), About::and);
    // Missing pods are symptoms of their own.
    if others == About::default() { about(&Condition::AllPodsReady) } else { others }
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
        (None, None) => return about_run(check, plan),
    };
    About::pools(pools)
}

/// What a check is about that selects no workloads, NodePools or events.
fn about_run<'p>(check: &'p Check, plan: &'p Plan) -> About<'p> {
    match check {
        Check::Fleet(_) => About::pools(used_pools(plan).collect()),
        Check::Field(_) | Check::Changes(_) => field_work(plan),
        Check::Notified(_) => notification_work(),
        Check::Latency(latency) if latency.of == LatencyName::AlertDelivered => notification_work(),
        Check::Usage(_) => About::everything(),
        _ => About::work([Work::Fetch, Work::Apply, Work::Status]),
    }
}

fn about_pattern<'p>(pattern: &'p EventPattern, plan: &'p Plan) -> About<'p> {
    let workload = || pattern.workload.as_ref().and_then(|workload| class_of(workload, plan));
    match pattern.what {
        OccurrenceKind::Notified => return notification_work(),
        OccurrenceKind::SourceFailed => return About::work([Work::Fetch]),
        OccurrenceKind::KustomizationFailed
        | OccurrenceKind::KustomizationWaiting
        | OccurrenceKind::RevisionApplied
        | OccurrenceKind::RevisionHealthy => return About::work([Work::Fetch, Work::Apply, Work::Status]),
        _ => {}
    }
    let pool = pattern.nodepool.as_deref().or_else(workload);
    About::pools(pool.into_iter().collect())
}

/// The pools that the plan's workloads are for.
fn used_pools(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.workloads.iter().filter(|workload| !workload.stays_pending).map(|workload| workload.class.as_str())
}

/// The pool that a workload is for.
pub(super) fn class_of<'p>(workload: &str, plan: &'p Plan) -> Option<&'p str> {
    plan.workloads.iter().find(|known| known.name == workload).map(|known| known.class.as_str())
}
