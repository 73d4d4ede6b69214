//! One page over several runs: `index.html`, `index.md` and `index.json`.
//!
//! Each takes the same list ([`crate::several::One`]) and says for each scenario what it came to, why, how long it took and
//! where its own report is, and what was not run and why.

mod html;
mod json;
mod markdown;
mod rows;

pub use html::render as html;
pub use json::{INDEX_VERSION, Index, IndexEntry, IndexTotals, render as json};
pub use markdown::render as markdown;
pub use rows::Head;
