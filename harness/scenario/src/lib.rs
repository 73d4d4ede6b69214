//! What is asked: the scenario format, its validation, the classes of a node configuration and the plan.
//!
//! Everything here is pure: no IO, no clock, no cluster. A scenario file, a node configuration and a seed
//! go in; a [`plan::Plan`] comes out, fully expanded, before anything touches a cluster. The same three give the same
//! plan, byte for byte.

pub mod capability;
pub mod derive;
pub mod diagnostic;
pub mod duration;
mod entry;
pub mod node_config;
pub mod plan;
pub mod quantity;
pub mod yaml;

pub use capability::Capability;
pub use derive::SkuFact;
pub use diagnostic::Diagnostic;
pub use duration::Span;
pub use entry::{
    Builtin, PlanInputs, Scenario, builtin_node_config, builtin_scenarios, check_skus, parse, plan,
    read_tree, scenario_schema,
};
pub use node_config::{Finding, NodeConfigTree, Severity, SourceFile};
pub use quantity::{Bytes, Millicores};
