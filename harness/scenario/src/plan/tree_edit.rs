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
