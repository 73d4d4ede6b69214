//! JSON schemas, and YAML values against them.
//!
//! Two dialects are in use: the schema of scenario files (draft 2020-12, generated from types) and the structural schemas of custom
//! resources (OpenAPI v3 with the extensions of Kubernetes). The walk over schema and value is one; what a dialect makes of a violation
//! is its own.

mod model;
mod violation;
mod walk;

pub use model::{Additional, Pattern, Rule, Schema, Type};
pub use violation::Violation;
pub use walk::{Dialect, Place, walk};
