//! Verdicts: what each expectation came to, and what the run came to.

mod types;

pub use types::{ExpectationResult, Verdict};
