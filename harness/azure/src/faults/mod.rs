//! The engine that applies the faults that are set.

mod calls;
mod choice;
mod engine;
mod refusals;
mod rehearsal;
mod vms;

pub(crate) use choice::{Candidate, TooFew, choose};
pub(crate) use engine::{FaultEngine, FaultError};
pub use rehearsal::{Rehearsal, RehearsalError};
pub(crate) use vms::{CreationFailure, FalseFailure, Subject};
