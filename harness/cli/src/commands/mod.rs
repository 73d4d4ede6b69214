//! One module a command. Each returns the exit code; errors carry their own.

pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod components;
pub(crate) mod doctor;
pub(crate) mod down;
pub(crate) mod env;
pub(crate) mod flux;
pub(crate) mod list;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod status;
pub(crate) mod up;
pub(crate) mod validate;
