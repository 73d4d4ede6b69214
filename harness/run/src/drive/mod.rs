//! The drivers: each action is sent at its intended time, whatever became of those before it.

pub(crate) mod azure;
mod components;
mod scale;
mod schedule;

pub(crate) use schedule::{Driver, Tools, clear_faults};
