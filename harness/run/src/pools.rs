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

#[cfg(test)]
mod tests {
    use super::*;
    use harness_scenario::plan::{NodeClass, ObjectRef, Phase, PlannedAction};
    use serde_json::json;

    #[test]
    fn pools_that_a_commit_adds_belong_to_the_run() {
        let pool = ObjectRef { kind: "NodePool".to_owned(), name: Some("a".to_owned()) };
        let edits = vec![
            TreeEdit::Add { object: json!({"kind": "NodePool", "metadata": {"name": "added"}}) },
            TreeEdit::Add { object: json!({"kind": "AKSNodeClass", "metadata": {"name": "class"}}) },
            TreeEdit::Merge { object: pool.clone(), patch: json!({"metadata": {"name": "renamed"}}) },
            TreeEdit::Merge { object: pool, patch: json!({"spec": {"weight": 1}}) },
        ];
        let action = Action::Commit { edits, message: "m".to_owned() };
        let actions = vec![PlannedAction { id: 0, at_us: 0, action }];
        let mut plan: Plan = serde_json::from_value(json!({
            "version": 1, "scenario": "s", "question": "q", "profile": "default", "seed": 1, "parameters": {},
            "needs": [], "azure": {"quotaCores": {}, "faults": []},
            "nodeConfig": {"source": "t", "sha256": "", "classes": []},
            "workloads": [], "phases": [], "expectations": [],
        }))
        .unwrap();
        plan.node_config.classes.push(NodeClass { name: "a".to_owned(), ..NodeClass::default() });
        plan.phases.push(Phase { name: "p".to_owned(), actions, until: None, within: None, hold: None });
        assert_eq!(of(&plan), ["a", "added", "renamed"].map(str::to_owned).into());
    }
}
