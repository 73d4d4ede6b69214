//! Commits, each at its time.

use crate::arrival;
use harness_plan::{Action, Commit, TreeEdit};

/// The commits of one action, with their times from the action's start.
pub(super) fn commits(asked: &Commit, phase: &str, seed: u64, owner: &str) -> Vec<(u64, Action)> {
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
