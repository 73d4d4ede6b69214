//! Commits, force-pushes and faults of the Git server with their values filled in.

use super::arrival;
use crate::model::{CommitSpec, ForcePushSpec};
use harness_plan::{Action, TreeEdit, Trigger};

/// The commits of one action, with their times from the action's begin.
pub(super) fn commits(spec: &CommitSpec, phase: &str, seed: u64, owner: &str) -> Vec<(u64, Action)> {
    let mut edits = spec.edits.clone();
    edits.extend(
        spec.add_many.iter().map(|many| TreeEdit::AddMany { object: many.object.clone(), count: many.count.value }),
    );
    let message = spec.message.clone().unwrap_or_else(|| phase.to_owned());
    let trigger = spec.trigger.clone().map(Trigger::from).unwrap_or_default();
    let Some(times) = spec.times.as_ref().map(|times| times.value) else {
        return vec![(0, Action::Commit { edits, message, trigger })];
    };
    let mut rng = arrival::child(seed, "commits", owner);
    let moments = spec.arrival.as_ref().and_then(|spec| arrival::moments(&spec.value, times, &mut rng));
    let moments = moments.unwrap_or_else(|| vec![0; times as usize]);
    let numbered = |(n, at): (u32, u64)| {
        let message = if message.contains("{n}") { message.clone() } else { format!("{message} ({n} of {times})") };
        let edits = edits.iter().map(|edit| edit.numbered(n)).collect();
        (at, Action::Commit { edits, message: message.replace("{n}", &n.to_string()), trigger: trigger.clone() })
    };
    (1_u32..).zip(moments).map(numbered).collect()
}

pub(super) fn force_push(spec: &ForcePushSpec, phase: &str) -> Action {
    Action::ForcePush {
        back: spec.back.as_ref().map_or(1, |back| back.value),
        edits: spec.edits.clone(),
        message: spec.message.clone().unwrap_or_else(|| phase.to_owned()),
    }
}
