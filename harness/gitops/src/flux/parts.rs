//! The parts of an installation of Flux on a target: manifests, and controllers that the target can start.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use harness_catalogue::Component;

/// The end of every API group of Flux's own controllers.
const GROUPS: &str = ".toolkit.fluxcd.io";

/// Whether an API group is one of Flux's.
pub fn is_flux_group(group: &str) -> bool {
    group.ends_with(GROUPS)
}

/// One controller that the target can start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerPart {
    /// Its name, also of its process.
    pub name: String,
    /// Its executable.
    pub program: PathBuf,
}

/// Everything that an installation consists of.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// The controllers.
    pub controllers: Vec<ControllerPart>,
    /// Namespaces; they stay when Flux is removed.
    pub namespaces: Vec<Value>,
    /// The access rules of the controllers.
    pub access: Vec<Value>,
    /// The custom resources.
    pub crds: Vec<Value>,
    /// The objects that point at the repository.
    pub objects: Vec<Value>,
    /// The field manager that installed Flux first: a second one would share every field.
    pub field_manager: &'static str,
}

/// The names of Flux's controllers, whether a target runs them or not.
pub fn controller_names() -> BTreeSet<&'static str> {
    Component::ALL.iter().filter(|component| component.is_flux()).map(|component| component.name()).collect()
}

/// The access rules of these users among all: the bindings that name one of them, and the roles bound by them.
pub fn access_of(users: &BTreeSet<&str>, all: &[Value]) -> Vec<Value> {
    let names = |binding: &Value| {
        let subjects = binding["subjects"].as_array();
        subjects.is_some_and(|all| all.iter().any(|it| it["name"].as_str().is_some_and(|name| users.contains(name))))
    };
    let bound: BTreeSet<&str> =
        all.iter().filter(|object| names(object)).filter_map(|object| object["roleRef"]["name"].as_str()).collect();
    let is_bound = |object: &Value| {
        object["roleRef"].is_null() && object["metadata"]["name"].as_str().is_some_and(|name| bound.contains(name))
    };
    all.iter().filter(|object| names(object) || is_bound(object)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_controllers_are_those_of_the_catalogue() {
        let names = controller_names();
        assert!(names.contains("source-controller") && names.contains("kustomize-controller"), "{names:?}");
        assert!(!names.contains("karpenter"));
    }

    #[test]
    fn the_access_rules_of_others_are_left_out() {
        let role = |name: &str| json!({"kind": "ClusterRole", "metadata": {"name": name}});
        let binding = |name: &str, role: &str, user: &str| {
            json!({"kind": "ClusterRoleBinding", "metadata": {"name": name}, "roleRef": {"name": role},
                   "subjects": [{"kind": "User", "name": user}]})
        };
        let all = [
            role("source"),
            binding("source", "source", "source-controller"),
            binding("kustomize", "cluster-admin", "kustomize-controller"),
            role("kwok"),
            binding("kwok", "kwok", "kwok"),
        ];
        let found = access_of(&BTreeSet::from(["source-controller", "kustomize-controller"]), &all);
        assert_eq!(found, all[..3]);
    }
}
