//! Changes of the node configuration tree.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One change of a tree's objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum TreeEdit {
    /// Merge a patch into an object (RFC 7386: `null` removes a key, lists are replaced).
    Merge {
        /// Which.
        object: ObjectRef,
        /// The patch.
        patch: Value,
    },
    /// Add an object in a file of its own, and to the tree's kustomization.
    Add {
        /// The object.
        object: Value,
    },
    /// Remove an object.
    Remove {
        /// Which.
        object: ObjectRef,
    },
    /// Add a file as it stands to the tree's kustomization, whatever it holds: a commit can be wrong.
    AddText {
        /// The file's name, in the tree's top folder.
        file: String,
        /// What it holds.
        text: String,
    },
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
