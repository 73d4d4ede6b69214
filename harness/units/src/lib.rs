//! Quantities with their units, as people and Kubernetes write them: durations, CPU and memory.
//!
//! Each reads and writes a text that carries its unit (`1m30s`, `500m`, `2Gi`), so that no number in a scenario, a plan or a report has to be
//! guessed at. This crate names no other crate of the workspace.

mod duration;
mod quantity;

pub use duration::Span;
pub use quantity::{Bytes, Millicores};
