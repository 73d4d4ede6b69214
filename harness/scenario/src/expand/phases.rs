//! Phases with every action at its time.

use std::collections::BTreeMap;

use super::arrival;
use super::git;
use super::objects;
use super::workloads::Sized;
use crate::model::{
    ActionSpec, ArrivalSpec, Conditions, LoadSpec, ObjectSpec, PhaseSpec, ReplaceSpec, ScaleSpec, Selection, Setting,
    UntilSpec,
};
use harness_plan::{Action, Load, Phase, PlannedAction, Until};
use harness_units::Span;

/// Writes the phases and each workload's peak.
pub(super) fn expand(
    specs: &[PhaseSpec],
    objects: &BTreeMap<String, ObjectSpec>,
    workloads: &mut [Sized],
    seed: u64,
) -> Vec<Phase> {
    let mut replicas: BTreeMap<String, u32> = BTreeMap::new();
    let mut id = 0;
    let mut phases = Vec::new();
    for spec in specs {
        let mut due: Vec<(u64, Action)> = Vec::new();
        let mut actions: Vec<(usize, &ActionSpec)> =
            spec.actions.iter().map(|action| &action.value).enumerate().collect();
        // Replicas follow from each other in the order of time, which need not be that of the file.
        actions.sort_by_key(|(_, action)| after(action));
        for (index, action) in actions {
            let begin = after(action);
            if let Some(scale) = &action.scale {
                let owner = format!("{}/{index}", spec.name.value);
                for workload in workloads.iter_mut().filter(|workload| selects(&scale.workloads.value, workload)) {
                    let scalings = scalings(scale, workload, &mut replicas, seed, &owner);
                    due.extend(scalings.into_iter().map(|(at, action)| (begin + at, action)));
                }
            }
            if let Some(replace) = &action.replace {
                let owner = format!("{}/{index}", spec.name.value);
                for workload in workloads.iter().filter(|workload| selects(&replace.workloads.value, workload)) {
                    let replacements = replacements(replace, &workload.workload.name, seed, &owner);
                    due.extend(replacements.into_iter().map(|(at, action)| (begin + at, action)));
                }
            }
            if let Some(commit) = &action.commit {
                let owner = format!("{}/{index}", spec.name.value);
                let commits = git::commits(commit, &spec.name.value, seed, &owner);
                due.extend(commits.into_iter().map(|(at, action)| (begin + at, action)));
            }
            let change = action.change.as_ref().and_then(|spec| objects::change(spec, objects)).map(Action::Change);
            due.extend(change.or_else(|| other(action, &spec.name)).map(|action| (begin, action)));
        }
        // Stable: actions of one moment keep the order of the file and of the workloads.
        due.sort_by_key(|(at, _)| *at);
        let actions = due.into_iter().map(|(at_us, action)| {
            id += 1;
            PlannedAction { id, at_us, action }
        });
        phases.push(Phase {
            name: spec.name.value.clone(),
            actions: actions.collect(),
            until: spec.until.as_ref().map(|spec| all(spec)),
            within: spec.within.as_ref().map(|within| within.value),
            hold: spec.hold.as_ref().map(|hold| hold.value),
        });
    }
    phases
}

fn after(action: &ActionSpec) -> u64 {
    action.after.as_ref().map_or(Span::ZERO, |after| after.value).as_micros()
}

fn selects(selection: &Selection, workload: &Sized) -> bool {
    match selection {
        Selection::All => true,
        Selection::Named(names) => names.iter().any(|name| name.value == workload.workload.name),
    }
}

/// The actions that scale one workload, with their times from the action's begin.
fn scalings(
    scale: &ScaleSpec,
    sized: &mut Sized,
    replicas: &mut BTreeMap<String, u32>,
    seed: u64,
    owner: &str,
) -> Vec<(u64, Action)> {
    let name = sized.workload.name.clone();
    let to = sized.bounded(scale.to.value);
    let from = replicas.insert(name.clone(), to).unwrap_or(0);
    sized.workload.replicas_peak = sized.workload.replicas_peak.max(to);
    if from == to {
        return Vec::new();
    }
    let burst = ArrivalSpec::Burst;
    let arrival = scale.arrival.as_ref().map_or(&burst, |arrival| &arrival.value);
    let mut rng = arrival::child(seed, "arrivals", &format!("{owner}/{name}"));
    let Some(moments) = arrival::moments(arrival, from.abs_diff(to), &mut rng) else {
        return vec![(0, Action::Scale { workload: name, from, to })];
    };
    let step = |index: u32| if to > from { from + index } else { from - index };
    (0_u32..)
        .zip(moments)
        .map(|(index, at)| {
            let action = Action::Scale { workload: name.clone(), from: step(index), to: step(index + 1) };
            (at, action)
        })
        .collect()
}

/// The actions that replace pods of one workload, with their times from the action's begin.
fn replacements(spec: &ReplaceSpec, name: &str, seed: u64, owner: &str) -> Vec<(u64, Action)> {
    let count = spec.count.value;
    let burst = ArrivalSpec::Burst;
    let arrival = spec.arrival.as_ref().map_or(&burst, |arrival| &arrival.value);
    let mut rng = arrival::child(seed, "replacements", &format!("{owner}/{name}"));
    let moments = arrival::moments(arrival, count, &mut rng).unwrap_or_else(|| vec![0; count as usize]);
    moments.into_iter().map(|at| (at, Action::Replace { workload: name.to_owned() })).collect()
}

fn all(conditions: &Conditions) -> Until {
    match conditions.0.as_slice() {
        [one] => until(one),
        several => Until::All(several.iter().map(|one| until(one)).collect()),
    }
}

fn until(spec: &UntilSpec) -> Until {
    let number = |setting: &Option<Setting<u32>>| setting.as_ref().map(|setting| setting.value);
    match spec {
        UntilSpec::AllPodsReady => Until::AllPodsReady,
        UntilSpec::NoPods => Until::NoPods,
        UntilSpec::InForce => Until::InForce,
        UntilSpec::NoNodes => Until::NoNodes,
        UntilSpec::AllNodesReplaced => Until::AllNodesReplaced,
        UntilSpec::Settled(span) => Until::Settled(span.value),
        UntilSpec::Happened(spec) => {
            Until::Happened { of: spec.happening(), at_least: number(&spec.at_least).unwrap_or(1) }
        }
        UntilSpec::Notified(spec) => {
            Until::Happened { of: spec.happening(), at_least: number(&spec.at_least).unwrap_or(1) }
        }
        UntilSpec::Nodes(spec) => Until::Nodes {
            nodepool: spec.nodepool.as_ref().map(|pool| pool.value.clone()),
            at_least: number(&spec.at_least),
            at_most: number(&spec.at_most),
        },
        UntilSpec::ReadyPods(spec) => Until::ReadyPods {
            workload: spec.workload.value.clone(),
            at_least: number(&spec.at_least),
            at_most: number(&spec.at_most),
        },
        UntilSpec::Field(spec) => Until::Field(objects::field(spec)),
    }
}

fn load(spec: &LoadSpec) -> Load {
    let metrics = |metrics: &BTreeMap<String, Setting<u32>>| {
        metrics.iter().map(|(name, value)| (name.clone(), u64::from(value.value))).collect()
    };
    Load {
        workload: spec.workload.value.clone(),
        cpu: spec.cpu.as_ref().map(|cpu| cpu.value),
        memory: spec.memory.as_ref().map(|memory| memory.value),
        pod_metrics: metrics(&spec.pod_metrics),
        external_metrics: metrics(&spec.external_metrics),
    }
}

fn other(action: &ActionSpec, phase: &str) -> Option<Action> {
    if action.revert.is_some() {
        return Some(Action::Revert);
    }
    if let Some(spec) = &action.load {
        return Some(Action::Load(load(spec)));
    }
    if let Some(spec) = &action.publish_image {
        return Some(Action::PublishImage { image: spec.image.value.clone(), tag: spec.tag.value.clone() });
    }
    if action.publish_node_image.is_some() {
        return Some(Action::PublishNodeImage);
    }
    if action.upgrade_kubernetes.is_some() {
        return Some(Action::UpgradeKubernetes);
    }
    if let Some(spec) = &action.azure_fault {
        return Some(Action::AzureFault(spec.clone()));
    }
    if action.clear_azure_faults.is_some() {
        return Some(Action::ClearAzureFaults);
    }
    if action.reconcile.is_some() {
        return Some(Action::Reconcile);
    }
    if let Some(spec) = &action.git_fault {
        return Some(Action::GitFault(*spec));
    }
    if action.clear_git_faults.is_some() {
        return Some(Action::ClearGitFaults);
    }
    if let Some(spec) = &action.force_push {
        return Some(git::force_push(spec, phase));
    }
    let kill = action.kill_component.as_ref().map(|name| Action::KillComponent { component: name.value.clone() });
    let start = action.start_component.as_ref().map(|name| Action::StartComponent { component: name.value.clone() });
    kill.or(start)
}
