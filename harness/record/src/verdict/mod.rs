//! Verdicts: of each expectation, and of the run.
//!
//! Three-valued ([`Verdict`]): a check over an empty sample, over a log that was cut, or over samples that might still have ended, is
//! inconclusive. A run passes when every expectation passed, nothing was left behind, no observation was lost and the log
//! has its end.

mod affected_pools;
mod applied_in_order;
mod available;
mod check;
mod evidence;
mod exit;
mod field;
mod findings;
mod fleet;
mod happened;
mod latency;
mod limits;
mod max_concurrent_disruptions;
mod nodes;
mod order;
mod pending;
mod phase;
mod placement;
mod price;
mod quota;
mod reason;
mod replaced;
mod replaced_before_loss;
mod retained;
mod savings;
mod types;
mod uninterrupted;
mod usage;
mod window;

pub use exit::exit_code;
pub use types::{ExpectationResult, Verdict};

pub(crate) use check::check;
pub(crate) use evidence::Evidence;
pub(crate) use reason::reasons;
