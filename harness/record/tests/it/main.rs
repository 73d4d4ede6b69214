//! What is computed from an event log: generated logs (`log_builder`, `scene`) and recorded runs (`recording`).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; helpers are not seen as tests"
)]

mod catalogue;
mod checks;
mod comparison;
mod cross_check;
mod drift;
mod endings;
mod gitops_latencies;
mod inventory;
mod log;
mod log_builder;
mod model;
mod mutation;
mod node_latencies;
mod occurrence;
mod properties;
mod reasons;
mod recorded;
mod recording;
mod scene;
mod slots;
mod system;
mod troubles;
mod vms;
mod warnings;

use harness_plan::Plan;
use harness_record::{Event, RunResult, Timelines};

/// The result of a run of this plan with these events.
fn result_of(plan: &Plan, events: impl IntoIterator<Item = Event>) -> RunResult {
    let mut timelines = Timelines::of_plan(plan);
    events.into_iter().for_each(|event| timelines.apply(&event));
    RunResult::from_timelines(plan, &timelines, None)
}
