//! A file of a tree.

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
        Self { path: path.into(), text: text.into() }
    }
}
