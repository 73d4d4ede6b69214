//! A GitOps tree of NodePools and AKSNodeClasses, read as kustomize would and checked against the rules of the AKS node
//! auto-provisioner.
//!
//! One rule is one function in `rules/`; each finding says what is wrong, where, what AKS would do, and what to write instead.

mod amend;
mod finding;
mod kustomization;
mod object;
mod pool;
mod rules;
mod tree;

pub use amend::{AmendError, amend};
pub use finding::{Finding, Severity};
pub use pool::{NodePool, Operator, Requirement, Taint};
pub(crate) use rules::check_skus;
pub(crate) use rules::{is_well_known, max_pods};
pub(crate) use tree::read;
pub use tree::{NodeConfigTree, SourceFile};
