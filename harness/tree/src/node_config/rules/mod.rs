//! One rule, one function.

mod budgets;
mod cron;
mod labels;
mod limits;
mod metrics;
mod node_class;
mod objects;
mod placement;
mod pod_disruption;
mod pool;
mod provider;
mod requirements;
mod skus;
mod versions;
mod workloads;

use std::ops::Range;

use crate::crd;
use crate::derive::SkuFact;
use crate::finding::{Finding, Severity};
use crate::object::Object;
use crate::pool::NodePool;
use harness_yaml::{Kind, Node};
pub use limits::check_skus;
pub(crate) use metrics::are_exposed as metrics_are_exposed;
pub use node_class::max_pods;
pub use objects::NODE_CLASS_RULE;
pub(super) use objects::some_pool;
pub(crate) use provider::of_another as of_another_provider;
pub use skus::values_are_sold;
pub use versions::address_problem;
pub(crate) use versions::is_checked;

/// A rule over all objects of a cluster.
type TreeRule = fn(&[Object<'_>]) -> Vec<Finding>;
/// A rule over one NodePool or one AKSNodeClass.
type ObjectRule = fn(&Object<'_>) -> Vec<Finding>;

/// Those that hold for Karpenter on any provider.
const TREE_RULES: [TreeRule; 2] = [workloads::tolerate_taints, pod_disruption::allows_evictions];

/// Those about AKS, its node classes, labels and zones.
const AKS_TREE_RULES: [TreeRule; 3] =
    [objects::references_lead_somewhere, workloads::have_nodes, workloads::spread_over_zones];

const POOL_RULES: [ObjectRule; 9] = [
    pool::node_class_ref,
    pool::disruption,
    budgets::are_well_formed,
    budgets::hold_outside_of_windows,
    pool::taints,
    pool::weight_and_replicas,
    requirements::are_well_formed,
    labels::are_allowed,
    limits::are_quantities,
];

/// Applies every rule about the objects that one build makes. `partial` is true where it could not be built as a whole, `on_aks` unless the
/// cluster is for another provider.
pub(crate) fn check_each(objects: &[Object<'_>], partial: bool, on_aks: bool) -> Vec<Finding> {
    let mut findings: Vec<Finding> = objects.iter().flat_map(|object| of_object(object, on_aks)).collect();
    if on_aks {
        findings.extend(objects.iter().filter(|object| object.is_node_pool()).flat_map(pool::node_class_is_of_aks));
    }
    if !partial {
        findings.extend(objects::names_are_unique(objects));
    }
    findings
}

/// Applies every rule about the objects of a cluster that needs no facts about the target. `complete` is false where a part of the tree
/// could not be read: then nothing is said about what seems to be missing.
pub(crate) fn check_together(objects: &[Object<'_>], complete: bool, on_aks: bool) -> Vec<Finding> {
    if !complete {
        return Vec::new();
    }
    let of_aks = AKS_TREE_RULES.iter().filter(|_| on_aks);
    TREE_RULES.iter().chain(of_aks).flat_map(|rule| rule(objects)).collect()
}

fn of_object(object: &Object<'_>, on_aks: bool) -> Vec<Finding> {
    let is_foreign = !on_aks && provider::is_of_another(object);
    let mut findings: Vec<Finding> = versions::are_served(object).filter(|_| !is_foreign).into_iter().collect();
    findings.extend(objects::have_names(object));
    findings.extend(workloads::select_their_pods(object));
    if object.is_node_pool() && object.version() == "v1" {
        findings.extend(POOL_RULES.iter().flat_map(|rule| rule(object)));
    }
    if object.is_node_class() && ["v1beta1", "v1alpha2"].contains(&object.version()) {
        findings.extend(node_class::values(object));
    }
    // The rules know what AKS does and what the author means; the schema adds whatever they do not cover.
    for (news, extent) in crd::check(object) {
        if !is_said(&findings, &news, &extent) {
            findings.push(news);
        } else if let Some(known) = findings.iter_mut().find(|known| same_place(known, &news) && !known.fixable) {
            // The schema knows the type that is wanted, and with it the edit.
            *known = known.clone().edits(news.edits);
        }
    }
    findings
}

/// A value that is given: what the API server makes of a null is a matter of the schema, which knows the defaults.
fn given(node: Option<&Node>) -> Option<&Node> {
    node.filter(|node| node.kind != Kind::Null)
}

fn same_place(a: &Finding, b: &Finding) -> bool {
    (&a.file, a.line, a.column) == (&b.file, b.line, b.column)
}

/// Whether a rule has said already what the schema says: at the same place, or within the value that a CEL rule is about.
fn is_said(findings: &[Finding], news: &Finding, extent: &Range<usize>) -> bool {
    let errors = findings.iter().filter(|known| known.severity == Severity::Error && known.file == news.file);
    errors.into_iter().any(|known| {
        let within = news.rule == "schema-rule" && extent.contains(&known.offset);
        same_place(known, news) || within
    })
}

/// Values that no node on AKS has. A run leaves such a pool out and says so; a check before a merge refuses it.
pub(crate) fn values_exist(objects: &[Object<'_>]) -> Vec<Finding> {
    objects.iter().filter(|object| object.is_node_pool()).flat_map(skus::values_exist).collect()
}

/// The rules about pools that need the target's VM sizes.
pub(crate) fn pools_and_skus(pools: &[NodePool], skus: &[SkuFact]) -> Vec<Finding> {
    skus::some_size(pools, skus).into_iter().chain(skus::overlap(pools, skus)).collect()
}
