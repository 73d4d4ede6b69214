//! From a scenario to a plan: arrivals become actions with times, expectations get names, everything is decided.

mod expectations;
mod gitops;
mod objects;
mod phases;
mod plan;
mod workloads;

pub(crate) use plan::{Inputs, expand};
