//! Objects of the cluster, and what of each is looked at.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::model::{ChangeSpec, FieldSpec, ObjectSpec, Setting};
use harness_plan::{
    Action, Change, ChangeWhat, Check, Expectation, Field, FieldPath, Must, NamedObject, ObjectAddress, Phase,
    SOMEBODY, Until,
};

/// Every object of the scenario with the paths that phases, expectations and changes are about.
pub(super) fn objects(
    specs: &BTreeMap<String, ObjectSpec>,
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
        for until in phase.until.iter().flat_map(Until::parts) {
            if let Until::Field(field) = until {
                look(&field.object, field.path.clone());
            }
        }
        for planned in &phase.actions {
            if let Action::Change(change) = &planned.action {
                change.paths().into_iter().for_each(|path| look(&change.object, path));
            }
        }
    }
    for expectation in expectations {
        match &expectation.check {
            Check::Field { of, .. } => look(&of.object, of.path.clone()),
            Check::Changes { object, path, .. } => look(object, path.clone()),
            _ => {}
        }
    }
    let named = |(name, spec): (&String, &ObjectSpec)| NamedObject {
        name: name.clone(),
        at: ObjectAddress {
            api_version: spec.api_version.clone(),
            kind: spec.kind.clone(),
            namespace: spec.namespace.clone(),
            name: spec.name.clone(),
        },
        paths: paths.get(name.as_str()).into_iter().flatten().cloned().collect(),
    };
    specs.iter().map(named).collect()
}

pub(super) fn field(spec: &FieldSpec) -> Field {
    Field { object: spec.object.value.clone(), path: path(&spec.path.value), must: must(spec) }
}

pub(super) fn must(spec: &FieldSpec) -> Must {
    let number = |setting: &Option<Setting<u32>>| setting.as_ref().map(|setting| setting.value);
    Must {
        is: spec.is.clone(),
        not: spec.not.clone(),
        at_least: number(&spec.at_least),
        at_most: number(&spec.at_most),
        contains: spec.contains.clone(),
        present: spec.present,
    }
}

pub(super) fn path(text: &str) -> FieldPath {
    text.parse().expect("paths can be read: checked when the scenario was read")
}

/// The name under which an object that is created is looked at: the one that is given, or that of the same object.
pub(crate) fn created_name<'a>(spec: &'a ChangeSpec, objects: &'a BTreeMap<String, ObjectSpec>) -> Option<&'a str> {
    if let Some(object) = &spec.object {
        return Some(&object.value);
    }
    let text = |path: &str| spec.create.as_ref()?.pointer(path)?.as_str();
    let same = |object: &ObjectSpec| {
        text("/apiVersion") == Some(&object.api_version)
            && text("/kind") == Some(&object.kind)
            && text("/metadata/name") == Some(&object.name)
            && text("/metadata/namespace") == object.namespace.as_deref()
    };
    objects.iter().find(|(_, object)| same(object)).map(|(name, _)| name.as_str())
}

/// A change with everything filled in. `None` where a rule has refused it.
pub(super) fn change(spec: &ChangeSpec, objects: &BTreeMap<String, ObjectSpec>) -> Option<Change> {
    let (object, what) = match (&spec.patch, &spec.create) {
        (Some(patch), _) => (spec.object.as_ref()?.value.as_str(), ChangeWhat::Patch(patch.clone())),
        (None, Some(manifest)) => {
            let name = created_name(spec, objects)?;
            (name, ChangeWhat::Create(whole(manifest, objects.get(name)?)))
        }
        (None, None) => (spec.object.as_ref()?.value.as_str(), ChangeWhat::Delete),
    };
    Some(Change {
        object: object.to_owned(),
        what,
        stays: spec.stays,
        by: spec.by.clone().unwrap_or_else(|| SOMEBODY.to_owned()),
    })
}

/// The manifest with what makes it this object.
fn whole(manifest: &Value, object: &ObjectSpec) -> Value {
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
        let object = ObjectSpec {
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
        let spec = |create: Value| ChangeSpec {
            object: None,
            patch: None,
            delete: false,
            create: Some(create),
            stays: true,
            by: None,
        };
        assert_eq!(created_name(&spec(expected), &objects), Some("stray"));
        assert_eq!(created_name(&spec(json!({"kind": "ConfigMap"})), &objects), None);
    }
}
