//! One rule, one function.

mod fields;
mod labels;
mod limits;
mod node_class;
mod objects;
mod pool;
mod requirements;

use super::Finding;
use super::object::Object;
pub(crate) use labels::is_well_known;
pub(crate) use limits::check_skus;
pub(crate) use node_class::max_pods;

/// A rule over all objects of a tree.
type TreeRule = fn(&[Object<'_>]) -> Vec<Finding>;
/// A rule over one NodePool or one AKSNodeClass.
type ObjectRule = fn(&Object<'_>) -> Vec<Finding>;

const TREE_RULES: [TreeRule; 2] = [objects::names_are_unique, objects::references_lead_somewhere];

const POOL_RULES: [ObjectRule; 9] = [
    fields::of_node_pool,
    pool::node_class_ref,
    pool::disruption,
    pool::budgets,
    pool::taints,
    pool::weight_and_replicas,
    requirements::are_well_formed,
    labels::are_allowed,
    limits::are_quantities,
];

const CLASS_RULES: [ObjectRule; 2] = [fields::of_node_class, node_class::values];

/// Applies every rule that needs no facts about the target. `complete` is false where a part of the tree could not be read: then
/// nothing is said about what seems to be missing.
pub(super) fn check(objects: &[Object<'_>], complete: bool) -> Vec<Finding> {
    let mut findings: Vec<Finding> = objects.iter().flat_map(objects::api_versions).collect();
    findings.extend(objects.iter().flat_map(objects::have_names));
    for object in objects {
        if object.is_node_pool() && object.version() == "v1" {
            findings.extend(POOL_RULES.iter().flat_map(|rule| rule(object)));
        }
        if object.is_node_class() && ["v1beta1", "v1alpha2"].contains(&object.version()) {
            findings.extend(CLASS_RULES.iter().flat_map(|rule| rule(object)));
        }
    }
    if complete {
        findings.extend(TREE_RULES.iter().flat_map(|rule| rule(objects)));
        findings.extend(objects::some_pool(objects));
    }
    findings
}
