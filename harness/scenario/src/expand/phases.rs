//! Phases with every action at its time.

use std::collections::BTreeMap;

use super::arrival;
use super::azure::fault;
use super::workloads::Sized;
use crate::Span;
use crate::model::{ActionSpec, ArrivalSpec, PhaseSpec, ScaleSpec, Selection};
use crate::parameters::Values;
use crate::plan::{Action, Phase, PlannedAction};

/// Writes the phases and each workload's peak.
pub(super) fn expand(specs: &[PhaseSpec], values: &Values, workloads: &mut [Sized], seed: u64) -> Vec<Phase> {
    let mut replicas: BTreeMap<String, u32> = BTreeMap::new();
    let mut id = 0;
    let mut phases = Vec::new();
    for spec in specs {
        let mut due: Vec<(u64, Action)> = Vec::new();
        let mut actions: Vec<(usize, &ActionSpec)> =
            spec.actions.iter().map(|action| &action.value).enumerate().collect();
        // Replicas follow from each other in the order of time, which need not be that of the file.
        actions.sort_by_key(|(_, action)| after(action, values));
        for (index, action) in actions {
            let begin = after(action, values);
            if let Some(scale) = &action.scale {
                let owner = format!("{}/{index}", spec.name.value);
                for workload in workloads.iter_mut().filter(|workload| selects(&scale.workloads.value, workload)) {
                    let scalings = scalings(scale, values, workload, &mut replicas, seed, &owner);
                    due.extend(scalings.into_iter().map(|(at, action)| (begin + at, action)));
                }
            }
            due.extend(other(action, values).map(|action| (begin, action)));
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
            until: spec.until.as_ref().map(|until| until.value),
            within: spec.within.as_ref().map(|within| values.of(&within.value)),
            hold: spec.hold.as_ref().map(|hold| values.of(&hold.value)),
        });
    }
    phases
}

fn after(action: &ActionSpec, values: &Values) -> u64 {
    action.after.as_ref().map_or(Span::ZERO, |after| values.of(&after.value)).as_micros()
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
    values: &Values,
    sized: &mut Sized,
    replicas: &mut BTreeMap<String, u32>,
    seed: u64,
    owner: &str,
) -> Vec<(u64, Action)> {
    let name = sized.workload.name.clone();
    let to = sized.bounded(values.of(&scale.to.value));
    let from = replicas.insert(name.clone(), to).unwrap_or(0);
    sized.workload.replicas_peak = sized.workload.replicas_peak.max(to);
    if from == to {
        return Vec::new();
    }
    let burst = ArrivalSpec::Burst;
    let arrival = scale.arrival.as_ref().map_or(&burst, |arrival| &arrival.value);
    let mut rng = arrival::child(seed, "arrivals", &format!("{owner}/{name}"));
    let Some(moments) = arrival::moments(arrival, from.abs_diff(to), values, &mut rng) else {
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

fn other(action: &ActionSpec, values: &Values) -> Option<Action> {
    if let Some(spec) = &action.azure_fault {
        return Some(Action::AzureFault(fault(spec, values)));
    }
    if action.clear_azure_faults.is_some() {
        return Some(Action::ClearAzureFaults);
    }
    let kill = action.kill_component.as_ref().map(|name| Action::KillComponent { component: name.value.clone() });
    let start = action.start_component.as_ref().map(|name| Action::StartComponent { component: name.value.clone() });
    kill.or(start)
}
