//! The drivers: each action is sent at its intended time, whatever became of those before it.

pub(crate) mod azure;
pub(crate) mod change;
mod commit;
mod components;
mod git;
mod load;
mod reconcile;
mod replace;
mod scale;
mod schedule;
mod tools;

pub(crate) use azure::clear_faults;
pub(crate) use commit::Repository;
pub(crate) use git::clear as clear_git_faults;
pub(crate) use schedule::Driver;
pub(crate) use tools::Tools;
