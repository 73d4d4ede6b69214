//! What the phases push: commits, reverts and force-pushes, each at its time.

use crate::arrival;
use crate::model::PhaseSpec;
use harness_plan::{Action, Commit, ForcePush, TimedAction, TreeEdit};
use harness_yaml::Located;

/// A push of the phases.
pub(super) struct Push<'a> {
    /// Its phase, by its index.
    pub(super) phase: usize,
    /// When it is due, in microseconds since the start of the phase.
    pub(super) at_us: u64,
    pub(super) asked: &'a Located<TimedAction>,
    /// A commit, a revert or a force-push.
    pub(super) action: Action,
    /// Whether it is the first or the last of its action: those between them differ from these by a number.
    pub(super) stands_for_others: bool,
}

/// Every push of the phases, in the order of time.
pub(super) fn pushes(specs: &[PhaseSpec], seed: u64) -> Vec<Push<'_>> {
    let mut all = Vec::new();
    for (phase, spec) in specs.iter().enumerate() {
        for (index, asked) in spec.actions.iter().enumerate() {
            let start = asked.beside.after.as_micros();
            let steps = match asked.variant.pushes() {
                true => pushed(&asked.variant, &spec.name, seed, &owner(&spec.name, index)),
                false => Vec::new(),
            };
            let last = steps.len().saturating_sub(1);
            all.extend(steps.into_iter().enumerate().map(|(number, (at, action))| {
                let stands_for_others = number == 0 || number == last;
                Push { phase, at_us: start + at, asked, action, stands_for_others }
            }));
        }
    }
    all.sort_by_key(|push| (push.phase, push.at_us));
    all
}

/// What an action that pushes pushes, with the times from the action's start.
pub(super) fn pushed(action: &Action, phase: &str, seed: u64, owner: &str) -> Vec<(u64, Action)> {
    match action {
        Action::Commit(commit) => commits(commit, phase, seed, owner),
        Action::ForcePush(push) => {
            let message = push.message.clone().unwrap_or_else(|| phase.to_owned());
            vec![(0, Action::ForcePush(ForcePush { message: Some(message), ..push.clone() }))]
        }
        other => vec![(0, other.clone())],
    }
}

/// The name under which the draws of an action are its own.
pub(super) fn owner(phase: &str, action: usize) -> String {
    format!("{phase}/{action}")
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
