//! What Flux has deployed: the objects in the inventories of its Kustomizations, as far as they are there.

use std::collections::{BTreeMap, BTreeSet};

use kube::api::{Api, DynamicObject, GroupVersionKind, ListParams};
use kube::discovery::oneshot;
use serde::Serialize;
use serde_json::Value;

use super::error::{FluxError, is_missing};
use super::kinds::ObjectRef;
use super::object::Found;
use super::parts::is_flux_group;

/// How many objects there are of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// The kind.
    pub kind: String,
    /// How many.
    pub count: usize,
}

/// Objects by which version of their API they are read.
pub(super) type Inventory = BTreeMap<ObjectRef, String>;

/// Existing objects with their UIDs: an object that was deleted and created again is another one.
pub(super) type Deployed = BTreeMap<ObjectRef, String>;

/// The inventories of these objects, without Flux's own objects and CRDs, which are removed with it.
pub(super) fn inventory(found: &[Found]) -> Inventory {
    let entries = found.iter().filter_map(|found| found.object.data["status"]["inventory"]["entries"].as_array());
    entries.flatten().filter_map(entry).filter(|(object, _)| !belongs_to_flux(object)).collect()
}

fn belongs_to_flux(object: &ObjectRef) -> bool {
    let crd_of_flux = object.kind == "CustomResourceDefinition" && is_flux_group(&object.name);
    is_flux_group(&object.group) || crd_of_flux
}

/// `<namespace>_<name>_<group>_<kind>`, in which a name has `__` for `:` (fluxcd/cli-utils `pkg/object/objmetadata.go`).
fn entry(entry: &Value) -> Option<(ObjectRef, String)> {
    let (namespace, rest) = entry["id"].as_str()?.split_once('_')?;
    let (rest, kind) = rest.rsplit_once('_')?;
    let (name, group) = rest.rsplit_once('_')?;
    let object = ObjectRef {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty()),
        name: name.replace("__", ":"),
    };
    Some((object, entry["v"].as_str()?.to_owned()))
}

/// Which objects of an inventory are there. One that is being deleted is not.
pub(super) async fn deployed(client: &kube::Client, inventory: &Inventory) -> Result<Deployed, FluxError> {
    let kinds: BTreeSet<(&str, &str, &str)> = inventory
        .iter()
        .map(|(object, version)| (object.group.as_str(), version.as_str(), object.kind.as_str()))
        .collect();
    let mut deployed = Deployed::new();
    for (group, version, kind) in kinds {
        let every = || format!("every {kind}");
        let resource = match oneshot::pinned_kind(client, &GroupVersionKind::gvk(group, version, kind)).await {
            Ok((resource, _)) => resource,
            // The kind is no longer served, so it has no objects.
            Err(kube::Error::Discovery(_)) => continue,
            Err(error) if is_missing(&error) => continue,
            Err(error) => return Err(FluxError::api("find out how to list", every())(error)),
        };
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let list = api.list_metadata(&ListParams::default()).await.map_err(FluxError::api("list", every()))?;
        for found in list.items.into_iter().filter(|found| found.metadata.deletion_timestamp.is_none()) {
            let object = ObjectRef {
                group: group.to_owned(),
                kind: kind.to_owned(),
                namespace: found.metadata.namespace,
                name: found.metadata.name.unwrap_or_default(),
            };
            if let (true, Some(uid)) = (inventory.contains_key(&object), found.metadata.uid) {
                deployed.insert(object, uid);
            }
        }
    }
    Ok(deployed)
}

/// How many there are of each kind.
pub(super) fn counts(deployed: &Deployed) -> Vec<Count> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for object in deployed.keys() {
        *counts.entry(&object.kind).or_default() += 1;
    }
    counts.into_iter().map(|(kind, count)| Count { kind: kind.to_owned(), count }).collect()
}

/// Objects that no longer exist, or were replaced by another one of the same name.
pub(super) fn lost(before: &Deployed, after: &Deployed) -> Vec<ObjectRef> {
    before.iter().filter(|(object, uid)| after.get(*object) != Some(*uid)).map(|(object, _)| object.clone()).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("_general_karpenter.sh_NodePool", "NodePool general", "karpenter.sh")]
    #[case("demo_web__admin_rbac.authorization.k8s.io_Role", "Role demo/web:admin", "rbac.authorization.k8s.io")]
    #[case("_demo__Namespace", "Namespace demo", "")]
    fn an_inventory_names_objects(#[case] id: &str, #[case] shown: &str, #[case] group: &str) {
        let (object, version) = entry(&json!({"id": id, "v": "v1"})).unwrap();
        assert_eq!((object.to_string().as_str(), object.group.as_str(), version.as_str()), (shown, group, "v1"));
    }

    #[test]
    fn flux_does_not_count_itself() {
        let of = |id: &str| entry(&json!({"id": id, "v": "v1"})).unwrap().0;
        assert!(belongs_to_flux(&of("flux-system_apps_kustomize.toolkit.fluxcd.io_Kustomization")));
        assert!(belongs_to_flux(&of(
            "_buckets.source.toolkit.fluxcd.io_apiextensions.k8s.io_CustomResourceDefinition"
        )));
        assert!(!belongs_to_flux(&of("_nodepools.karpenter.sh_apiextensions.k8s.io_CustomResourceDefinition")));
    }

    #[test]
    fn one_that_was_made_again_is_lost() {
        let object = |name: &str| entry(&json!({"id": format!("_{name}_karpenter.sh_NodePool"), "v": "v1"})).unwrap().0;
        let deployed = |all: &[(&str, &str)]| -> Deployed {
            all.iter().map(|(name, uid)| (object(name), (*uid).to_owned())).collect()
        };
        let before = deployed(&[("a", "1"), ("b", "2"), ("c", "3")]);
        assert!(lost(&before, &before).is_empty());
        assert_eq!(lost(&before, &deployed(&[("a", "1"), ("b", "9"), ("d", "4")])), [object("b"), object("c")]);
        assert_eq!(counts(&before), [Count { kind: "NodePool".into(), count: 3 }]);
    }
}
