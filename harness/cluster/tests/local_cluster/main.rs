//! The local target with the real upstream processes. Each test is skipped, with the reason on stderr, where the
//! components are not built.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails as the test does")]

mod change;
mod dry_run;
mod metrics;
mod on_demand;
mod processes;
mod provisioning;
mod support;
