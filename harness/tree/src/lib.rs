//! GitOps trees of node configurations: what Flux builds of a folder, what the API server accepts of it, and what AKS would do with it.
//!
//! Everything here is pure: callers read files and hand over their texts. [`read_tree`] reads a tree as kustomize would and refuses one that
//! cannot work on AKS; [`validate`](mod@validate) goes through a whole repository; [`derive`](mod@derive) finds for each NodePool a workload that fits that
//! pool and no other. Each [`Finding`] says what is wrong, where, what AKS would do, and what to write instead.

mod builtin;
mod crd;
pub mod derive;
mod files;
mod finding;
mod history;
mod kustomize;
mod node_config;
mod object;
mod patterns;
mod placeholders;
mod pool;
pub mod region;
mod repository;
mod source_file;
pub mod upstream;
pub mod validate;

pub use builtin::{aks_defaults, builtin_gitops, builtin_node_config};
pub use crd::{check_manifest, field_problems, flux_kinds, path_problem};
pub use derive::SkuFact;
pub use files::{Files, Unreadable};
pub use finding::{Edit, Finding, SCENARIO_RULE, Severity};
pub use history::{History, HistoryError};
pub use node_config::{
    AmendError, LAYERS_FOLDER, LayersError, LayersTree, NODE_CLASS_RULE, NodeConfigTree, TreeReading, address_problem,
    amend, check_skus, examine, excerpt, max_pods, reaches_outside, read_tree, values_are_sold, with_layers,
};
pub use placeholders::{PlaceholderError, Placeholders};
pub use pool::{NodePool, Operator, Requirement, Taint, is_well_known};
pub use source_file::SourceFile;
