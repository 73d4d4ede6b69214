//! A NodePool as far as the derivation of workloads needs it.

use std::collections::BTreeMap;

use crate::object::Object;
use harness_plan::{Limits, Toleration};
use harness_units::Span;
use harness_yaml::{Mark, Node};

/// A NodePool of a tree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodePool {
    /// Its name.
    pub name: String,
    /// The file's path in the tree.
    pub file: String,
    /// Where it stands in the file.
    pub mark: Mark,
    /// Where its limits stand; its own place where it has none.
    pub limits_mark: Mark,
    /// Where its requirements stand.
    pub requirements_mark: Mark,
    /// The AKSNodeClass that it refers to.
    pub node_class: String,
    /// `spec.weight`; 0 where none is set.
    pub weight: u32,
    /// `spec.limits`.
    pub limits: Limits,
    /// `spec.replicas` of a static pool.
    pub replicas: Option<u64>,
    /// Labels of its nodes.
    pub labels: BTreeMap<String, String>,
    /// Taints of its nodes.
    pub taints: Vec<Taint>,
    /// Taints that must be removed before a node counts as initialized.
    pub startup_taints: Vec<Taint>,
    /// What its nodes must be.
    pub requirements: Vec<Requirement>,
    /// `spec.maxPods` of its AKSNodeClass.
    pub max_pods: Option<u64>,
    /// `spec.disruption.consolidateAfter`: how long a node stays once pods have stopped coming and going; `None` where it is `Never`.
    pub consolidate_after: Option<Span>,
    /// Whether Flux leaves it in the cluster when it has left the tree.
    pub kept: bool,
}

/// A taint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Option<String>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

impl std::fmt::Display for Taint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}:{}", self.key, self.effect),
            None => write!(f, "{}:{}", self.key, self.effect),
        }
    }
}

/// What the nodes of a pool must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// How values are compared.
    pub operator: Operator,
    /// Against what.
    pub values: Vec<String>,
    /// How many different values must be possible.
    pub min_values: Option<u64>,
}

/// The operators of NodePool requirements, as the CRD of karpenter-provider-azure v1.14.0 spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames)]
pub enum Operator {
    /// One of the values.
    In,
    /// None of the values.
    NotIn,
    /// Any value.
    Exists,
    /// No such label.
    DoesNotExist,
    /// A larger number.
    Gt,
    /// A smaller number.
    Lt,
    /// A number at least as large.
    Gte,
    /// A number at most as large.
    Lte,
}

impl Requirement {
    /// Reads a requirement of a NodePool, or an expression of a node affinity; `None` where it is not one.
    pub(crate) fn of(node: &Node) -> Option<Self> {
        let values = node.items_at(&["values"]);
        Some(Self {
            key: node.get("key")?.text()?.to_owned(),
            operator: node.get("operator")?.text()?.parse().ok()?,
            values: values.iter().filter_map(Node::scalar).collect(),
            min_values: node.get("minValues").and_then(Node::whole),
        })
    }

    /// Whether a label's value, or its absence, meets the requirement.
    pub fn admits(&self, value: Option<&str>) -> bool {
        let listed = |value: &str| self.values.iter().any(|one| one == value);
        let number = |text: &str| text.parse::<i64>().ok();
        let bound = self.values.first().and_then(|bound| number(bound));
        let compares = |holds: fn(i64, i64) -> bool| {
            value.and_then(number).zip(bound).is_some_and(|(value, bound)| holds(value, bound))
        };
        match self.operator {
            Operator::In => value.is_some_and(listed),
            Operator::NotIn => !value.is_some_and(listed),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt => compares(|value, bound| value > bound),
            Operator::Lt => compares(|value, bound| value < bound),
            Operator::Gte => compares(|value, bound| value >= bound),
            Operator::Lte => compares(|value, bound| value <= bound),
        }
    }
}

impl Taint {
    pub(crate) fn of(node: &Node) -> Self {
        let text = |key: &str| node.get(key).and_then(Node::scalar);
        Self {
            key: text("key").unwrap_or_default(),
            value: text("value").filter(|value| !value.is_empty()),
            effect: text("effect").unwrap_or_default(),
        }
    }

    /// Whether pods with these tolerations may run in spite of it. One that is only preferred keeps no pod away.
    /// Source: k8s.io/api/core/v1/toleration.go, ToleratesTaint.
    pub fn is_tolerated(&self, tolerations: &[Toleration]) -> bool {
        let tolerates = |toleration: &Toleration| {
            toleration.effect.as_ref().is_none_or(|effect| *effect == self.effect)
                && match toleration.operator.as_str() {
                    "Exists" => toleration.key.is_empty() || toleration.key == self.key,
                    "Equal" => toleration.key == self.key && toleration.value == self.value && !self.key.is_empty(),
                    _ => false,
                }
        };
        self.effect == "PreferNoSchedule" || tolerations.iter().any(tolerates)
    }
}

impl NodePool {
    /// Whether its nodes can carry a label that is not one of the provisioner's own.
    pub fn can_have(&self, key: &str, value: &str) -> bool {
        let mut required = self.requirements.iter().filter(|requirement| requirement.key == key).peekable();
        match self.labels.get(key) {
            Some(own) => own == value,
            // A pool that says nothing of a custom label does not match pods that ask for it.
            None => required.peek().is_some() && required.all(|requirement| requirement.admits(Some(value))),
        }
    }

    /// The labels that are not the provisioner's own and that its nodes can carry, as far as it lists their values.
    pub fn own_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let required = self.requirements.iter().filter(|requirement| requirement.operator == Operator::In);
        let listed = required
            .flat_map(|requirement| requirement.values.iter().map(|value| (requirement.key.as_str(), value.as_str())));
        let labels = self.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        labels.chain(listed).filter(|(key, value)| !is_well_known(key) && self.can_have(key, value))
    }

    /// Reads an object that the rules have found no error in.
    pub(crate) fn of(object: &Object<'_>) -> Self {
        let spec = |path: &[&str]| object.node.get("spec").and_then(|spec| spec.at(path));
        let template = |key: &str| spec(&["template", "spec", key]);
        let list = |node: Option<&Node>| node.map(|node| node.items().to_vec()).unwrap_or_default();
        let quantity = |key: &str| spec(&["limits", key]).and_then(Node::scalar);
        Self {
            name: object.name().to_owned(),
            file: object.file.to_owned(),
            mark: object.node.mark,
            limits_mark: object.key_mark(&["spec", "limits"]),
            requirements_mark: object.key_mark(&["spec", "template", "spec", "requirements"]),
            node_class: spec(&["template", "spec", "nodeClassRef", "name"])
                .and_then(Node::text)
                .unwrap_or_default()
                .to_owned(),
            weight: spec(&["weight"]).and_then(Node::whole).and_then(|weight| weight.try_into().ok()).unwrap_or(0),
            limits: Limits {
                cpu: quantity("cpu").and_then(|text| text.parse().ok()),
                memory: quantity("memory").and_then(|text| text.parse().ok()),
                nodes: quantity("nodes").and_then(|text| text.parse().ok()),
            },
            replicas: spec(&["replicas"]).and_then(Node::whole),
            labels: object
                .node
                .entries_at(&["spec", "template", "metadata", "labels"])
                .iter()
                .filter_map(|entry| Some((entry.key.clone(), entry.value.scalar()?)))
                .collect(),
            taints: list(template("taints")).iter().map(Taint::of).collect(),
            startup_taints: list(template("startupTaints")).iter().map(Taint::of).collect(),
            requirements: list(template("requirements")).iter().filter_map(Requirement::of).collect(),
            max_pods: None,
            // Source: the default of `Disruption` in `pkg/apis/v1/nodepool.go` of sigs.k8s.io/karpenter v1.14.0, for a pool without the block.
            consolidate_after: spec(&["disruption", "consolidateAfter"])
                .and_then(Node::scalar)
                .map_or(Some(Span::ZERO), |text| text.parse().ok()),
            kept: is_kept(&object.node),
        }
    }

    /// `path:line:column`, relative to the tree.
    pub fn at(&self) -> String {
        format!("{}:{}:{}", self.file, self.mark.line, self.mark.column)
    }
}

/// What Flux does not prune, by an annotation or a label below `kustomize.toolkit.fluxcd.io`. Source: `prune` in
/// `internal/controller/kustomization_controller.go` of kustomize-controller v1.9.5.
const NOT_PRUNED: [(&str, &str); 3] = [
    ("kustomize.toolkit.fluxcd.io/prune", "disabled"),
    ("kustomize.toolkit.fluxcd.io/reconcile", "disabled"),
    ("kustomize.toolkit.fluxcd.io/ssa", "ignore"),
];

fn is_kept(object: &Node) -> bool {
    let metadata = || ["annotations", "labels"].into_iter().filter_map(|key| object.at(&["metadata", key]));
    NOT_PRUNED.into_iter().any(|(key, kept)| {
        metadata().filter_map(|entries| entries.get(key)?.scalar()).any(|value| value.eq_ignore_ascii_case(kept))
    })
}

/// Whether a key is one of the provisioner's own, whose values come from the VM size and not from the pool.
pub fn is_well_known(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    [
        "karpenter.sh",
        "karpenter.azure.com",
        "kubernetes.azure.com",
        "kubernetes.io",
        "node.kubernetes.io",
        "topology.kubernetes.io",
        "beta.kubernetes.io",
    ]
    .contains(&domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::without_toleration("NoSchedule", None, false)]
    #[case::only_preferred("PreferNoSchedule", None, true)]
    #[case::the_same("NoSchedule", Some(("Equal", Some("b"), Some("NoSchedule"))), true)]
    #[case::another_value("NoSchedule", Some(("Equal", Some("c"), Some("NoSchedule"))), false)]
    #[case::any_value("NoExecute", Some(("Exists", None, None)), true)]
    #[case::another_effect("NoExecute", Some(("Equal", Some("b"), Some("NoSchedule"))), false)]
    fn a_taint_keeps_pods_away_that_do_not_tolerate_it(
        #[case] effect: &str,
        #[case] toleration: Option<(&str, Option<&str>, Option<&str>)>,
        #[case] expected: bool,
    ) {
        let taint = Taint { key: "a".to_owned(), value: Some("b".to_owned()), effect: effect.to_owned() };
        let tolerations: Vec<Toleration> = toleration
            .into_iter()
            .map(|(operator, value, effect)| Toleration {
                key: "a".to_owned(),
                operator: operator.to_owned(),
                value: value.map(str::to_owned),
                effect: effect.map(str::to_owned),
            })
            .collect();
        assert_eq!(taint.is_tolerated(&tolerations), expected);
    }
}
