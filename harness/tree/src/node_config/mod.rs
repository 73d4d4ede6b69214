//! A GitOps tree of NodePools and AKSNodeClasses, read as kustomize would and checked against the rules of the AKS node
//! auto-provisioner.
//!
//! One rule is one function in `rules/`; each finding says what is wrong, where, what AKS would do, and what to write instead.

mod amend;
mod edits;
mod excerpt;
mod layers;
mod rules;
mod tree;

pub use amend::{AmendError, amend};
pub(crate) use edits::is_json;
pub use excerpt::{excerpt, reaches_outside};
pub use layers::{LAYERS_FOLDER, LayersError, LayersTree, with_layers};
pub use rules::{NODE_CLASS_RULE, address_problem, check_skus, max_pods, values_are_sold};
pub(crate) use rules::{
    check_each, check_together, is_checked, metrics_are_exposed, of_another_provider, pools_and_skus, values_exist,
};
pub use tree::{NodeConfigTree, TreeReading, examine, read_tree};
pub(crate) use tree::{objects_of, pools_of, with_defaults};
