//! Objects of the cluster, and which of their fields are watched.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use harness_plan::{Action, Change, Check, Condition, Expectation, FieldPath, NamedObject, ObjectAddress, Phase};

/// Every object of the scenario with the paths that phases, expectations and changes are about.
pub(super) fn objects(
    specs: &BTreeMap<String, ObjectAddress>,
    phases: &[Phase],
    expectations: &[Expectation],
) -> Vec<NamedObject> {
    let mut paths: BTreeMap<&str, BTreeSet<FieldPath>> =
        specs.keys().map(|name| (name.as_str(), BTreeSet::from([FieldPath::exists()]))).collect();
    let mut look = |object: &str, path: FieldPath| {
        if let Some(paths) = paths.get_mut(object) {
            paths.insert(path);
        }
    };
    for phase in phases {
        for condition in phase.until.iter().flat_map(|until| &until.0).flat_map(Condition::parts) {
            if let Condition::Field(field) = condition {
                look(&field.object, field.path.clone());
            }
        }
        for planned in &phase.actions {
            if let Action::Change(change) = &planned.action {
                change.paths().into_iter().for_each(|path| look(change.object(), path));
            }
        }
    }
    for expectation in expectations {
        match &expectation.check {
            Check::Field(check) => look(&check.field.object, check.field.path.clone()),
            Check::Changes(check) => look(&check.object, check.path.clone()),
            _ => {}
        }
    }
    let named = |(name, spec): (&String, &ObjectAddress)| NamedObject {
        name: name.clone(),
        at: spec.clone(),
        paths: paths.get(name.as_str()).into_iter().flatten().cloned().collect(),
    };
    specs.iter().map(named).collect()
}

/// A change with everything filled in. `None` where a rule has refused it.
pub(super) fn change(asked: &Change, objects: &BTreeMap<String, ObjectAddress>) -> Option<Change> {
    let name = asked.known_as(objects)?;
    let create = match &asked.create {
        Some(manifest) => Some(whole(manifest, objects.get(name)?)),
        None => None,
    };
    Some(Change { object: Some(name.to_owned()), create, ..asked.clone() })
}

/// The manifest with what makes it this object.
fn whole(manifest: &Value, object: &ObjectAddress) -> Value {
    let mut manifest = manifest.clone();
    let mut metadata = json!({"name": object.name});
    if let Some(namespace) = &object.namespace {
        metadata["namespace"] = json!(namespace);
    }
    let identity = json!({"apiVersion": object.api_version, "kind": object.kind, "metadata": metadata});
    json_patch::merge(&mut manifest, &identity);
    manifest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_becomes_the_object_that_is_named() {
        let object = ObjectAddress {
            api_version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            namespace: Some("demo".to_owned()),
            name: "stray".to_owned(),
        };
        let made = whole(&json!({"metadata": {"labels": {"a": "b"}}, "data": {"k": "v"}}), &object);
        let expected = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"},
            "metadata": {"name": "stray", "namespace": "demo", "labels": {"a": "b"}},
        });
        assert_eq!(made, expected);
        let objects = BTreeMap::from([("stray".to_owned(), object)]);
        let change = |create: Value| serde_json::from_value::<Change>(json!({"create": create})).unwrap();
        assert_eq!(change(expected).known_as(&objects), Some("stray"));
        assert_eq!(change(json!({"kind": "ConfigMap"})).known_as(&objects), None);
    }
}
