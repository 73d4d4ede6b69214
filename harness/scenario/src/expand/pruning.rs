//! NodePools that have left the tree: Flux prunes them, unless they are protected or something holds Flux back.

use serde_json::Value;

use super::hand_changes::hand_changes;
use crate::model::ScenarioFile;
use harness_plan::{Action, ChangeKind, ObjectAddress};
use harness_tree::NodePool;

/// Below this key of a metadata map are the words by which Flux leaves an object alone.
const WORDS_OF_FLUX: &str = "kustomize.toolkit.fluxcd.io/";

/// Why pools may stay that the tree alone does not protect.
struct Stay {
    /// The phase from which on it is so, by its index.
    from: usize,
    /// The pool; `None` for every pool.
    pool: Option<String>,
}

/// All that keeps pools in the cluster.
pub(super) struct Stays(Vec<Stay>);

impl Stays {
    pub(super) fn of(file: &ScenarioFile) -> Self {
        Self(stays(file))
    }

    /// Whether the cluster may still have a pool after the phase, by its index, in which it has left the tree.
    pub(super) fn may_keep(&self, pool: &NodePool, phase: usize) -> bool {
        let holds = |stay: &Stay| stay.from <= phase && stay.pool.as_ref().is_none_or(|name| *name == pool.name);
        pool.kept || self.0.iter().any(holds)
    }
}

fn stays(file: &ScenarioFile) -> Vec<Stay> {
    let mut all = Vec::new();
    for (from, phase) in file.phases.iter().enumerate() {
        // Without one of its controllers, or without Git, Flux does not apply the push.
        let is_held_back = |action: &Action| matches!(action, Action::KillComponent(_) | Action::GitFault(_));
        if phase.actions.iter().any(|action| is_held_back(&action.variant)) {
            all.push(Stay { from, pool: None });
        }
    }
    all.extend(hand_changes(file).iter().filter_map(|change| match (change.at.kind.as_str(), change.kind) {
        ("NodePool", ChangeKind::Create(_)) => Some(Stay { from: 0, pool: Some(change.at.name.clone()) }),
        ("NodePool", ChangeKind::Patch(patch)) if has_word_of_flux(patch) => {
            Some(Stay { from: change.phase, pool: Some(change.at.name.clone()) })
        }
        (_, ChangeKind::Patch(patch)) if holds_back(change.at, patch) => Some(Stay { from: change.phase, pool: None }),
        _ => None,
    }));
    all
}

fn has_word_of_flux(patch: &Value) -> bool {
    ["/metadata/annotations", "/metadata/labels"].into_iter().any(|path| {
        let entries = patch.pointer(path).and_then(Value::as_object);
        entries.is_some_and(|entries| entries.keys().any(|key| key.starts_with(WORDS_OF_FLUX)))
    })
}

/// Whether Flux applies nothing after a patch, or does not prune.
fn holds_back(at: &ObjectAddress, patch: &Value) -> bool {
    let is = |path: &str, value: bool| patch.pointer(path) == Some(&Value::Bool(value));
    ["GitRepository", "Kustomization"].contains(&at.kind.as_str())
        && (is("/spec/suspend", true) || is("/spec/prune", false))
}
