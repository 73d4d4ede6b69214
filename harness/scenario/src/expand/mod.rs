//! From a scenario to a plan: arrivals become actions with times, expectations get names, everything is decided.

mod chance;
mod expectations;
mod gitops;
mod inputs;
mod objects;
mod phases;
mod plan;
mod workloads;

pub use chance::Chance;
pub(crate) use inputs::Inputs;
pub(crate) use plan::expand;
