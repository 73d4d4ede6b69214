//! Which NodePools a run may bring into being: those of its tree and those that its commits add.

use std::collections::BTreeSet;

use harness_scenario::plan::{Action, Plan, TreeEdit};
use serde_json::Value;

/// Their names.
pub(crate) fn of(plan: &Plan) -> BTreeSet<String> {
    let classes = plan.node_config.classes.iter().map(|class| class.name.clone());
    let edits = plan.phases.iter().flat_map(|phase| &phase.actions).filter_map(|planned| match &planned.action {
        Action::Commit { edits, .. } => Some(edits),
        _ => None,
    });
    classes.chain(edits.flatten().filter_map(added)).collect()
}

fn added(edit: &TreeEdit) -> Option<String> {
    let object = match edit {
        TreeEdit::Add { object } => object,
        // A patch can give an object another name, which makes another object of it.
        TreeEdit::Merge { object, patch } if object.kind == "NodePool" => return name(patch),
        TreeEdit::Merge { .. } | TreeEdit::Remove { .. } | TreeEdit::AddText { .. } => return None,
    };
    (object.get("kind").and_then(Value::as_str) == Some("NodePool")).then(|| name(object)).flatten()
}

fn name(object: &Value) -> Option<String> {
    object.pointer("/metadata/name").and_then(Value::as_str).map(str::to_owned)
}
