//! What of a plan the run itself must look for.

use std::borrow::Cow;
use std::collections::BTreeSet;

use harness_plan::{Check, EventPattern, OccurrenceKind, Plan};

/// What conditions of phases count.
pub(crate) fn counted(plan: &Plan) -> Vec<EventPattern> {
    let mut counted: Vec<EventPattern> = Vec::new();
    for pattern in awaited(plan) {
        if !counted.contains(&pattern) {
            counted.push(pattern.into_owned());
        }
    }
    counted
}

/// The reasons of controllers that somebody asks about by name. Those that are no warnings are watched for these alone.
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
    // Of pods that must stay pending the scheduler speaks first, and the provisioner says why, under the same reason.
    if plan.expectations.iter().any(|expectation| matches!(expectation.check, Check::Pending(_))) {
        reasons.insert("FailedScheduling".to_owned());
    }
    reasons
}

fn awaited(plan: &Plan) -> impl Iterator<Item = Cow<'_, EventPattern>> {
    let conditions = plan.phases.iter().filter_map(|phase| phase.until.as_ref()).flat_map(|until| &until.0);
    conditions.filter_map(|condition| Some(condition.counts()?.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_plan::{Bounds, Expectation, Happened, Pending, Selection};
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
        let check = Check::Pending(Pending { workloads: Selection::one("w"), message_contains: None });
        let plan = plan(json!([]), &[Expectation::new("e", check)]);
        assert_eq!(reasons(&plan), BTreeSet::from(["FailedScheduling".to_owned()]));
    }

    #[test]
    fn a_code_of_azure_is_no_reason_of_a_controller() {
        let failed =
            EventPattern { code: Some("SkuNotAvailable".to_owned()), ..EventPattern::any(OccurrenceKind::VmFailed) };
        let check = happened(failed);
        assert!(reasons(&plan(json!([]), &[Expectation::new("e", check)])).is_empty());
    }
}
