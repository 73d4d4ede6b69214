//! Several runs one after another, of several scenarios or of one, with one report over all of them.

mod clusters;
mod file;
mod go;
mod report;
mod select;

pub(crate) use file::{SUITE_FILE, is_suite, run_folders};
pub(crate) use go::run;
pub(crate) use report::report;
pub(crate) use select::{PROFILES, builtin};
