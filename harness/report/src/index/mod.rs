//! One page over several runs: `index.html`, `index.md` and `index.json`.
//!
//! Each takes the same list ([`crate::several::SuiteEntry`]) and says for each scenario its outcome and the reason, how long it took and
//! where its own report is, and what was not run and why. Of scenarios that ran more than once it shows how the runs differ.

mod html;
mod json;
mod markdown;
mod repeated;
mod rows;

pub use html::render as html;
pub use json::{INDEX_VERSION, Index, IndexEntry, render as json};
pub use markdown::render as markdown;
pub use repeated::{RepeatedScenario, repeated};
pub use rows::{Head, IndexTotals};
