//! Pods bound elsewhere, not Ready, or bound although they must not be.

use harness_record::EventKind;
use harness_record::event::*;

use super::super::edit::{Edit, Mutation, milestone, unseen_object, with};
use super::super::log::{Log, Window};

/// A pool that no tree has.
const ELSEWHERE: &str = "another-pool";
/// How long a pod is made not Ready, microseconds.
const MOMENT_US: u64 = 1_000;

/// A pod is bound to a node of another pool: one that no plan has, or another of the run.
pub(super) fn misplaced(workload: &str, log: &Log<'_>) -> Vec<Mutation> {
    let mut bound = log.milestones(ObjectKind::Pod, Reached::Scheduled);
    let Some((index, event, it)) = bound.find(|(_, _, it)| log.subject(&it.object) == workload) else {
        return Vec::new();
    };
    let pod = &it.object.name;
    let node = unseen_object(ObjectKind::Node, "elsewhere");
    let created = milestone(event.at_us, &node, Reached::Created, &[(attribute::NODEPOOL, ELSEWHERE)]);
    let edits = vec![Edit::Add(created), Edit::Replace(index, with(event, attribute::NODE, &node.name))];
    let mut mutations = vec![Mutation::new(format!("{pod} is bound to a node of {ELSEWHERE}"), edits).naming(pod)];
    let class = log.class_of(workload);
    let mut ready = log.milestones(ObjectKind::Node, Reached::Ready);
    let other = ready.find(|(_, at, it)| at.at_us < event.at_us && ![class, ""].contains(&log.subject(&it.object)));
    mutations.extend(other.map(|(_, _, node)| {
        let pool = log.subject(&node.object);
        let edits = vec![Edit::Replace(index, with(event, attribute::NODE, &node.object.name))];
        Mutation::new(format!("{pod} is bound to a node of {pool}"), edits).naming(pod)
    }));
    mutations
}

/// A pod of no workload is bound to a node of one of the classes.
pub(super) fn intruder(workloads: &[String], log: &Log<'_>) -> Vec<Mutation> {
    let mut bound = log.milestones(ObjectKind::Pod, Reached::Scheduled);
    let own = bound.find(|(_, _, it)| workloads.iter().any(|name| name == log.subject(&it.object)));
    let Some((_, event, it)) = own else { return Vec::new() };
    let pod = unseen_object(ObjectKind::Pod, "intruder");
    let node = log.attribute(&it.object, attribute::NODE);
    let edits = vec![Edit::Add(milestone(event.at_us, &pod, Reached::Scheduled, &[(attribute::NODE, node)]))];
    vec![Mutation::new(format!("a pod of no workload is bound to {node}"), edits).naming(&pod.name)]
}

/// A pod that must stay Pending is bound: of those without a node one after the other, in the middle of a phase where only phases matter.
pub(super) fn bound_after_all(workload: &str, phases: &[String], log: &Log<'_>) -> Vec<Mutation> {
    let phase = phases.iter().find_map(|phase| log.window(phase));
    let created = log.milestones(ObjectKind::Pod, Reached::Created);
    let pods = created.filter(|(_, _, it)| {
        log.subject(&it.object) == workload && log.when(&it.object.uid, Reached::Scheduled).is_none()
    });
    let bound = pods.map(|(_, event, it)| {
        let node = [(attribute::NODE, "elsewhere")];
        let at_us = phase.map_or(0, Window::middle_us).max(event.at_us + MOMENT_US);
        let bound = milestone(at_us, &it.object, Reached::Scheduled, &node);
        Mutation::new(format!("{} is bound", it.object.name), vec![Edit::Add(bound)]).naming(workload)
    });
    bound.collect()
}

/// No controller says why the pods are Pending.
pub(super) fn without_a_reason(workloads: &[String], log: &Log<'_>) -> Vec<Mutation> {
    let of = |workload: &String| {
        let matching = log.events.iter().enumerate().filter(|(_, event)| match &event.kind {
            EventKind::Reason(reason) => reason.kind == "Pod" && reason.name.starts_with(workload.as_str()),
            _ => false,
        });
        let edits = matching.map(|(index, _)| Edit::Drop(index)).collect();
        Mutation::new(format!("no controller gives a reason for {workload}"), edits).naming(workload)
    };
    workloads.iter().map(of).collect()
}

/// One pod, two, ... all pods are not Ready for a moment, until too few are.
pub(super) fn too_few(workload: &str, phases: &[String], log: &Log<'_>) -> Vec<Mutation> {
    more_and_more(workload, phases, log, Window::middle_us, "for a moment in", |pods, at_us| {
        [not_ready(pods, at_us), ready_again(pods, at_us + MOMENT_US)].concat()
    })
}

/// One pod, two, ... all pods are not Ready when a phase ends, until too many are not.
pub(super) fn stuck(workload: &str, phases: &[String], log: &Log<'_>) -> Vec<Mutation> {
    more_and_more(workload, phases, log, |window| window.to_us, "at the end of", not_ready)
}

fn more_and_more(
    workload: &str,
    phases: &[String],
    log: &Log<'_>,
    moment_us: impl Fn(Window) -> u64,
    when: &str,
    edits: impl Fn(&[&ObjectKey], u64) -> Vec<Edit>,
) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    for (phase, window) in phases.iter().filter_map(|phase| Some((phase, log.window(phase)?))) {
        let at_us = moment_us(window);
        let pods = ready_at(workload, at_us, log);
        for count in [1, 2, pods.len().div_ceil(2), pods.len()] {
            let Some(some) = pods.get(..count).filter(|some| !some.is_empty()) else { continue };
            let what = format!("{count} of {} pods of {workload} are not Ready {when} {phase}", pods.len());
            mutations.push(Mutation::new(what, edits(some, at_us)).naming(workload));
        }
    }
    mutations
}

/// Pods of a workload that are Ready at a moment, by their first Ready and their end.
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

fn not_ready(pods: &[&ObjectKey], at_us: u64) -> Vec<Edit> {
    pods.iter().map(|pod| Edit::Add(milestone(at_us, pod, Reached::NotReady, &[]))).collect()
}

fn ready_again(pods: &[&ObjectKey], at_us: u64) -> Vec<Edit> {
    pods.iter().map(|pod| Edit::Add(milestone(at_us, pod, Reached::Ready, &[]))).collect()
}
