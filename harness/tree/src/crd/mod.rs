//! What the API server accepts of the custom resources that a tree is made of: the OpenAPI schemas and CEL rules of the pinned versions.
//!
//! The schemas are data under `crds/`. What the server does with an object is done here in its order: unknown fields are refused, values
//! are checked, defaults are filled in, and the CEL rules see the result.

mod catalogue;
mod cel;
mod check;
mod field;
mod hints;
mod metadata;
mod place;

pub use catalogue::flux_kinds;
pub(crate) use catalogue::{all, find, kinds_of, served};
pub(crate) use check::check;
pub use check::check_manifest;
pub use field::{field_problems, path_problem};
pub(crate) use metadata::is_label_key;
pub(crate) use place::at_field;
