//! Pods bound elsewhere, not Ready, or bound although they must not be.

use harness_record::Event;
use harness_record::event::*;

use super::super::edit::{Edit, Mutation, milestone, stranger, with};
use super::super::log::{Log, Window};

/// A pool that no tree has.
const ELSEWHERE: &str = "another-pool";
/// How long a pod is made not Ready, microseconds.
const MOMENT_US: u64 = 1_000;

/// A pod of each workload is bound to a node of another pool: one of the run's, or else one of a pool that no plan has.
pub(super) fn misplaced(workloads: &[String], log: &Log<'_>) -> Vec<Mutation> {
    let bound = log.milestones(ObjectKind::Pod, Reached::Scheduled);
    let bound: Vec<_> =
        bound.filter(|(_, _, it)| workloads.iter().any(|name| name == log.subject(&it.object))).collect();
    let mut mutations = Vec::new();
    for workload in workloads {
        let Some((index, event, it)) = bound.iter().find(|(_, _, it)| log.subject(&it.object) == workload) else {
            continue;
        };
        let class = log.class_of(workload);
        let mut ready = log.milestones(ObjectKind::Node, Reached::Ready);
        let other =
            ready.find(|(_, at, node)| at.at_us < event.at_us && ![class, ""].contains(&log.subject(&node.object)));
        let pod = &it.object.name;
        let stray = {
            let node = stranger(ObjectKind::Node, "elsewhere");
            let created = milestone(event.at_us, &node, Reached::Created, &[(attribute::NODEPOOL, ELSEWHERE)]);
            let edits = vec![Edit::Add(created), Edit::Replace(*index, with(event, attribute::NODE, &node.name))];
            Mutation::new(format!("{pod} is bound to a node of {ELSEWHERE}"), edits).naming(pod)
        };
        mutations.push(stray);
        mutations.extend(other.map(|(_, _, node)| {
            let pool = log.subject(&node.object);
            let edits = vec![Edit::Replace(*index, with(event, attribute::NODE, &node.object.name))];
            Mutation::new(format!("{pod} is bound to a node of {pool}"), edits).naming(pod)
        }));
    }
    mutations
}

/// No controller says why the pods wait, or one of them is bound after all.
pub(super) fn not_pending(workloads: &[String], log: &Log<'_>) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    for workload in workloads {
        let silent = log.events.iter().enumerate().filter(|(_, event)| match &event.kind {
            harness_record::EventKind::Reason(reason) => {
                reason.kind == "Pod" && reason.name.starts_with(workload.as_str())
            }
            _ => false,
        });
        let edits: Vec<Edit> = silent.map(|(index, _)| Edit::Drop(index)).collect();
        mutations.push(Mutation::new(format!("no controller says anything of {workload}"), edits).naming(workload));
        let mut created = log.milestones(ObjectKind::Pod, Reached::Created);
        if let Some((_, event, it)) = created.find(|(_, _, it)| log.subject(&it.object) == workload) {
            let bound =
                milestone(event.at_us + MOMENT_US, &it.object, Reached::Scheduled, &[(attribute::NODE, "elsewhere")]);
            mutations
                .push(Mutation::new(format!("{} is bound", it.object.name), vec![Edit::Add(bound)]).naming(workload));
        }
    }
    mutations
}

/// A pod that was Ready when the phase began is not Ready for a moment.
pub(super) fn disturbed(workloads: &[String], phases: &[String], log: &Log<'_>) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    for workload in workloads {
        for (phase, window) in phases.iter().filter_map(|phase| Some((phase, log.window(phase)?))) {
            let Some(pod) = ready_at(workload, window.from_us, log).into_iter().next() else { continue };
            let name = &pod.name;
            let edits = not_ready(&[pod], window);
            mutations
                .push(Mutation::new(format!("{name} is not Ready for a moment in {phase}"), edits).naming(workload));
        }
    }
    mutations
}

/// So many pods are not Ready for a moment that too few are left: one, two, ... all of them.
pub(super) fn too_few(workloads: &[String], phases: &[String], log: &Log<'_>) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    for workload in workloads {
        for (phase, window) in phases.iter().filter_map(|phase| Some((phase, log.window(phase)?))) {
            let pods = ready_at(workload, window.middle_us(), log);
            for count in [1, 2, pods.len().div_ceil(2), pods.len()] {
                let Some(some) = pods.get(..count).filter(|some| !some.is_empty()) else { continue };
                let what =
                    format!("{count} of {} pods of {workload} are not Ready for a moment in {phase}", pods.len());
                mutations.push(Mutation::new(what, not_ready(some, window)).naming(workload));
            }
        }
    }
    mutations
}

/// Pods of a workload that are Ready at a moment, as far as their first Ready and their end tell.
fn ready_at<'a>(workload: &str, at_us: u64, log: &Log<'a>) -> Vec<&'a ObjectKey> {
    let ready = log.milestones(ObjectKind::Pod, Reached::Ready);
    let mut pods: Vec<&ObjectKey> = ready
        .filter(|(_, event, it)| event.at_us <= at_us && log.subject(&it.object) == workload)
        .map(|(_, _, it)| &it.object)
        .collect();
    pods.sort();
    pods.dedup();
    pods.retain(|pod| {
        let going = log.when(&pod.uid, Reached::Deleting).or(log.when(&pod.uid, Reached::Deleted));
        going.is_none_or(|going_us| going_us > at_us)
    });
    pods
}

fn not_ready(pods: &[&ObjectKey], window: Window) -> Vec<Edit> {
    let at_us = window.middle_us();
    let flips = pods.iter().flat_map(|pod| -> [Event; 2] {
        [milestone(at_us, pod, Reached::NotReady, &[]), milestone(at_us + MOMENT_US, pod, Reached::Ready, &[])]
    });
    flips.map(Edit::Add).collect()
}
