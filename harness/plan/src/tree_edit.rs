//! Changes of the node configuration tree.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One change of a tree's objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[strum(serialize_all = "camelCase")]
pub enum TreeEdit {
    /// Merge a patch into an object (RFC 7386: `null` removes a key, lists are replaced).
    Merge {
        /// Which.
        object: ObjectRef,
        /// The patch.
        patch: Value,
    },
    /// Add an object in a file of its own, and to its folder's kustomization.
    Add {
        /// The object.
        object: Value,
        /// The folder, such as gitops/apps/demo-app (default: the tree's top folder).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folder: Option<String>,
    },
    /// Remove an object.
    Remove {
        /// Which.
        object: ObjectRef,
    },
    /// Add a file as it stands to its folder's kustomization, whatever it holds: a commit can be wrong.
    AddText {
        /// The file's name.
        file: String,
        /// The folder, such as gitops/apps/demo-app (default: the tree's top folder).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folder: Option<String>,
        /// What it holds.
        text: String,
    },
    /// Add many objects alike in one file, and the file to the tree's kustomization.
    AddMany {
        /// The object. `{n}` in any of its texts becomes the number of the copy, from 1; its name must have one.
        object: Value,
        /// How many.
        count: u32,
    },
}

/// Stands in texts of edits for a number.
const NUMBER: &str = "{n}";

impl TreeEdit {
    /// The key of the variant.
    pub fn as_str(&self) -> &'static str {
        self.into()
    }

    /// The same edit as the `n`-th of several commits: `{n}` in its texts is the number. In [`Self::AddMany`] it stays what it is there.
    #[must_use]
    pub fn numbered(&self, n: u32) -> Self {
        let text = |text: &str| text.replace(NUMBER, &n.to_string());
        let named =
            |object: &ObjectRef| ObjectRef { kind: object.kind.clone(), name: object.name.as_deref().map(text) };
        match self {
            Self::Merge { object, patch } => Self::Merge { object: named(object), patch: numbered(patch, n) },
            Self::Add { object, folder } => Self::Add { object: numbered(object, n), folder: folder.clone() },
            Self::Remove { object } => Self::Remove { object: named(object) },
            Self::AddText { file, folder, text: held } => {
                Self::AddText { file: text(file), folder: folder.clone(), text: text(held) }
            }
            Self::AddMany { .. } => self.clone(),
        }
    }

    /// Whether a text is part of any of its texts.
    pub fn mentions(&self, text: &str) -> bool {
        match self {
            Self::Merge { patch: value, .. }
            | Self::Add { object: value, .. }
            | Self::AddMany { object: value, .. } => mentions(value, text),
            Self::AddText { text: held, .. } => held.contains(text),
            Self::Remove { .. } => false,
        }
    }

    /// The objects that it adds.
    pub fn added(&self) -> Vec<Value> {
        match self {
            Self::Add { object, .. } => vec![object.clone()],
            Self::AddMany { object, count } => (1..=*count).map(|n| numbered(object, n)).collect(),
            Self::Merge { .. } | Self::Remove { .. } | Self::AddText { .. } => Vec::new(),
        }
    }
}

fn mentions(value: &Value, text: &str) -> bool {
    match value {
        Value::String(held) => held.contains(text),
        Value::Array(items) => items.iter().any(|item| mentions(item, text)),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains(text) || mentions(value, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn numbered(value: &Value, n: u32) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace(NUMBER, &n.to_string())),
        Value::Array(items) => items.iter().map(|item| numbered(item, n)).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.replace(NUMBER, &n.to_string()), numbered(value, n))).collect()
        }
        other => other.clone(),
    }
}

/// Objects of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectRef {
    /// Such as `NodePool` or `AKSNodeClass`.
    pub kind: String,
    /// Its name; every object of the kind where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_takes_its_place_everywhere() {
        let object = ObjectRef { kind: "ConfigMap".to_owned(), name: Some("c-{n}".to_owned()) };
        let edit = TreeEdit::Merge { object, patch: json!({"data": {"k{n}": "v{n}", "list": ["{n}", 1, null]}}) };
        let TreeEdit::Merge { object, patch } = edit.numbered(12) else { unreachable!() };
        assert_eq!(object.name.as_deref(), Some("c-12"));
        assert_eq!(patch, json!({"data": {"k12": "v12", "list": ["12", 1, null]}}));
    }

    #[test]
    fn many_objects_are_as_many_and_differ() {
        let edit = TreeEdit::AddMany { object: json!({"metadata": {"name": "c-{n}"}}), count: 3 };
        let names: Vec<_> = edit.added().into_iter().map(|object| object["metadata"]["name"].clone()).collect();
        assert_eq!(names, ["c-1", "c-2", "c-3"]);
        assert_eq!(edit.numbered(7), edit, "the number of a commit is not that of a copy");
    }
}
