//! What is computed from an event log: generated logs (`log_builder`, `scene`) and recorded runs (`recording`).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; helpers are not seen as tests"
)]

mod catalogue;
mod checks;
mod comparison;
mod cross_check;
mod drift;
mod endings;
mod gitops_latencies;
mod log;
mod log_builder;
mod mutation;
mod node_latencies;
mod occurrence;
mod properties;
mod reasons;
mod recorded;
mod recording;
mod scene;
mod slots;
