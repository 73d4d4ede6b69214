//! Why a tree could not be changed.

/// A change that the tree has no place for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmendError {
    /// No object of the tree matches.
    #[error("the tree has no {asked} to change; it has {there}")]
    NoObject {
        /// The kind and the name of the edit.
        asked: String,
        /// What the tree has, by kind.
        there: String,
    },
    /// An object without a kind or a name.
    #[error("an object that is added needs `kind` and `metadata.name`; this one is {what}")]
    Nameless {
        /// What of it is there.
        what: String,
    },
    /// What is to be added is there.
    #[error("cannot add {what}: the tree has it already, in {file}; change it instead")]
    Exists {
        /// The object or file.
        what: String,
        /// Where it stands.
        file: String,
    },
    /// Not the name of a file in the tree's top folder.
    #[error("cannot add the file `{file}`: give it a plain name such as `broken.yaml`, without folders")]
    FileName {
        /// The name.
        file: String,
    },
    /// Not a folder of the tree.
    #[error("the tree has no folder `{folder}` to add to; it has {there}")]
    NoFolder {
        /// The folder.
        folder: String,
        /// What the tree has.
        there: String,
    },
    /// A file that must be changed cannot be read.
    #[error("cannot change {file}: line {line}, column {column}: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// From 1.
        line: u32,
        /// From 1.
        column: u32,
        /// Why.
        message: String,
    },
}
