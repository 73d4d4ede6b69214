//! From a scenario to a plan: arrivals become actions with times, expectations get names, nothing is left to be decided.

pub(crate) mod arrival;
mod expectations;
mod git;
mod gitops;
mod objects;
mod phases;
mod plan;
mod workloads;

pub(crate) use plan::{Inputs, expand};
