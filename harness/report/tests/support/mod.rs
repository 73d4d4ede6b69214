//! Runs that never were, for the formats to show.

#![allow(dead_code, unused_imports, reason = "each test file uses some of it")]

mod passed;
mod plan;
mod troubled;

pub(crate) use passed::{latency, passed};
pub(crate) use plan::{POOLS, SECOND, plan};
pub(crate) use troubled::{failed, hostile, killed, leaked, not_run, nothing};
