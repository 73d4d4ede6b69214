//! YAML with the place of every key and value, so that any rule can point at what it speaks of.

mod mark;
mod node;
mod parse;

pub use mark::{Located, Mark};
pub(crate) use node::{Entry, Kind, Node};
pub(crate) use parse::{SyntaxError, documents, documents_of, plain_scalar};
