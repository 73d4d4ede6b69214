//! Changes of objects behind the back of their owner.

use std::collections::BTreeMap;
use std::fmt;

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{FieldPath, Names, ObjectAddress};

/// A change of an object behind the back of its owner. Only what the run owns or what its tree holds can be changed, and the
/// GitRepository and Kustomization `flux-system/node-config`; cleanup takes back what is still there. One of `patch`, `delete`, `create`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    /// One of `objects`. May be left out with `create` when the manifest names the object in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Merge this into it (RFC 7386: `null` removes a key, lists are replaced).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<Value>,
    /// `true` deletes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delete: bool,
    /// Create it from this manifest; what is left out of `apiVersion`, `kind` and `metadata` is that of `object`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<Value>,
    /// The change is expected to stay (default: false). Otherwise the time until it is reverted is a sample of `drift_corrected`.
    #[serde(default)]
    pub stays: bool,
    /// The field manager of the request (default: somebody). Flux takes away what `kubectl` has added and leaves what others have.
    #[serde(default = "default_manager")]
    pub by: String,
}

fn default_manager() -> String {
    "somebody".to_owned()
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ChangeKind<'a> {
    /// A merge patch (RFC 7386).
    Patch(&'a Value),
    /// It is deleted.
    Delete,
    /// It is created from this manifest.
    Create(&'a Value),
}

impl Change {
    /// What is done; deletion where nothing is said, which no scenario may do.
    pub fn kind(&self) -> ChangeKind<'_> {
        match (&self.patch, &self.create) {
            (Some(patch), _) => ChangeKind::Patch(patch),
            (None, Some(manifest)) => ChangeKind::Create(manifest),
            (None, None) => ChangeKind::Delete,
        }
    }

    /// The object, by its name in the scenario; always there in a plan.
    pub fn object(&self) -> &str {
        self.object.as_deref().unwrap_or_default()
    }

    /// What of the object it writes, sorted; whether the object exists, where it is deleted or created.
    pub fn paths(&self) -> Vec<FieldPath> {
        match self.kind() {
            ChangeKind::Patch(patch) => FieldPath::of_patch(patch),
            ChangeKind::Delete | ChangeKind::Create(_) => vec![FieldPath::exists()],
        }
    }

    /// The name under which the object is known: the one that is given, or that of the object that the manifest names in full.
    pub fn known_as<'a>(&'a self, objects: &'a BTreeMap<String, ObjectAddress>) -> Option<&'a str> {
        if let Some(object) = &self.object {
            return Some(object);
        }
        let text = |path: &str| self.create.as_ref()?.pointer(path)?.as_str();
        let same = |object: &ObjectAddress| {
            text("/apiVersion") == Some(&object.api_version)
                && text("/kind") == Some(&object.kind)
                && text("/metadata/name") == Some(&object.name)
                && text("/metadata/namespace") == object.namespace.as_deref()
        };
        objects.iter().find(|(_, object)| same(object)).map(|(name, _)| name.as_str())
    }

    pub(super) fn problems(&self, names: &Names<'_>) -> Vec<Problem> {
        let mut found: Vec<Problem> = self.object.iter().flat_map(|object| names.object(&["object"], object)).collect();
        let ways = [self.patch.is_some(), self.delete, self.create.is_some()];
        let (message, hint) = match ways.into_iter().filter(|given| *given).count() {
            0 => ("this changes nothing", "give one of `patch`, `delete: true`, `create`"),
            1 if self.patch.as_ref().is_some_and(|patch| FieldPath::of_patch(patch).is_empty()) => {
                ("this patch changes nothing", "write what is merged: `{spec: {weight: 5}}`")
            }
            1 if self.patch.as_ref().is_some_and(names_another) => {
                ("a patch cannot make another object of this one", "leave out apiVersion, kind and the metadata's name")
            }
            1 if self.create.is_some() && self.known_as(names.objects).is_none() => {
                ("what is created must be looked at", "name it under `objects`, and say `object: NAME`")
            }
            1 if self.create.is_none() && self.object.is_none() => ("which object?", "give `object`"),
            1 => return found,
            _ => ("this is more than one change", "make each an action of its own"),
        };
        found.push(Problem::new(&[], message, hint));
        found
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = self.object();
        match self.kind() {
            ChangeKind::Patch(patch) => {
                let paths: Vec<String> = FieldPath::of_patch(patch).iter().map(ToString::to_string).collect();
                write!(f, "patch {object} ({})", paths.join(", "))
            }
            ChangeKind::Delete => write!(f, "delete {object}"),
            ChangeKind::Create(_) => write!(f, "create {object}"),
        }
    }
}

fn names_another(patch: &Value) -> bool {
    ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"].iter().any(|path| patch.pointer(path).is_some())
}
