//! PodDisruptionBudgets.

use harness_plan::{DisruptionBudget, Workload};
use harness_units::Amount;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::{metadata, selector};

pub(super) fn budget(run_id: &str, workload: &Workload, budget: DisruptionBudget) -> PodDisruptionBudget {
    let (min_available, max_unavailable) = match budget {
        DisruptionBudget::MinAvailable(amount) => (Some(number(amount)), None),
        DisruptionBudget::MaxUnavailable(amount) => (None, Some(number(amount))),
    };
    PodDisruptionBudget {
        metadata: metadata(run_id, workload),
        spec: Some(PodDisruptionBudgetSpec {
            min_available,
            max_unavailable,
            selector: Some(LabelSelector { match_labels: Some(selector(workload)), ..LabelSelector::default() }),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}

fn number(amount: Amount) -> IntOrString {
    match amount {
        Amount::Count(count) => IntOrString::Int(i32::try_from(count).unwrap_or(i32::MAX)),
        Amount::Percent(_) => IntOrString::String(amount.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::metadata::tests::plain;
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(DisruptionBudget::MinAvailable(Amount::Percent(80)), json!({"minAvailable": "80%"}))]
    #[case(DisruptionBudget::MaxUnavailable(Amount::Count(1)), json!({"maxUnavailable": 1}))]
    fn a_budget_says_what_the_plan_says(#[case] planned: DisruptionBudget, #[case] mut expected: serde_json::Value) {
        let written = serde_json::to_value(budget("r1", &plain(), planned)).unwrap();
        expected["selector"] = json!({"matchLabels": {"harness.dev/workload": "web"}});
        assert_eq!(written["spec"], expected);
    }
}
