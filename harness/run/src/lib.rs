//! Carrying out a plan on a cluster, with every observation in the event log.
//!
//! Three parts never call each other back:
//!
//! - `drive` sends the plan's actions at their intended times, an open loop;
//! - `observe` turns watches and the simulated Azure's facts into events: the handlers stamp and enqueue, nothing else;
//! - `hub` appends every event to `events.jsonl` and keeps the few counts that conditions wait for.
//!
//! [`execute()`] is the run loop over them: prepare, phases, cleanup, teardown. It computes no latency and no verdict: those are functions of
//! the log (`harness-record`).

mod cleanup;
mod clock;
mod conditions;
mod daemon_sets;
mod drive;
mod error;
mod execute;
mod hub;
mod interrupts;
mod known_state;
pub mod labels;
mod lease;
mod objects;
mod observe;
mod others;
mod phases;
mod prepare;
mod requests;
mod scope;
mod state;
mod tree;
mod webhook;
mod workload;

pub use error::RunError;
pub use execute::{Options, execute};
pub use hub::OnEvent;
pub use interrupts::Interrupts;
pub use lease::{Holder, LeaseError, RunLease};
pub use tree::Tree;
