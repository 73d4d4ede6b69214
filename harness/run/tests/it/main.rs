//! A run against a control plane in this process: a fake API server, the simulated Azure beside it, and controllers as small actors.
//! Everything happens on paused time, so that minutes pass in milliseconds and every run is the same.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; helpers are not seen as tests"
)]

mod actors;
mod api;
mod azure;
mod cancel;
mod changes;
mod cleanup;
mod commits;
mod components;
mod ends;
mod faults;
mod git;
mod lab;
mod node_claims;
mod one_after_another;
mod others;
mod plans;
mod refusals;
mod server;
mod silence;
mod unmodelled;
mod watches;
mod whole_plan;
