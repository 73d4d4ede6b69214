//! Phases with every action at its time.

use std::collections::BTreeMap;

use super::objects;
use super::workloads::Sized;
use crate::arrival;
use crate::model::PhaseSpec;
use harness_plan::{
    Action, Commit, ForcePush, ObjectAddress, Phase, PlannedAction, Replace, Scale, TimedAction, TreeEdit,
};

/// Writes the phases and each workload's peak.
pub(super) fn expand(
    specs: &[PhaseSpec],
    objects: &BTreeMap<String, ObjectAddress>,
    workloads: &mut [Sized],
    seed: u64,
) -> Vec<Phase> {
    let mut unfolding = Unfolding { objects, workloads, seed, replicas: BTreeMap::new() };
    let mut id = 0;
    let mut phases = Vec::new();
    for spec in specs {
        let mut due: Vec<(u64, Action)> = Vec::new();
        let mut actions: Vec<(usize, &TimedAction)> = spec.actions.iter().map(|it| &it.value).enumerate().collect();
        // Replicas follow from each other in the order of time, which need not be that of the file.
        actions.sort_by_key(|(_, action)| action.beside.after);
        for (index, action) in actions {
            let start = action.beside.after.as_micros();
            let steps = unfolding.steps(&action.variant, &spec.name, index);
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

/// Makes single steps of what the scenario asks for in one line.
struct Unfolding<'a> {
    objects: &'a BTreeMap<String, ObjectAddress>,
    workloads: &'a mut [Sized],
    seed: u64,
    /// The replicas of each workload so far.
    replicas: BTreeMap<String, u32>,
}

impl Unfolding<'_> {
    /// The steps of an action, with their times from the action's start. None where a rule has refused it.
    fn steps(&mut self, action: &Action, phase: &str, index: usize) -> Vec<(u64, Action)> {
        let owner = format!("{phase}/{index}");
        match action {
            Action::Scale(scale) => self.scalings(scale, &owner),
            Action::Replace(replace) => self.replacements(replace, &owner),
            Action::Commit(commit) => commits(commit, phase, self.seed, &owner),
            Action::ForcePush(push) => {
                let message = push.message.clone().unwrap_or_else(|| phase.to_owned());
                vec![(0, Action::ForcePush(ForcePush { message: Some(message), ..push.clone() }))]
            }
            Action::Change(change) => {
                objects::change(change, self.objects).into_iter().map(|change| (0, Action::Change(change))).collect()
            }
            other => vec![(0, other.clone())],
        }
    }

    fn scalings(&mut self, scale: &Scale, owner: &str) -> Vec<(u64, Action)> {
        let mut steps = Vec::new();
        for sized in self.workloads.iter_mut().filter(|sized| scale.workloads.selects(&sized.workload.name)) {
            let name = sized.workload.name.clone();
            let to = sized.bounded(scale.to);
            let from = self.replicas.insert(name.clone(), to).unwrap_or(0);
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

    fn replacements(&self, replace: &Replace, owner: &str) -> Vec<(u64, Action)> {
        let mut steps = Vec::new();
        let names = self.workloads.iter().map(|sized| sized.workload.name.as_str());
        for name in names.filter(|name| replace.workloads.selects(name)) {
            let mut rng = arrival::child(self.seed, "replacements", &format!("{owner}/{name}"));
            let moments = arrival::moments(&replace.arrival, replace.count, &mut rng);
            let moments = moments.unwrap_or_else(|| vec![0; replace.count as usize]);
            steps.extend(moments.into_iter().map(|at| (at, Action::Replace(Replace::one(name)))));
        }
        steps
    }
}

/// The commits of one action, with their times from the action's start.
fn commits(asked: &Commit, phase: &str, seed: u64, owner: &str) -> Vec<(u64, Action)> {
    let mut edits = asked.edits.clone();
    edits
        .extend(asked.add_many.iter().map(|many| TreeEdit::AddMany { object: many.object.clone(), count: many.count }));
    let message = asked.message.clone().unwrap_or_else(|| phase.to_owned());
    let commit = |edits, message| {
        Action::Commit(Commit { edits, message: Some(message), trigger: asked.trigger.clone(), ..Commit::default() })
    };
    let Some(times) = asked.times else { return vec![(0, commit(edits, message))] };
    let mut rng = arrival::child(seed, "commits", owner);
    let moments = asked.arrival.as_ref().and_then(|arrival| arrival::moments(arrival, times, &mut rng));
    let moments = moments.unwrap_or_else(|| vec![0; times as usize]);
    let numbered = |(n, at): (u32, u64)| {
        let message = if message.contains("{n}") { message.clone() } else { format!("{message} ({n} of {times})") };
        let edits = edits.iter().map(|edit| edit.numbered(n)).collect();
        (at, commit(edits, message.replace("{n}", &n.to_string())))
    };
    (1_u32..).zip(moments).map(numbered).collect()
}
