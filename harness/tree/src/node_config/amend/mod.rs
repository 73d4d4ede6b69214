//! Changes of a tree: what scenarios amend before a run and commit in the middle of one.

mod edit;
mod error;

pub(crate) use edit::add_resource;
pub use edit::amend;
pub use error::AmendError;
