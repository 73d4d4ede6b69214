//! The drivers: each action is sent at its intended time, whatever became of those before it.

mod actions;
mod context;
mod effects;
mod schedule;

pub(crate) use actions::{Actions, Repository, Undo, start_faults};
pub(crate) use context::Context;
pub(crate) use schedule::Driver;
