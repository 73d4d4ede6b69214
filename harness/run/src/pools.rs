//! Which NodePools a run may bring into being: those of its tree, those that its commits add and those that it creates itself.

use std::collections::BTreeSet;

use harness_plan::{Action, Change, Plan, TreeEdit};
use serde_json::Value;

/// Their names.
pub(crate) fn of(plan: &Plan) -> BTreeSet<String> {
    let classes = plan.node_config.classes.iter().map(|class| class.name.clone());
    let edits = plan.phases.iter().flat_map(|phase| &phase.actions).flat_map(|planned| planned.action.edits());
    let by_hand = plan.phases.iter().flat_map(|phase| &phase.actions).filter_map(|planned| match &planned.action {
        Action::Change(Change { create: Some(object), .. }) => named_pool(object),
        _ => None,
    });
    classes.chain(edits.flat_map(added)).chain(by_hand).collect()
}

fn added(edit: &TreeEdit) -> Vec<String> {
    // A patch can give an object another name, which makes another object of it.
    if let TreeEdit::Merge { object, patch } = edit
        && object.kind == "NodePool"
    {
        return name(patch).into_iter().collect();
    }
    edit.added().iter().filter_map(named_pool).collect()
}

fn named_pool(object: &Value) -> Option<String> {
    (object.get("kind").and_then(Value::as_str) == Some("NodePool")).then(|| name(object)).flatten()
}

fn name(object: &Value) -> Option<String> {
    object.pointer("/metadata/name").and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_plan::{Commit, NodeClass, ObjectRef, Phase, PlannedAction};
    use serde_json::json;

    #[test]
    fn pools_that_a_commit_adds_belong_to_the_run() {
        let pool = ObjectRef { kind: "NodePool".to_owned(), name: Some("a".to_owned()) };
        let edits = vec![
            TreeEdit::Add { object: json!({"kind": "NodePool", "metadata": {"name": "added"}}), folder: None },
            TreeEdit::Add { object: json!({"kind": "AKSNodeClass", "metadata": {"name": "class"}}), folder: None },
            TreeEdit::Merge { object: pool.clone(), patch: json!({"metadata": {"name": "renamed"}}) },
            TreeEdit::Merge { object: pool, patch: json!({"spec": {"weight": 1}}) },
            TreeEdit::AddMany { object: json!({"kind": "NodePool", "metadata": {"name": "many-{n}"}}), count: 2 },
        ];
        let action = Action::Commit(Commit { edits, ..Commit::default() });
        let create = json!({"kind": "NodePool", "metadata": {"name": "by-hand"}});
        let change: Change = serde_json::from_value(json!({"object": "o", "create": create})).unwrap();
        let actions = [action, Action::Change(change)];
        let actions = actions.into_iter().map(|action| PlannedAction { id: 0, at_us: 0, action }).collect();
        let mut plan: Plan = serde_json::from_value(json!({
            "version": 1, "scenario": "s", "question": "q", "profile": "default", "seed": 1, "parameters": {},
            "needs": [], "azure": {"quotaCores": {}, "faults": []},
            "nodeConfig": {"source": "t", "sha256": "", "classes": []},
            "workloads": [], "phases": [], "expectations": [],
        }))
        .unwrap();
        plan.node_config.classes.push(NodeClass { name: "a".to_owned(), ..NodeClass::default() });
        plan.phases.push(Phase { name: "p".to_owned(), actions, until: None, within: None, hold: None });
        assert_eq!(of(&plan), ["a", "added", "by-hand", "many-1", "many-2", "renamed"].map(str::to_owned).into());
    }
}
