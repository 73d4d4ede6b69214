//! A whole tree, before anything runs: what Flux would build of it, what the API server would say, and what AKS would do.

mod absent;
mod fix;
mod incomplete;
mod run;
mod unapplied;
mod wiring;

pub use fix::{Change, Counts, Fixed, Undone, fix};
pub use run::{CheckedObject, Validation, ValidationInputs, validate};
