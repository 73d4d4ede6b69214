//! What is asked: the scenario format, its validation, the classes of a node configuration and the plan.
//!
//! Everything here is pure: no IO, no clock, no cluster. A scenario file, a node configuration and a seed
//! go in; a [`plan::Plan`] comes out, fully expanded, before anything touches a cluster. The same three give the same
//! plan, byte for byte.

pub mod capability;
pub mod duration;
pub mod plan;
pub mod quantity;

pub use capability::Capability;
pub use duration::Span;
pub use quantity::{Bytes, Millicores};
