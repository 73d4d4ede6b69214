//! From a scenario to a plan: arrivals become actions with times, expectations get names, nothing is left to be decided.

pub(crate) mod arrival;
mod azure;
mod expectations;
mod objects;
mod phases;
mod plan;
mod workloads;

pub(crate) use expectations::name as expectation_name;
pub(crate) use objects::created_name;
pub(crate) use plan::{Inputs, expand};
