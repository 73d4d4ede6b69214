//! What of a plan the run itself must look for.

use std::collections::BTreeSet;

use harness_plan::{Check, EventPattern, Plan, Until, OccurrenceKind};

/// What conditions of phases count.
pub(crate) fn counted(plan: &Plan) -> Vec<EventPattern> {
    let mut counted: Vec<EventPattern> = Vec::new();
    for of in awaited(plan) {
        if !counted.contains(of) {
            counted.push(of.clone());
        }
    }
    counted
}

/// The reasons of controllers that somebody asks about by name. Those that are no warnings are watched for these alone.
pub(crate) fn reasons(plan: &Plan) -> BTreeSet<String> {
    let expected = plan.expectations.iter().filter_map(|expectation| match &expectation.check {
        Check::Happened { of, .. } => Some(of),
        _ => None,
    });
    let mut reasons: BTreeSet<String> =
        expected.chain(awaited(plan)).filter(|of| of.what == OccurrenceKind::Reason).filter_map(|of| of.code.clone()).collect();
    // Of pods that must stay pending the scheduler speaks first, and the provisioner says why, under the same reason.
    if plan.expectations.iter().any(|expectation| matches!(expectation.check, Check::Pending { .. })) {
        reasons.insert("FailedScheduling".to_owned());
    }
    reasons
}

fn awaited(plan: &Plan) -> impl Iterator<Item = &EventPattern> {
    let parts = plan.phases.iter().filter_map(|phase| phase.until.as_ref()).flat_map(Until::parts);
    parts.filter_map(|part| match part {
        Until::Happened { of, .. } => Some(of),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_plan::Expectation;
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

    #[test]
    fn conditions_are_counted_once_and_named_reasons_are_watched_for_both() {
        let until = json!({"happened": {"of": {"what": "reason", "code": "DisruptionBlocked"}, "atLeast": 1}});
        let phase = |name: &str| json!({"name": name, "actions": [], "until": until, "within": "1m"});
        let nominated = EventPattern { code: Some("Nominated".to_owned()), ..EventPattern::any(OccurrenceKind::Reason) };
        let check = Check::Happened { of: nominated, phases: Vec::new(), at_least: Some(1), at_most: None };
        let plan = plan(json!([phase("a"), phase("b")]), &[Expectation::new("e", check)]);
        assert_eq!(counted(&plan).len(), 1);
        assert_eq!(reasons(&plan), BTreeSet::from(["DisruptionBlocked".to_owned(), "Nominated".to_owned()]));
    }

    #[test]
    fn pods_that_stay_pending_are_explained_by_more_than_one() {
        let check = Check::Pending { workloads: vec!["w".to_owned()], says: None };
        let plan = plan(json!([]), &[Expectation::new("e", check)]);
        assert_eq!(reasons(&plan), BTreeSet::from(["FailedScheduling".to_owned()]));
    }

    #[test]
    fn a_code_of_azure_is_no_reason_of_a_controller() {
        let failed = EventPattern { code: Some("SkuNotAvailable".to_owned()), ..EventPattern::any(OccurrenceKind::VmFailed) };
        let check = Check::Happened { of: failed, phases: Vec::new(), at_least: Some(1), at_most: None };
        assert!(reasons(&plan(json!([]), &[Expectation::new("e", check)])).is_empty());
    }
}
