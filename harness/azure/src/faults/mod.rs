//! What goes wrong, on request: the faults that can be set, and the engine that applies them.

mod engine;
mod fault;

pub(crate) use engine::{FaultEngine, Subject};
pub use fault::{ArmFaultMode, CapacityCode, EvictTarget, Fault, FaultKind, VmSelector};
