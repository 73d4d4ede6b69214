//! The engine that applies the faults that are set.

mod engine;

pub(crate) use engine::{FaultEngine, FaultError, Subject, is_meant};
