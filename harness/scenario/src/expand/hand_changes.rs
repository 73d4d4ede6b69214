//! What somebody changes by hand while the phases go on, each change at its time.

use crate::model::ScenarioFile;
use harness_plan::{Action, ChangeKind, ObjectAddress};
use harness_yaml::Mark;

/// A change that somebody makes to an object in the cluster.
pub(super) struct HandChange<'a> {
    /// Its phase, by its index.
    pub(super) phase: usize,
    /// When it is due, in microseconds since the start of the phase.
    pub(super) at_us: u64,
    /// Where it is asked for.
    pub(super) mark: Mark,
    /// The object.
    pub(super) at: &'a ObjectAddress,
    /// What is done to it.
    pub(super) kind: ChangeKind<'a>,
}

/// Every change of an object that the scenario names, in the order of time.
pub(super) fn hand_changes(file: &ScenarioFile) -> Vec<HandChange<'_>> {
    let mut all = Vec::new();
    for (phase, spec) in file.phases.iter().enumerate() {
        all.extend(spec.actions.iter().filter_map(|asked| {
            let Action::Change(change) = &asked.variant else { return None };
            let at = file.objects.get(change.known_as(&file.objects)?)?;
            let at_us = asked.beside.after.as_micros();
            Some(HandChange { phase, at_us, mark: asked.mark, at, kind: change.kind() })
        }));
    }
    all.sort_by_key(|change: &HandChange<'_>| (change.phase, change.at_us));
    all
}
