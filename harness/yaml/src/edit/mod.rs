//! Changes of YAML texts that leave comments, order and quotes as they are.
//!
//! [`rewrite()`] makes a text say something else, with the smallest edits; the functions of [`text`] are these edits, for rules that know what
//! they want.

mod rewrite;
pub mod text;
mod write;

pub use rewrite::rewrite;
pub use text::{TextEdit, apply};
pub use write::write;
