//! The drivers: each action is sent at its intended time, whatever became of those before it.
//!
//! A verb has a file with its `act`, its `undo` where something has to be undone, its state and its errors; `actions` is the one place
//! that knows them all.

mod actions;
mod azure;
mod change;
mod commit;
mod component;
mod context;
mod git_fault;
mod load;
mod publish_image;
mod reconcile;
mod replace;
mod scale;
mod schedule;

pub(crate) use actions::{Actions, Undo};
pub(crate) use commit::Repository;
pub(crate) use context::Context;
pub(crate) use schedule::Driver;
