//! The affinity of pods: to the nodes of several NodePools, to nodes that they prefer, and to other pods.

use harness_plan::{Affinity as Asked, AffinityKind, Workload};
use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodAffinity, PodAffinityTerm,
    PodAntiAffinity, PreferredSchedulingTerm, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::labels;
use crate::labels::NODEPOOL;

/// The weight of a preference; there is one kind of them, so that its value does not matter.
const WEIGHT: i32 = 1;

/// The affinity that the scenario asks for, and away from the nodes of the NodePools in `avoid`; `None` where there is nothing of the kind.
pub(super) fn of(workload: &Workload, avoid: &[String]) -> Option<Affinity> {
    let affinity = Affinity {
        node_affinity: node_affinity(workload, avoid),
        pod_affinity: pod_affinity(workload),
        pod_anti_affinity: pod_anti_affinity(workload),
    };
    (affinity != Affinity::default()).then_some(affinity)
}

fn requirement(key: &str, operator: &str, values: Vec<String>) -> NodeSelectorRequirement {
    NodeSelectorRequirement { key: key.to_owned(), operator: operator.to_owned(), values: Some(values) }
}

fn term_of(requirements: Vec<NodeSelectorRequirement>) -> NodeSelectorTerm {
    NodeSelectorTerm { match_expressions: Some(requirements), match_fields: None }
}

fn node_affinity(workload: &Workload, avoid: &[String]) -> Option<NodeAffinity> {
    let classes: Vec<String> = workload.classes().map(str::to_owned).collect();
    let of_classes = (!workload.fallback.is_empty()).then(|| requirement(NODEPOOL, "In", classes));
    let of_nobody_else = (!avoid.is_empty()).then(|| requirement(NODEPOOL, "NotIn", avoid.to_vec()));
    let required: Vec<_> = of_classes.into_iter().chain(of_nobody_else).collect();
    let required = (!required.is_empty()).then(|| NodeSelector { node_selector_terms: vec![term_of(required)] });
    let preferred = workload.prefers.iter().map(|(key, value)| PreferredSchedulingTerm {
        preference: term_of(vec![requirement(key, "In", vec![value.clone()])]),
        weight: WEIGHT,
    });
    let affinity = NodeAffinity {
        required_during_scheduling_ignored_during_execution: required,
        preferred_during_scheduling_ignored_during_execution: some(preferred.collect()),
    };
    (affinity != NodeAffinity::default()).then_some(affinity)
}

fn pod_affinity(workload: &Workload) -> Option<PodAffinity> {
    let (required, preferred) = terms(workload, AffinityKind::Beside);
    let affinity = PodAffinity {
        required_during_scheduling_ignored_during_execution: required,
        preferred_during_scheduling_ignored_during_execution: preferred,
    };
    (affinity != PodAffinity::default()).then_some(affinity)
}

fn pod_anti_affinity(workload: &Workload) -> Option<PodAntiAffinity> {
    let (required, preferred) = terms(workload, AffinityKind::ApartFrom);
    let affinity = PodAntiAffinity {
        required_during_scheduling_ignored_during_execution: required,
        preferred_during_scheduling_ignored_during_execution: preferred,
    };
    (affinity != PodAntiAffinity::default()).then_some(affinity)
}

type Terms = (Option<Vec<PodAffinityTerm>>, Option<Vec<WeightedPodAffinityTerm>>);

/// Those that must hold, and those that are preferred.
fn terms(workload: &Workload, kind: AffinityKind) -> Terms {
    let of_kind = || workload.affinity.iter().filter(move |asked| asked.kind == kind);
    let required = of_kind().filter(|asked| !asked.soft).map(term).collect();
    let preferred = of_kind().filter(|asked| asked.soft);
    let preferred = preferred.map(|asked| WeightedPodAffinityTerm { pod_affinity_term: term(asked), weight: WEIGHT });
    (some(required), some(preferred.collect()))
}

fn term(asked: &Asked) -> PodAffinityTerm {
    let labels = [(labels::WORKLOAD.to_owned(), asked.workload.clone())].into();
    PodAffinityTerm {
        label_selector: Some(LabelSelector { match_labels: Some(labels), ..LabelSelector::default() }),
        topology_key: asked.over.label().to_owned(),
        ..PodAffinityTerm::default()
    }
}

fn some<T>(values: Vec<T>) -> Option<Vec<T>> {
    (!values.is_empty()).then_some(values)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use harness_plan::Topology;
    use serde_json::json;

    use super::super::tests::plain;
    use super::*;

    #[test]
    fn a_plain_workload_has_none() {
        assert_eq!(of(&plain(), &[]), None);
    }

    /// Before, a pool of somebody else's that a run's pod fitted could get it.
    #[test]
    fn pods_keep_off_pools_that_are_not_the_runs() {
        let avoid = ["mine".to_owned()];
        let not_in = json!({"key": "karpenter.sh/nodepool", "operator": "NotIn", "values": ["mine"]});
        let required = |workload: &Workload| {
            let written = serde_json::to_value(of(workload, &avoid)).unwrap();
            written["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"].clone()
        };
        assert_eq!(required(&plain()), json!([{"matchExpressions": [not_in]}]));
        // Terms are alternatives, requirements of one term are not.
        let with_fallback = required(&Workload { fallback: vec!["on-demand".to_owned()], ..plain() });
        assert_eq!(with_fallback[0]["matchExpressions"].as_array().unwrap().len(), 2, "{with_fallback}");
    }

    #[test]
    fn pods_with_a_fallback_run_on_nodes_of_either_class() {
        let workload = Workload {
            fallback: vec!["on-demand".to_owned()],
            prefers: BTreeMap::from([("karpenter.sh/capacity-type".to_owned(), "spot".to_owned())]),
            ..plain()
        };
        let written = serde_json::to_value(of(&workload, &[])).unwrap();
        let in_list = |key: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": "In", "values": values}]});
        let expected = json!({"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [in_list("karpenter.sh/nodepool", &["general-purpose", "on-demand"])],
            },
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "preference": in_list("karpenter.sh/capacity-type", &["spot"])},
            ],
        }});
        assert_eq!(written, expected);
    }

    #[test]
    fn pods_run_beside_and_apart_from_others() {
        let rule = |kind, soft| Asked { kind, workload: "web".to_owned(), over: Topology::Node, soft };
        let affinity = vec![rule(AffinityKind::ApartFrom, false), rule(AffinityKind::Beside, true)];
        let written = serde_json::to_value(of(&Workload { affinity, ..plain() }, &[])).unwrap();
        let term = json!({
            "labelSelector": {"matchLabels": {"harness.dev/workload": "web"}}, "topologyKey": "kubernetes.io/hostname",
        });
        let expected = json!({
            "podAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}],
            },
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]},
        });
        assert_eq!(written, expected);
    }
}
