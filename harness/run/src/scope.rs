//! What a plan makes the run watch and count.

use std::borrow::Cow;
use std::collections::BTreeSet;

use harness_plan::{Action, Change, Check, Condition, EventPattern, OccurrenceKind, Plan, TreeEdit};
use serde_json::Value;

/// The names of the NodePools that a run may bring into being: those of its tree, those that its commits add and those that it creates itself.
pub(crate) fn nodepools(plan: &Plan) -> BTreeSet<String> {
    let classes = plan.node_config.classes.iter().map(|class| class.name.clone());
    let actions = || plan.actions().map(|planned| &planned.action);
    let committed = actions().flat_map(Action::edits).flat_map(added_pools);
    let created = actions().filter_map(|action| match action {
        Action::Change(Change { create: Some(object), .. }) => named_pool(object),
        _ => None,
    });
    classes.chain(committed).chain(created).collect()
}

fn added_pools(edit: &TreeEdit) -> Vec<String> {
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

/// The occurrences that conditions of phases count.
pub(crate) fn counted(plan: &Plan) -> Vec<EventPattern> {
    let mut counted: Vec<EventPattern> = Vec::new();
    for pattern in awaited(plan) {
        if !counted.contains(&pattern) {
            counted.push(pattern.into_owned());
        }
    }
    counted
}

/// The reasons of controllers that the plan asks about by name. Those that are not warnings are watched for these alone.
pub(crate) fn reasons(plan: &Plan) -> BTreeSet<String> {
    let expected = plan.expectations.iter().filter_map(|expectation| match &expectation.check {
        Check::Happened(happened) => Some(Cow::Borrowed(&happened.pattern)),
        _ => None,
    });
    let mut reasons: BTreeSet<String> = expected
        .chain(awaited(plan))
        .filter(|of| of.what == OccurrenceKind::Reason)
        .filter_map(|of| of.code.clone())
        .collect();
    // For pods that must stay pending, the scheduler and then the provisioner give this reason; only the provisioner explains why.
    if plan.expectations.iter().any(|expectation| matches!(expectation.check, Check::Pending(_))) {
        reasons.insert("FailedScheduling".to_owned());
    }
    reasons
}

fn awaited(plan: &Plan) -> impl Iterator<Item = Cow<'_, EventPattern>> {
    let conditions = plan.phases.iter().filter_map(|phase| phase.until.as_ref()).flat_map(|until| &until.0);
    conditions.flat_map(Condition::parts).filter_map(|condition| Some(condition.counts()?.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_plan::{
        Bounds, Commit, Expectation, Happened, NodeClass, ObjectRef, Pending, Phase, PlannedAction, Selection,
    };
    use serde_json::json;

    fn plan(phases: serde_json::Value, expectations: &[Expectation]) -> Plan {
        serde_json::from_value(json!({
            "version": 1, "scenario": "s", "question": "q", "profile": "default", "seed": 1, "parameters": {},
            "needs": [], "azure": {"quotaCores": {}, "faults": []},
            "nodeConfig": {"source": "t", "sha256": "", "classes": []},
            "workloads": [], "phases": phases, "expectations": expectations,
        }))
        .unwrap()
    }

    fn happened(pattern: EventPattern) -> Check {
        Check::Happened(Happened { pattern, bounds: Bounds { at_least: Some(1), at_most: None }, phases: Vec::new() })
    }

    #[test]
    fn conditions_are_counted_once_and_named_reasons_are_watched_for_both() {
        let until = json!({"happened": {"what": "reason", "code": "DisruptionBlocked"}});
        let phase = |name: &str| json!({"name": name, "actions": [], "until": until, "within": "1m"});
        let nominated =
            EventPattern { code: Some("Nominated".to_owned()), ..EventPattern::any(OccurrenceKind::Reason) };
        let check = happened(nominated);
        let plan = plan(json!([phase("a"), phase("b")]), &[Expectation::new("e", check)]);
        assert_eq!(counted(&plan).len(), 1);
        assert_eq!(reasons(&plan), BTreeSet::from(["DisruptionBlocked".to_owned(), "Nominated".to_owned()]));
    }

    #[test]
    fn pods_that_stay_pending_are_explained_by_more_than_one() {
        let check =
            Check::Pending(Pending { workloads: Selection::one("w"), message_contains: None, phases: Vec::new() });
        let plan = plan(json!([]), &[Expectation::new("e", check)]);
        assert_eq!(reasons(&plan), BTreeSet::from(["FailedScheduling".to_owned()]));
    }

    #[test]
    fn a_code_of_azure_is_not_a_reason_of_a_controller() {
        let failed =
            EventPattern { code: Some("SkuNotAvailable".to_owned()), ..EventPattern::any(OccurrenceKind::VmFailed) };
        let check = happened(failed);
        assert!(reasons(&plan(json!([]), &[Expectation::new("e", check)])).is_empty());
    }

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
        let mut plan = plan(json!([]), &[]);
        plan.node_config.classes.push(NodeClass { name: "a".to_owned(), ..NodeClass::default() });
        plan.phases.push(Phase { name: "p".to_owned(), actions, ..Phase::default() });
        assert_eq!(
            nodepools(&plan),
            ["a", "added", "by-hand", "many-1", "many-2", "renamed"].map(str::to_owned).into()
        );
    }
}
