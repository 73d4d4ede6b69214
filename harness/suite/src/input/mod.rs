//! From names and paths to checked inputs: scenarios, trees, what Flux builds of them, plans.

mod flux_build;
mod plan;
mod private_folder;
mod repository;
mod scenario;
mod skus;
mod tree;
mod tree_folder;

pub use flux_build::{
    FluxBuildError, FluxBuildPool, FluxBuildProgram, FluxBuildSource, FluxBuildUnavailable, FluxBuilder,
};
pub use plan::PlannedScenario;
pub use repository::TreeRepository;
pub use scenario::{LoadedScenario, load_built_in};
pub use skus::{RegionalSkus, sku_facts};
pub use tree::LoadedTree;
pub use tree_folder::read_tree_folder;

/// Draws a seed for a run for which none was given.
pub(crate) fn draw_seed() -> u64 {
    // A seed that a person can read out and type: 32 bits of a random UUID are plenty.
    u64::from(uuid::Uuid::new_v4().as_fields().0)
}
