//! The end of a latency is too late, or missing: for one sample, for all of a group, for all.

use std::collections::BTreeMap;

use harness_plan::{Action, GroupBy, LatencyLimits, LatencyName, Load};
use harness_record::event::*;
use harness_record::{Event, EventKind};

use super::super::edit::{Claim, Edit, Mutation, at};
use super::super::log::Log;
use super::super::signal::Signal;

/// Number of single samples to try.
const SINGLE: usize = 24;

/// An event that ends a sample, and the group that the sample is in.
struct End {
    index: usize,
    group: String,
}

pub(super) fn claims(limits: &LatencyLimits, log: &Log<'_>) -> Vec<Claim> {
    let late_us = limits.percentiles().map(|(_, _, limit)| limit.as_micros()).max().map(|limit| limit + 1_000_000);
    let (mut late, mut never) = (Vec::new(), Vec::new());
    for (which, ends) in choices(&ends(limits, log), limits, log) {
        let group = ends.first().map(|end| end.group.as_str()).unwrap_or_default();
        let same = limits.by.is_some() && !group.is_empty() && ends.iter().all(|end| end.group == group);
        let named = |mutation: Mutation| if same { mutation.naming(group) } else { mutation };
        if let Some(late_us) = late_us {
            let moved = ends.iter().map(|end| {
                let event = &log.events[end.index];
                Edit::Replace(end.index, at(event, event.at_us + late_us))
            });
            late.push(named(Mutation::new(format!("{which} is {} s later", late_us / 1_000_000), moved.collect())));
        }
        let dropped = ends.iter().flat_map(|end| without(end, limits.of, log)).collect();
        never.push(named(Mutation::new(format!("{which} is missing"), dropped)));
    }
    let within_limits = late_us.map(|_| Claim::new("limits", late.into_iter().chain(never.iter().cloned()).collect()));
    let never = never.into_iter().map(|mutation| mutation.naming("censored")).collect();
    let censored = limits.censored.map(|_| Claim::new("censored", never));
    let few = (limits.samples_min > 1).then(|| Claim::new("samples", too_few(limits, log)));
    within_limits.into_iter().chain(censored).chain(few).collect()
}

/// The start of a sample is dropped, or its end where the end makes the sample.
fn too_few(limits: &LatencyLimits, log: &Log<'_>) -> Vec<Mutation> {
    let ends = ends(limits, log);
    let starts: Vec<usize> = (0..log.events.len())
        .filter(|index| {
            let EventKind::Action(action) = &log.events[*index].kind else { return false };
            matches!(action.what, ActionKind::Push { .. })
                || matches!(log.planned(action), Some(Action::Change(change)) if !change.stays)
        })
        .collect();
    let mut mutations = Vec::new();
    for count in 1..=starts.len().max(ends.len()) {
        if let Some(some) = starts.len().checked_sub(count).and_then(|first| starts.get(first..)) {
            let edits = some.iter().map(|index| Edit::Drop(*index)).collect();
            mutations.push(Mutation::new(format!("the last {count} pushes and changes are not made"), edits));
        }
        if let Some(some) = ends.len().checked_sub(count).and_then(|first| ends.get(first..)) {
            let edits = some.iter().flat_map(|end| without(end, limits.of, log)).collect();
            mutations.push(Mutation::new(format!("the last {count} of {} are missing", limits.of), edits));
        }
    }
    mutations.into_iter().map(|mutation| mutation.naming("of at least")).collect()
}

/// The end of a sample is dropped. A pod that an autoscaler would have added does not exist at all.
fn without(end: &End, of: LatencyName, log: &Log<'_>) -> Vec<Edit> {
    match &log.events[end.index].kind {
        EventKind::Milestone(it) if of == LatencyName::Autoscaled => {
            log.of_object(&it.object.uid).map(|(index, ..)| Edit::Drop(index)).collect()
        }
        _ => vec![Edit::Drop(end.index)],
    }
}

/// Which samples are touched together: single ones, the later half of a group or all of it, the later half of all, all.
fn choices<'e>(ends: &'e [End], limits: &LatencyLimits, log: &Log<'_>) -> Vec<(String, Vec<&'e End>)> {
    let mut choices = Vec::new();
    let step = ends.len().div_ceil(SINGLE).max(1);
    // The last ones first: less depends on them.
    for end in ends.iter().rev().step_by(step) {
        choices.push((described(&log.events[end.index]), vec![end]));
    }
    let mut groups: BTreeMap<&str, Vec<&End>> = BTreeMap::new();
    for end in ends {
        groups.entry(end.group.as_str()).or_default().push(end);
    }
    for (group, ends) in groups.iter().filter(|(group, ends)| !group.is_empty() && ends.len() > 1) {
        // Half of the samples decide a median, and not each of these events ends one.
        for count in [2, 3, 4, 6].into_iter().filter(|count| *count < ends.len()) {
            let last = ends[ends.len() - count..].to_vec();
            choices.push((format!("the last {count} of {} of {group}", limits.of), last));
        }
        choices.push((format!("the later half of {} of {group}", limits.of), ends[ends.len() / 2..].to_vec()));
        choices.push((format!("every {} of {group}", limits.of), ends.clone()));
    }
    if !ends.is_empty() {
        let all: Vec<&End> = ends.iter().collect();
        choices.push((format!("the later half of {}", limits.of), all[all.len() / 2..].to_vec()));
        choices.push((format!("every {}", limits.of), all));
    }
    choices
}

fn described(event: &Event) -> String {
    match &event.kind {
        EventKind::Milestone(it) => format!("{:?} of {:?} {}", it.reached, it.object.kind, it.object.name),
        EventKind::Azure(fact) => format!("{:?} of {}", fact.what, fact.vm),
        EventKind::Field(field) => format!("a value of {} of {}", field.path, field.object),
        EventKind::Notified(it) => format!("a notification of {} to {}", it.name, it.path),
        _ => "an event".to_owned(),
    }
}

/// The events that end the samples of a latency.
fn ends(limits: &LatencyLimits, log: &Log<'_>) -> Vec<End> {
    use LatencyName as Name;
    let milestones = |kind: ObjectKind, reached: Reached| -> Vec<End> {
        let all = log.milestones(kind, reached);
        all.map(|(index, _, it)| End { index, group: group(limits.by, it, log) }).collect()
    };
    match limits.of {
        Name::PodReady | Name::PodReadyService | Name::WorkloadRecovered => milestones(ObjectKind::Pod, Reached::Ready),
        Name::PodScheduled | Name::Capacity => milestones(ObjectKind::Pod, Reached::Scheduled),
        Name::NodeProvisioning | Name::NodeFill => milestones(ObjectKind::Node, Reached::Ready),
        Name::NodeclaimLaunched => milestones(ObjectKind::NodeClaim, Reached::Launched),
        Name::NodeclaimRegistered => milestones(ObjectKind::NodeClaim, Reached::Registered),
        Name::NodeclaimInitialized => milestones(ObjectKind::NodeClaim, Reached::Initialized),
        Name::NodeTermination | Name::NodeReplaced | Name::NodeIdle => milestones(ObjectKind::Node, Reached::Deleted),
        Name::NodeDrained => milestones(ObjectKind::Pod, Reached::Deleted),
        Name::GitopsFetched => milestones(ObjectKind::GitRepository, Reached::Fetched),
        Name::GitopsApplied => milestones(ObjectKind::Kustomization, Reached::Applied),
        Name::GitopsHealthy | Name::GitopsRecovered => milestones(ObjectKind::Kustomization, Reached::Healthy),
        Name::GitopsRefused => milestones(ObjectKind::Kustomization, Reached::Failed),
        Name::DriftCorrected => corrections(log),
        Name::Autoscaled => followed(log),
        // Nothing in a log ends it.
        Name::AlertFired => Vec::new(),
        Name::AlertDelivered => {
            let matching =
                log.events.iter().enumerate().filter(|(_, event)| matches!(event.kind, EventKind::Notified(_)));
            matching.map(|(index, _)| End { index, group: String::new() }).collect()
        }
    }
}

/// The milestones between which a latency is measured, and those that decide which objects have one.
pub(crate) fn reads(of: LatencyName, signal: &Signal) -> bool {
    use LatencyName as Name;
    use Reached::{Applied, Created, Deleted, Deleting, Failed, Fetched, Healthy};
    let pod = |these: &[Reached]| matches!(signal, Signal::Pod { reached, .. } if these.contains(reached));
    let claim = |these: &[Reached]| matches!(signal, Signal::Claim { reached, .. } if these.contains(reached));
    let node = |these: &[Reached]| matches!(signal, Signal::Node { reached, .. } if these.contains(reached));
    let flux = |these: &[Reached]| matches!(signal, Signal::Flux { reached, .. } if these.contains(reached));
    let acted = matches!(signal, Signal::Action(_));
    match of {
        Name::PodReady | Name::PodReadyService => acted || pod(&[Created, Reached::Ready, Deleting, Deleted]),
        Name::PodScheduled => acted || pod(&[Created, Reached::Scheduled, Deleting, Deleted]),
        Name::Capacity => pod(&[Reached::Unschedulable, Reached::Scheduled, Deleting, Deleted]),
        Name::NodeProvisioning => claim(&[Created, Deleting, Deleted]) || node(&[Reached::Ready]),
        Name::NodeclaimLaunched => claim(&[Created, Reached::Launched, Deleting, Deleted]),
        Name::NodeclaimRegistered => claim(&[Reached::Launched, Reached::Registered, Deleting, Deleted]),
        Name::NodeclaimInitialized => claim(&[Reached::Registered, Reached::Initialized, Deleting, Deleted]),
        Name::NodeTermination => {
            claim(&[Reached::Launched, Deleting, Deleted])
                || node(&[Deleted])
                || matches!(signal, Signal::Vm { what: AzureFactKind::VmDeleted | AzureFactKind::VmBooted, .. })
        }
        Name::NodeDrained => pod(&[Reached::Scheduled, Deleted]) || claim(&[Deleting]),
        Name::GitopsFetched => acted || flux(&[Fetched]),
        Name::GitopsApplied => acted || flux(&[Applied, Failed]),
        Name::GitopsHealthy => acted || flux(&[Healthy, Failed]),
        Name::GitopsRefused => acted || flux(&[Failed]),
        Name::GitopsRecovered => acted || flux(&[Healthy, Failed]),
        Name::DriftCorrected => acted || matches!(signal, Signal::Field { .. }),
        Name::NodeReplaced => {
            claim(&[
                Created,
                Reached::Initialized,
                Reached::Drifted,
                Reached::Disrupted,
                Reached::Spared,
                Deleting,
                Deleted,
            ]) || node(&[Deleted])
                || matches!(signal, Signal::Vm { what: AzureFactKind::SpotNotice | AzureFactKind::SpotEvicted, .. })
        }
        Name::NodeFill => acted || claim(&[Created, Reached::Launched, Deleting, Deleted]) || node(&[Reached::Ready]),
        Name::NodeIdle => {
            pod(&[Reached::Scheduled, Deleted])
                || claim(&[Deleted])
                || node(&[Deleted])
                || matches!(signal, Signal::Vm { .. })
        }
        Name::WorkloadRecovered => acted || pod(&[Reached::Ready, Reached::NotReady, Deleting, Deleted]),
        Name::Autoscaled => acted || pod(&[Created, Deleting, Deleted]),
        Name::AlertFired => false,
        Name::AlertDelivered => acted || matches!(signal, Signal::Notified),
    }
}

/// The value of the label by which the check groups.
fn group(by: Option<GroupBy>, it: &Milestone, log: &Log<'_>) -> String {
    let subject = log.subject(&it.object);
    let own = |key: &str| log.attribute(&it.object, key).to_owned();
    match by {
        Some(GroupBy::Nodepool) if it.object.kind == ObjectKind::Pod => log.class_of(subject).to_owned(),
        Some(GroupBy::InstanceType) => own(attribute::INSTANCE_TYPE),
        Some(GroupBy::CapacityType) => own(attribute::CAPACITY_TYPE),
        Some(GroupBy::Zone) => own(attribute::ZONE),
        Some(GroupBy::Workload | GroupBy::Nodepool | GroupBy::Object | GroupBy::Kustomization) | None => {
            subject.to_owned()
        }
    }
}

/// The corrected values of the objects that the plan changes.
fn corrections(log: &Log<'_>) -> Vec<End> {
    let actions = log.plan.phases.iter().flat_map(|phase| &phase.actions);
    let changed: Vec<&str> = actions
        .filter_map(|planned| match &planned.action {
            Action::Change(change) if !change.stays => change.object.as_deref(),
            _ => None,
        })
        .collect();
    let fields = log.events.iter().enumerate().filter_map(|(index, event)| match &event.kind {
        EventKind::Field(field) if changed.contains(&field.object.as_str()) => {
            Some(End { index, group: field.object.clone() })
        }
        _ => None,
    });
    fields.collect()
}

/// Pods that are created and deleted after a load was set: what an autoscaler does.
fn followed(log: &Log<'_>) -> Vec<End> {
    let mut ends = Vec::new();
    for reached in [Reached::Created, Reached::Deleting] {
        for (index, event, it) in log.milestones(ObjectKind::Pod, reached) {
            let workload = log.subject(&it.object);
            let after_load = log.events.iter().any(|earlier| match &earlier.kind {
                EventKind::Action(action) => {
                    let sets = |load: &Load| load.workload == workload && earlier.at_us <= event.at_us;
                    matches!(log.planned(action), Some(Action::Load(load)) if sets(load))
                }
                _ => false,
            });
            if after_load {
                ends.push(End { index, group: workload.to_owned() });
            }
        }
    }
    ends.sort_by_key(|end| end.index);
    ends
}
