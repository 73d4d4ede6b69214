//! From a scenario to a plan: arrivals become actions with times, expectations get names, everything is decided.

mod amended;
mod by_hand;
mod chance;
mod deadlines;
mod edits;
mod expectations;
mod gitops;
mod hand_changes;
mod inputs;
mod moments;
mod objects;
mod phases;
mod plan;
mod pruning;
mod pushes;
mod references;
mod sized;
mod spot;
mod workloads;

pub(crate) use amended::amended;
pub use chance::Chance;
pub(crate) use inputs::Inputs;
pub(crate) use plan::expand;
