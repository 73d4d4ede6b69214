//! A GitOps tree of NodePools and AKSNodeClasses, read as kustomize would and checked against the rules of the AKS node
//! auto-provisioner.

mod finding;

pub use finding::{Finding, Severity};

/// One file of a tree, as the caller read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative to the tree's root, with `/`: `node-classes/general-purpose.yaml`.
    pub path: String,
    /// The content.
    pub text: String,
}

impl SourceFile {
    /// A file of a tree.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
        }
    }
}

/// A tree that can work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeConfigTree {
    /// How the caller named it: `node-config` for the one that comes with the harness, else its path.
    pub source: String,
    /// SHA-256 over the paths and contents that were handed over, hexadecimal.
    pub sha256: String,
    /// Warnings and notes.
    pub findings: Vec<Finding>,
}
