//! The engine that applies the faults that are set.

mod choice;
mod engine;
mod rehearsal;

pub(crate) use choice::{Candidate, TooFew, choose};
pub(crate) use engine::{CreationFailure, FalseFailure, FaultEngine, FaultError, Subject};
pub use rehearsal::{Rehearsal, RehearsalError};
