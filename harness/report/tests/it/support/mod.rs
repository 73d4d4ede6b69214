//! Invented runs for the formats to show.

mod not_passed;
mod passed;
mod plan;

pub(crate) use not_passed::{failed, hostile, killed, leaked, not_run, nothing};
pub(crate) use passed::passed;
pub(crate) use plan::plan;
