//! HorizontalPodAutoscalers.

use harness_plan::{Autoscale, AutoscaleOn, Workload};
use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, ExternalMetricSource, HPAScalingRules, HorizontalPodAutoscaler,
    HorizontalPodAutoscalerBehavior, HorizontalPodAutoscalerSpec, MetricIdentifier, MetricSpec, MetricTarget,
    PodsMetricSource, ResourceMetricSource,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::metadata;

pub(super) fn autoscaler(run_id: &str, workload: &Workload, planned: &Autoscale) -> HorizontalPodAutoscaler {
    let window_s = i32::try_from(planned.scale_down_after.as_duration().as_secs()).unwrap_or(i32::MAX);
    HorizontalPodAutoscaler {
        metadata: metadata(run_id, workload),
        spec: Some(HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some("apps/v1".to_owned()),
                kind: "Deployment".to_owned(),
                name: workload.name.clone(),
            },
            min_replicas: Some(whole(planned.min)),
            max_replicas: whole(planned.max),
            metrics: Some(vec![metric(&planned.on)]),
            behavior: Some(HorizontalPodAutoscalerBehavior {
                scale_down: Some(HPAScalingRules {
                    stabilization_window_seconds: Some(window_s),
                    ..HPAScalingRules::default()
                }),
                scale_up: None,
            }),
        }),
        status: None,
    }
}

fn metric(on: &AutoscaleOn) -> MetricSpec {
    match on {
        AutoscaleOn::CpuPercent(percent) => resource("cpu", percent.0),
        AutoscaleOn::MemoryPercent(percent) => resource("memory", percent.0),
        AutoscaleOn::PodMetric { name, average } => MetricSpec {
            type_: "Pods".to_owned(),
            pods: Some(PodsMetricSource { metric: named(name), target: average_value(*average) }),
            ..MetricSpec::default()
        },
        AutoscaleOn::ExternalMetric { name, average } => MetricSpec {
            type_: "External".to_owned(),
            external: Some(ExternalMetricSource { metric: named(name), target: average_value(*average) }),
            ..MetricSpec::default()
        },
    }
}

fn resource(name: &str, percent: u32) -> MetricSpec {
    let target = MetricTarget {
        type_: "Utilization".to_owned(),
        average_utilization: Some(whole(percent)),
        ..MetricTarget::default()
    };
    MetricSpec {
        type_: "Resource".to_owned(),
        resource: Some(ResourceMetricSource { name: name.to_owned(), target }),
        ..MetricSpec::default()
    }
}

fn named(name: &str) -> MetricIdentifier {
    MetricIdentifier { name: name.to_owned(), selector: None }
}

fn average_value(average: u32) -> MetricTarget {
    MetricTarget {
        type_: "AverageValue".to_owned(),
        average_value: Some(Quantity(average.to_string())),
        ..MetricTarget::default()
    }
}

fn whole(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::tests::plain;
    use super::*;
    use harness_units::{Percent, Span};
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(AutoscaleOn::CpuPercent(Percent(60)), json!({
        "type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
    }))]
    #[case(AutoscaleOn::PodMetric { name: "requests".to_owned(), average: 100 }, json!({
        "type": "Pods",
        "pods": {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": "100"}},
    }))]
    #[case(AutoscaleOn::ExternalMetric { name: "queue".to_owned(), average: 5 }, json!({
        "type": "External",
        "external": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "5"}},
    }))]
    fn an_autoscaler_has_the_planned_metric(#[case] on: AutoscaleOn, #[case] metric: serde_json::Value) {
        let planned = Autoscale { min: 2, max: 9, on, scale_down_after: Span::from_secs(30) };
        let written = serde_json::to_value(autoscaler("r1", &plain(), &planned)).unwrap();
        let spec = &written["spec"];
        assert_eq!(spec["metrics"], json!([metric]));
        assert_eq!((&spec["minReplicas"], &spec["maxReplicas"]), (&json!(2), &json!(9)));
        assert_eq!(spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"], 30);
        assert_eq!(spec["scaleTargetRef"], json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}));
    }
}
