//! The JSON schema of scenario files, and the check of a file's structure against it.
//!
//! The schema is generated from [`crate::model`], so that editors, the check and the types cannot disagree. The check is not
//! that of a validator, since it must find every error with its place and say what was meant.

mod generate;
mod structure;

pub use generate::scenario_schema;
pub(crate) use structure::{Use, check};
