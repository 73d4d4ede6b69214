//! Deployments, their pods and their PodDisruptionBudgets.

use std::collections::BTreeMap;

use harness_plan::{Containers, DisruptionBudget, Spread, Workload};
use harness_units::{Amount, Span};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::{
    Container, PodSpec, PodTemplateSpec, ResourceRequirements, Toleration, TopologySpreadConstraint,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ObjectMeta;

use super::{affinity, metadata, selector};
use crate::labels;

/// The smallest image there is.
const IMAGE: &str = "registry.k8s.io/pause:3.10";

/// How long the pods of a workload may take to end where the scenario says nothing.
const TERMINATION_GRACE: Span = Span::from_secs(1);

/// Karpenter disrupts no pod with this annotation, nor the node that it runs on (`pkg/apis/v1/labels.go` of Karpenter).
const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";

pub(super) fn deployment(run_id: &str, workload: &Workload, avoid: &[String]) -> Deployment {
    let mut pods = metadata(run_id, workload);
    pods.name = None;
    let do_not_disrupt = workload.do_not_disrupt.then(|| (DO_NOT_DISRUPT, "true".to_owned()));
    let annotations = workload.containers.iter().flat_map(Containers::annotations).chain(do_not_disrupt);
    let annotations: BTreeMap<String, String> = annotations.map(|(key, value)| (key.to_owned(), value)).collect();
    pods.annotations = Some(annotations).filter(|annotations| !annotations.is_empty());
    Deployment {
        metadata: metadata(run_id, workload),
        spec: Some(DeploymentSpec {
            replicas: Some(0),
            selector: pods_of(workload),
            // No run changes the template, and the strategy matters only then: a deleted pod is replaced at once.
            strategy: Some(DeploymentStrategy { type_: Some("Recreate".to_owned()), ..DeploymentStrategy::default() }),
            template: PodTemplateSpec { metadata: Some(pods), spec: Some(pod_spec(run_id, workload, avoid)) },
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

fn pod_spec(run_id: &str, workload: &Workload, avoid: &[String]) -> PodSpec {
    let requests = BTreeMap::from([
        ("cpu".to_owned(), Quantity(workload.cpu.to_string())),
        ("memory".to_owned(), Quantity(workload.memory.to_string())),
    ]);
    PodSpec {
        containers: vec![Container {
            name: "main".to_owned(),
            image: Some(workload.image.clone().unwrap_or_else(|| IMAGE.to_owned())),
            resources: Some(ResourceRequirements { requests: Some(requests), ..ResourceRequirements::default() }),
            ..Container::default()
        }],
        node_selector: Some(workload.node_selector.clone()).filter(|selector| !selector.is_empty()),
        tolerations: Some(workload.tolerations.iter().map(toleration).collect()),
        topology_spread_constraints: Some(workload.spread.0.iter().map(|asked| spread(workload, *asked)).collect())
            .filter(|spread: &Vec<_>| !spread.is_empty()),
        affinity: affinity::of(workload, avoid),
        priority_class_name: workload.priority.map(|value| priority_class_name(run_id, value)),
        // Nothing in these pods needs an API token, and a projected volume costs every component work.
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(grace_s(workload.termination_grace_period)),
        ..PodSpec::default()
    }
}

fn spread(workload: &Workload, asked: Spread) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        label_selector: Some(pods_of(workload)),
        max_skew: i32::try_from(asked.max_skew).unwrap_or(i32::MAX),
        topology_key: asked.over.label().to_owned(),
        // With ScheduleAnyway no node would be provisioned for the spread.
        when_unsatisfiable: if asked.soft { "ScheduleAnyway" } else { "DoNotSchedule" }.to_owned(),
        ..TopologySpreadConstraint::default()
    }
}

/// Whole seconds, as Kubernetes counts; rounded up.
fn grace_s(asked: Option<Span>) -> i64 {
    let grace = asked.unwrap_or(TERMINATION_GRACE);
    i64::try_from(grace.as_micros().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}

/// The name of the PriorityClass with this value.
pub(super) fn priority_class_name(run_id: &str, value: i32) -> String {
    let sign = if value < 0 { "minus-" } else { "" };
    format!("{}-priority-{sign}{}", labels::namespace(run_id), value.unsigned_abs())
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

/// The PriorityClass with this value. It is deleted with its owner.
pub(super) fn priority_class(run_id: &str, value: i32, owner: &OwnerReference) -> PriorityClass {
    PriorityClass {
        metadata: ObjectMeta {
            name: Some(priority_class_name(run_id, value)),
            labels: Some(labels::of_run(run_id)),
            owner_references: Some(vec![owner.clone()]),
            ..ObjectMeta::default()
        },
        value,
        ..PriorityClass::default()
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
    use harness_plan::{SpreadList, Topology};
    use rstest::rstest;
    use serde_json::json;

    fn written(workload: &Workload) -> serde_json::Value {
        serde_json::to_value(deployment("r1", workload, &[])).unwrap()
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
        let spread = vec![Topology::Zone.into(), Spread { over: Topology::CapacityType, max_skew: 2, soft: true }];
        let workload = Workload { do_not_disrupt: true, spread: SpreadList(spread), ..plain() };
        let template = &written(&workload)["spec"]["template"];
        assert_eq!(template["metadata"]["annotations"], json!({"karpenter.sh/do-not-disrupt": "true"}));
        let expected = json!([{
            "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"harness.dev/workload": "web"}},
        }, {
            "maxSkew": 2, "topologyKey": "karpenter.sh/capacity-type", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"harness.dev/workload": "web"}},
        }]);
        assert_eq!(template["spec"]["topologySpreadConstraints"], expected);
    }

    #[rstest]
    #[case::one_second_by_default(None, 1)]
    #[case::as_asked(Some(Span::from_secs(30)), 30)]
    #[case::rounded_up(Some(Span::from_millis(1_500)), 2)]
    fn pods_get_the_time_to_end_that_the_scenario_gives(#[case] asked: Option<Span>, #[case] expected: i64) {
        let workload = Workload { termination_grace_period: asked, ..plain() };
        assert_eq!(written(&workload)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"], expected);
    }

    #[test]
    fn pods_say_what_their_containers_do() {
        let of = |workload: &Workload| written(workload)["spec"]["template"]["metadata"]["annotations"].clone();
        assert_eq!(of(&plain()), serde_json::Value::Null);
        let containers = Containers { ready_after: Some(Span::from_secs(20)), ..Containers::default() };
        let both = Workload { containers: Some(containers), do_not_disrupt: true, ..plain() };
        let expected = json!({"kubelet.harness.dev/ready-after": "20s", "karpenter.sh/do-not-disrupt": "true"});
        assert_eq!(of(&both), expected);
    }

    #[test]
    fn pods_name_the_priority_class_of_their_run() {
        let of = |priority| {
            let workload = Workload { priority, ..plain() };
            written(&workload)["spec"]["template"]["spec"]["priorityClassName"].clone()
        };
        assert_eq!(of(None), serde_json::Value::Null);
        assert_eq!(of(Some(1_000)), "harness-r1-priority-1000");
        assert_eq!(of(Some(-5)), "harness-r1-priority-minus-5");
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
