//! Phases with every action at its time.

use std::collections::BTreeMap;
use std::ops::Range;

use super::moments::Moments;
use super::objects;
use super::pushes::{owner, pushed};
use super::sized::Sized;
use crate::arrival;
use crate::model::PhaseSpec;
use harness_plan::{Action, Condition, ObjectAddress, Phase, PlannedAction, Replace, Scale, TimedAction};
use harness_yaml::Located;

/// Writes the phases and each workload's peak.
pub(super) fn expand(
    specs: &[PhaseSpec],
    objects: &BTreeMap<String, ObjectAddress>,
    workloads: &mut [Sized],
    moments: &Moments,
    seed: u64,
) -> Vec<Phase> {
    let awaited_in = awaited_in(specs);
    let mut unfolding = Unfolding { objects, workloads, moments, awaited_in, seed, replicas: BTreeMap::new() };
    let mut id = 0;
    let mut phases = Vec::new();
    for (number, spec) in specs.iter().enumerate() {
        let mut due: Vec<(u64, Action)> = Vec::new();
        let mut actions: Vec<(usize, &Located<TimedAction>)> = spec.actions.iter().enumerate().collect();
        // Replicas follow from each other in the order of time, which need not be that of the file.
        actions.sort_by_key(|(_, action)| action.beside.after);
        for (index, action) in actions {
            let start = action.beside.after.as_micros();
            let steps = unfolding.steps(action, number, &owner(&spec.name, index), &spec.name);
            due.extend(steps.into_iter().map(|(at, action)| (start + at, action)));
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
            until: spec.until.as_ref().map(|until| until.value.clone()),
            within: spec.within.as_ref().map(|within| within.value),
            hold: spec.hold.as_ref().map(|hold| hold.value),
            deadline_may_pass: spec.deadline_may_pass,
        });
    }
    phases
}

fn awaited_in(specs: &[PhaseSpec]) -> Vec<usize> {
    let waits = |spec: &PhaseSpec| {
        let until = spec.until.iter().flat_map(|until| &until.value.0);
        until.into_iter().any(|condition| {
            matches!(condition, Condition::AllPodsReady | Condition::AllNodesReplaced | Condition::ReadyPods(_))
        })
    };
    let last = specs.len().saturating_sub(1);
    let first_from = |phase: usize| specs.iter().skip(phase).position(waits).map_or(last, |further| phase + further);
    (0..specs.len()).map(first_from).collect()
}

/// Makes single steps of what the scenario asks for in one line.
struct Unfolding<'a> {
    objects: &'a BTreeMap<String, ObjectAddress>,
    workloads: &'a mut [Sized],
    moments: &'a Moments,
    /// For each phase the first one from there that waits for pods; the last where none does.
    awaited_in: Vec<usize>,
    seed: u64,
    /// The replicas of each workload so far.
    replicas: BTreeMap<String, u32>,
}

impl Unfolding<'_> {
    /// The steps of an action, with their times from the action's start. None where a rule has refused it.
    fn steps(&mut self, asked: &Located<TimedAction>, number: usize, owner: &str, phase: &str) -> Vec<(u64, Action)> {
        match &asked.variant {
            Action::Scale(scale) => self.scalings(scale, asked, number, owner),
            Action::Replace(replace) => self.replacements(replace, asked, number, owner),
            action @ (Action::Commit(_) | Action::Revert(_) | Action::ForcePush(_)) => {
                pushed(action, phase, self.seed, owner)
            }
            Action::Change(change) => {
                objects::change(change, self.objects).into_iter().map(|change| (0, Action::Change(change))).collect()
            }
            other => vec![(0, other.clone())],
        }
    }

    /// The moments at one of which pods must find room that an action makes: a commit may still bring it, until the pods are waited for.
    fn in_force(&self, asked: &Located<TimedAction>, number: usize) -> Range<usize> {
        self.moments.between(number, asked.beside.after.as_micros(), self.awaited_in[number])
    }

    fn scalings(
        &mut self,
        scale: &Scale,
        asked: &Located<TimedAction>,
        number: usize,
        owner: &str,
    ) -> Vec<(u64, Action)> {
        let mut steps = Vec::new();
        let in_force = self.in_force(asked, number);
        for sized in self.workloads.iter_mut().filter(|sized| scale.workloads.selects(&sized.workload.name)) {
            let name = sized.workload.name.clone();
            let from = self.replicas.get(&name).copied().unwrap_or(0);
            let to = sized.bounded(from, scale.to, in_force.clone(), asked.mark);
            self.replicas.insert(name.clone(), to);
            sized.workload.replicas_peak = sized.workload.replicas_peak.max(to);
            if from == to {
                continue;
            }
            let mut rng = arrival::child(self.seed, "arrivals", &format!("{owner}/{name}"));
            let Some(moments) = arrival::moments(&scale.arrival, from.abs_diff(to), &mut rng) else {
                steps.push((0, Action::Scale(Scale::step(name, from, to))));
                continue;
            };
            let replicas = |index: u32| if to > from { from + index } else { from - index };
            let step = |index| Action::Scale(Scale::step(name.clone(), replicas(index), replicas(index + 1)));
            steps.extend((0_u32..).zip(moments).map(|(index, at)| (at, step(index))));
        }
        steps
    }

    fn replacements(
        &mut self,
        replace: &Replace,
        asked: &Located<TimedAction>,
        number: usize,
        owner: &str,
    ) -> Vec<(u64, Action)> {
        let mut steps = Vec::new();
        let in_force = self.in_force(asked, number);
        for sized in self.workloads.iter_mut().filter(|sized| replace.workloads.selects(&sized.workload.name)) {
            sized.replaced(replace.count, in_force.clone(), asked.mark);
            let name = sized.workload.name.as_str();
            let mut rng = arrival::child(self.seed, "replacements", &format!("{owner}/{name}"));
            let moments = arrival::moments(&replace.arrival, replace.count, &mut rng);
            let moments = moments.unwrap_or_else(|| vec![0; replace.count as usize]);
            steps.extend(moments.into_iter().map(|at| (at, Action::Replace(Replace::one(name)))));
        }
        steps
    }
}
