//! On which pools a pod can run, as far as a tree says it.
//!
//! Source: `Requirements.Compatible` in pkg/scheduling/requirements.go of sigs.k8s.io/karpenter v1.14.0: a label that a pool says nothing of
//! is open where it is well known, and absent where it is not.

use crate::object::Object;
use crate::pool::{NodePool, Operator, Requirement, Taint};
use harness_plan::Toleration;
use harness_yaml::{Mark, Node};

/// What a pod asks of its node.
pub(super) struct Wanted {
    /// One of these; each is a list of requirements that all hold, with their places.
    alternatives: Vec<Vec<(Requirement, Mark)>>,
    tolerations: Vec<Toleration>,
}

/// What a variable of a Flux Kustomization begins with: its value is not known before Flux replaces it.
const VARIABLE: &str = "${";

/// Labels by which pods ask for nodes that no NodePool makes: those of AKS's node pools, of one machine, of another system.
const ELSEWHERE: [&str; 6] = [
    "agentpool",
    "kubernetes.azure.com/agentpool",
    "kubernetes.azure.com/cluster",
    "kubernetes.azure.com/mode",
    "kubernetes.io/hostname",
    "type",
];

impl Wanted {
    /// Reads the spec of a pod; `None` where it names nodes in a way that says nothing about pools.
    pub(super) fn of(spec: &Node) -> Option<Self> {
        let selector = spec.entries_at(&["nodeSelector"]).iter().filter_map(|entry| {
            let values = vec![entry.value.scalar()?];
            let requirement = Requirement { key: entry.key.clone(), operator: Operator::In, values, min_values: None };
            Some((requirement, entry.value.mark))
        });
        let selector: Vec<(Requirement, Mark)> = selector.collect();
        let affinity =
            ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"];
        let terms = spec.items_at(&affinity);
        let mut alternatives = Vec::new();
        for term in terms {
            let mut all = selector.clone();
            for expression in term.items_at(&["matchExpressions"]) {
                all.push((Requirement::of(expression)?, expression.get("key").map_or(expression.mark, |key| key.mark)));
            }
            // A term without expressions is met by no node, and one with fields names a node.
            if term.get("matchFields").is_none() && all.len() > selector.len() {
                alternatives.push(all);
            } else {
                return None;
            }
        }
        if terms.is_empty() {
            alternatives.push(selector);
        }
        let other_system = |requirement: &Requirement| !requirement.admits(Some("linux"));
        let elsewhere = |requirement: &Requirement| match requirement.key.as_str() {
            "kubernetes.io/os" | "beta.kubernetes.io/os" => other_system(requirement),
            key => ELSEWHERE.contains(&key) || key.starts_with("node-role.kubernetes.io/"),
        };
        let is_unknown = |requirement: &Requirement| {
            // Whoever wants a node without a label of Karpenter wants no node of it.
            requirement.operator == Operator::DoesNotExist
                || requirement.values.iter().any(|value| value.contains(VARIABLE))
                || elsewhere(requirement)
        };
        let is_elsewhere = alternatives.iter().any(|all| all.iter().any(|(requirement, _)| is_unknown(requirement)));
        let tolerations = spec.items_at(&["tolerations"]).iter().map(toleration).collect();
        (!is_elsewhere && spec.get("nodeName").is_none()).then_some(Self { alternatives, tolerations })
    }

    /// Whether nodes of a pool can have the labels.
    pub(super) fn is_met_by(&self, pool: &NodePool) -> bool {
        self.alternatives.iter().any(|all| meets(pool, all.iter().map(|(requirement, _)| requirement)))
    }

    /// Whether it tolerates what keeps pods away from a pool.
    pub(super) fn tolerates(&self, pool: &NodePool) -> bool {
        pool.taints.iter().all(|taint| taint.is_tolerated(&self.tolerations))
    }

    /// Whether it tolerates a taint.
    pub(super) fn tolerates_taint(&self, taint: &Taint) -> bool {
        taint.is_tolerated(&self.tolerations)
    }

    /// Whether it asks for something of a label.
    pub(super) fn names(&self, key: &str) -> bool {
        self.alternatives.iter().flatten().any(|(requirement, _)| requirement.key == key)
    }

    /// Where no pool meets any of the alternatives: the first requirement that no pool meets even alone, else the first one.
    pub(super) fn unmet(&self, pools: &[NodePool]) -> Option<&(Requirement, Mark)> {
        if pools.iter().any(|pool| self.is_met_by(pool)) {
            return None;
        }
        let mut all = self.alternatives.iter().flatten();
        let alone = |requirement: &Requirement| pools.iter().any(|pool| meets(pool, std::iter::once(requirement)));
        all.clone().find(|(requirement, _)| !alone(requirement)).or_else(|| all.next())
    }
}

/// Reads a toleration of a pod.
pub(super) fn toleration(node: &Node) -> Toleration {
    let text = |key: &str| node.get(key).and_then(Node::scalar).filter(|text| !text.is_empty());
    Toleration {
        key: text("key").unwrap_or_default(),
        operator: text("operator").unwrap_or_else(|| "Equal".to_owned()),
        value: text("value"),
        effect: text("effect"),
    }
}

/// Whether one node of a pool can meet all of these requirements.
fn meets<'r>(pool: &NodePool, wanted: impl Iterator<Item = &'r Requirement> + Clone) -> bool {
    wanted.clone().all(|one| {
        let key = one.key.as_str();
        let same: Vec<&Requirement> = wanted.clone().filter(|other| other.key == key).collect();
        let admitted = |value: Option<&str>| same.iter().all(|requirement| requirement.admits(value));
        if let Some(value) = label(pool, key) {
            return value.contains(VARIABLE) || admitted(Some(value));
        }
        let required: Vec<&Requirement> = pool.requirements.iter().filter(|other| other.key == key).collect();
        if required.is_empty() {
            return is_open(key) || admitted(None);
        }
        if required.iter().flat_map(|requirement| &requirement.values).any(|value| value.contains(VARIABLE)) {
            return true;
        }
        let candidates = candidates(required.iter().chain(&same));
        candidates
            .iter()
            .any(|value| admitted(Some(value)) && required.iter().all(|requirement| requirement.admits(Some(value))))
    })
}

/// The value of a label that every node of a pool has.
fn label<'p>(pool: &'p NodePool, key: &str) -> Option<&'p str> {
    match key {
        "karpenter.sh/nodepool" => Some(&pool.name),
        "karpenter.azure.com/aksnodeclass" => Some(&pool.node_class),
        _ => pool.labels.get(key).map(String::as_str),
    }
}

/// Whether nodes have a label that pools do not speak of. Those of Kubernetes' and Azure's domains are left to who sets them.
fn is_open(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    ["kubernetes.io", "k8s.io", "azure.com", "karpenter.sh"]
        .iter()
        .any(|known| domain.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// Values among which there is one that meets all of the requirements, if there is any.
fn candidates<'r>(requirements: impl Iterator<Item = &'r &'r Requirement>) -> Vec<String> {
    // Any value that nobody names.
    let mut candidates = vec!["any-other".to_owned()];
    for value in requirements.flat_map(|requirement| &requirement.values) {
        candidates.push(value.clone());
        if let Ok(number) = value.parse::<i64>() {
            candidates.extend([number.saturating_sub(1), number.saturating_add(1)].map(|near| near.to_string()));
        }
    }
    candidates
}

/// The pools of a tree, and the one that AKS makes for every cluster with NAP: a pod that no pool of the tree takes may be meant for it.
/// Source: `default` in <https://learn.microsoft.com/azure/aks/node-auto-provisioning-node-pools>.
pub(super) fn pools_and_default(objects: &[Object<'_>]) -> Vec<NodePool> {
    let mut pools: Vec<NodePool> = objects.iter().filter(|object| object.is_node_pool()).map(NodePool::of).collect();
    if !pools.is_empty() && !pools.iter().any(|pool| pool.name == "default") {
        let only = |key: &str, value: &str| Requirement {
            key: key.to_owned(),
            operator: Operator::In,
            values: vec![value.to_owned()],
            min_values: None,
        };
        let requirements = vec![
            only("kubernetes.io/arch", "amd64"),
            only("kubernetes.io/os", "linux"),
            only("karpenter.sh/capacity-type", "on-demand"),
            only("karpenter.azure.com/sku-family", "D"),
        ];
        pools.push(NodePool {
            name: "default".to_owned(),
            node_class: "default".to_owned(),
            requirements,
            ..NodePool::default()
        });
    }
    pools
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn pool(spec: &str) -> NodePool {
        let text = format!(
            "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {{name: general}}\nspec: {{template: {spec}}}\n"
        );
        let node = harness_yaml::documents_of(&text, 0).unwrap().remove(0);
        NodePool::of(&Object { file: "a.yaml", node, files: crate::files::Files::none() })
    }

    fn affinity(expressions: &str) -> String {
        format!(
            "{{affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{{matchExpressions: [{expressions}]}}]}}}}}}}}"
        )
    }

    #[rstest]
    #[case("{metadata: {labels: {team: a}}}", "{nodeSelector: {team: a}}", Some(true))]
    #[case("{metadata: {labels: {team: a}}}", "{nodeSelector: {team: b}}", Some(false))]
    #[case("{}", "{nodeSelector: {team: a}}", Some(false))]
    #[case("{}", "{}", Some(true))]
    #[case::well_known("{}", "{nodeSelector: {kubernetes.io/arch: arm64}}", Some(true))]
    #[case(
        "{spec: {requirements: [{key: kubernetes.io/arch, operator: In, values: [amd64]}]}}",
        "{nodeSelector: {kubernetes.io/arch: arm64}}",
        Some(false)
    )]
    #[case("{spec: {requirements: [{key: team, operator: Exists}]}}", "{nodeSelector: {team: a}}", Some(true))]
    #[case(
        "{spec: {requirements: [{key: team, operator: NotIn, values: [a]}]}}",
        "{nodeSelector: {team: a}}",
        Some(false)
    )]
    #[case(
        "{spec: {requirements: [{key: team, operator: NotIn, values: [a]}]}}",
        "{nodeSelector: {team: b}}",
        Some(true)
    )]
    #[case(
        "{spec: {requirements: [{key: karpenter.azure.com/sku-cpu, operator: Lt, values: ['9']}]}}",
        "{nodeSelector: {karpenter.azure.com/sku-cpu: '16'}}",
        Some(false)
    )]
    #[case(
        "{spec: {requirements: [{key: karpenter.azure.com/sku-cpu, operator: Lt, values: ['9']}]}}",
        "{nodeSelector: {karpenter.azure.com/sku-cpu: '8'}}",
        Some(true)
    )]
    #[case::a_variable("{metadata: {labels: {team: '${TEAM}'}}}", "{nodeSelector: {team: b}}", Some(true))]
    #[case::a_variable_of_the_pods("{}", "{nodeSelector: {team: '${TEAM}'}}", None)]
    #[case::its_name("{}", "{nodeSelector: {karpenter.sh/nodepool: general}}", Some(true))]
    #[case("{}", "{nodeSelector: {karpenter.sh/nodepool: other}}", Some(false))]
    #[case::a_system_pool("{}", "{nodeSelector: {kubernetes.azure.com/mode: system}}", None)]
    #[case::a_node_pool_of_aks("{}", "{nodeSelector: {agentpool: nodepool1}}", None)]
    #[case::windows("{}", "{nodeSelector: {kubernetes.io/os: windows}}", None)]
    #[case::linux("{}", "{nodeSelector: {kubernetes.io/os: linux}}", Some(true))]
    #[case::of_others("{}", "{nodeSelector: {kubernetes.azure.com/ebpf-dataplane: cilium}}", Some(true))]
    fn pods_and_pools_meet_or_do_not(#[case] template: &str, #[case] spec: &str, #[case] expected: Option<bool>) {
        let spec = harness_yaml::documents_of(spec, 0).unwrap().remove(0);
        assert_eq!(Wanted::of(&spec).map(|wanted| wanted.is_met_by(&pool(template))), expected);
    }

    #[rstest]
    #[case("{key: team, operator: In, values: [a, b]}", Some(true))]
    #[case("{key: team, operator: NotIn, values: [b]}", Some(false))]
    #[case("{key: squad, operator: NotIn, values: [b]}", Some(true))]
    #[case("{key: squad, operator: Exists}", Some(false))]
    #[case("{key: cores, operator: Gt, values: ['8']}, {key: cores, operator: Lt, values: ['10']}", Some(true))]
    #[case("{key: cores, operator: Gt, values: ['15']}", Some(false))]
    #[case::not_on_karpenters_nodes("{key: karpenter.sh/nodepool, operator: DoesNotExist}", None)]
    fn affinities_are_met_or_are_not(#[case] expressions: &str, #[case] expected: Option<bool>) {
        let pool = pool(
            "{metadata: {labels: {team: b}}, spec: {requirements: [{key: cores, operator: Gt, values: ['4']}, {key: cores, operator: Lt, values: ['16']}]}}",
        );
        let spec = harness_yaml::documents_of(&affinity(expressions), 0).unwrap().remove(0);
        assert_eq!(Wanted::of(&spec).map(|wanted| wanted.is_met_by(&pool)), expected);
    }
}
