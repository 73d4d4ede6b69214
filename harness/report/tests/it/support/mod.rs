//! Runs that never were, for the formats to show.

mod passed;
mod plan;
mod troubled;

pub(crate) use passed::passed;
pub(crate) use plan::plan;
pub(crate) use troubled::{failed, hostile, killed, leaked, not_run, nothing};
