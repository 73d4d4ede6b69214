//! Deployments, their pods and their PodDisruptionBudgets.

use std::collections::BTreeMap;

use harness_plan::{DisruptionBudget, Spread, Workload};
use harness_units::Amount;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::{
    Container, PodSpec, PodTemplateSpec, ResourceRequirements, Toleration, TopologySpreadConstraint,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{metadata, selector};

/// The smallest image there is. A simulated kubelet pulls nothing.
const IMAGE: &str = "registry.k8s.io/pause:3.10";

/// Karpenter disrupts no pod with this annotation, nor the node that it runs on (`pkg/apis/v1/labels.go` of Karpenter).
const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";

pub(super) fn deployment(run_id: &str, workload: &Workload) -> Deployment {
    let mut pods = metadata(run_id, workload);
    pods.name = None;
    if workload.do_not_disrupt {
        pods.annotations = Some(BTreeMap::from([(DO_NOT_DISRUPT.to_owned(), "true".to_owned())]));
    }
    Deployment {
        metadata: metadata(run_id, workload),
        spec: Some(DeploymentSpec {
            replicas: Some(0),
            selector: pods_of(workload),
            // No run changes the template, and the strategy matters only then: a deleted pod is replaced at once.
            strategy: Some(DeploymentStrategy { type_: Some("Recreate".to_owned()), ..DeploymentStrategy::default() }),
            template: PodTemplateSpec { metadata: Some(pods), spec: Some(pod_spec(workload)) },
            // A pod that waits for capacity is measured; it is not a stuck rollout.
            progress_deadline_seconds: None,
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn pods_of(workload: &Workload) -> LabelSelector {
    LabelSelector { match_labels: Some(selector(workload)), ..LabelSelector::default() }
}

fn pod_spec(workload: &Workload) -> PodSpec {
    let requests = BTreeMap::from([
        ("cpu".to_owned(), Quantity(workload.cpu.to_string())),
        ("memory".to_owned(), Quantity(workload.memory.to_string())),
    ]);
    PodSpec {
        containers: vec![Container {
            name: "main".to_owned(),
            image: Some(IMAGE.to_owned()),
            resources: Some(ResourceRequirements { requests: Some(requests), ..ResourceRequirements::default() }),
            ..Container::default()
        }],
        node_selector: Some(workload.node_selector.clone()).filter(|selector| !selector.is_empty()),
        tolerations: Some(workload.tolerations.iter().map(toleration).collect()),
        topology_spread_constraints: workload.spread.map(|over| vec![spread(workload, over)]),
        // Nothing in these pods needs an API token, and a projected volume costs every component work.
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(1),
        ..PodSpec::default()
    }
}

fn spread(workload: &Workload, over: Spread) -> TopologySpreadConstraint {
    let key = match over {
        Spread::Zone => "topology.kubernetes.io/zone",
        Spread::Node => "kubernetes.io/hostname",
    };
    TopologySpreadConstraint {
        label_selector: Some(pods_of(workload)),
        max_skew: 1,
        topology_key: key.to_owned(),
        // With ScheduleAnyway no node would be provisioned.
        when_unsatisfiable: "DoNotSchedule".to_owned(),
        ..TopologySpreadConstraint::default()
    }
}

fn toleration(toleration: &harness_plan::Toleration) -> Toleration {
    Toleration {
        key: Some(toleration.key.clone()),
        operator: Some(toleration.operator.clone()),
        value: toleration.value.clone(),
        effect: toleration.effect.clone(),
        ..Toleration::default()
    }
}

/// The PodDisruptionBudget of a workload.
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
            selector: Some(pods_of(workload)),
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
    use super::super::tests::plain;
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn written(workload: &Workload) -> serde_json::Value {
        serde_json::to_value(deployment("r1", workload)).unwrap()
    }

    #[test]
    fn a_plain_workload_has_neither_annotation_nor_spread() {
        let template = &written(&plain())["spec"]["template"];
        assert_eq!(template["metadata"].get("annotations"), None);
        assert_eq!(template["spec"].get("topologySpreadConstraints"), None);
        let requests = &template["spec"]["containers"][0]["resources"]["requests"];
        assert_eq!(requests, &json!({"cpu": "500m", "memory": "512Mi"}));
    }

    #[test]
    fn pods_are_marked_and_spread_as_planned() {
        let workload = Workload { do_not_disrupt: true, spread: Some(Spread::Zone), ..plain() };
        let template = &written(&workload)["spec"]["template"];
        assert_eq!(template["metadata"]["annotations"], json!({"karpenter.sh/do-not-disrupt": "true"}));
        let expected = json!([{
            "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"harness.dev/workload": "web"}},
        }]);
        assert_eq!(template["spec"]["topologySpreadConstraints"], expected);
    }

    #[rstest]
    #[case(DisruptionBudget::MinAvailable(Amount::Percent(80)), json!({"minAvailable": "80%"}))]
    #[case(DisruptionBudget::MaxUnavailable(Amount::Count(1)), json!({"maxUnavailable": 1}))]
    fn a_budget_is_as_planned(#[case] planned: DisruptionBudget, #[case] mut expected: serde_json::Value) {
        let written = serde_json::to_value(budget("r1", &plain(), planned)).unwrap();
        expected["selector"] = json!({"matchLabels": {"harness.dev/workload": "web"}});
        assert_eq!(written["spec"], expected);
    }
}
