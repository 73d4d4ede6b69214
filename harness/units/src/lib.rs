//! Quantities with their units, as people and Kubernetes write them: durations, CPU, memory, parts, factors and rates.
//!
//! Each reads and writes a text that carries its unit (`1m30s`, `500m`, `2Gi`), so that no number in a scenario, a plan or a report has to be
//! guessed at. This crate names no other crate of the workspace.

mod amount;
mod check;
mod duration;
mod quantity;
mod ratio;
mod scalar;

pub use amount::Amount;
pub use duration::Span;
pub use quantity::{Bytes, Millicores};
pub use ratio::{Factor, Rate, Share};
pub use scalar::{ScalarError, ScalarType, TYPE_KEY};
