//! Doing it: a plan is carried out on a cluster, and everything that is seen is appended to the event log.
//!
//! The room has three parts that never call each other back:
//!
//! - `drive` sends the plan's actions at their intended times, an open loop;
//! - [`observe`] turns watches and the simulated Azure's facts into events: the handlers stamp and enqueue, nothing else;
//! - [`hub`] appends every event to `events.jsonl` and keeps the few counts that conditions wait for.
//!
//! [`execute()`] is the run loop over them: prepare, phases, cleanup, teardown. It computes no latency and no verdict: those
//! are functions of the log (`harness-record`).

mod cleanup;
pub mod clock;
mod drive;
mod error;
mod execute;
pub mod hub;
pub mod labels;
mod objects;
pub mod observe;
mod phases;
mod placeholders;
mod prepare;
mod requests;
mod scope;
pub mod state;
mod tree;
mod until;
mod usage;
mod wanted;
mod webhook;
mod workload;

pub use error::RunError;
pub use execute::{Options, execute};
pub use placeholders::{PlaceholderError, Placeholders};
pub use tree::Tree;
