//! For each NodePool a workload that fits that pool and no other, or the reason why there is none.
//!
//! - **Where**: the pool's own label when it is a custom one whose value no other pool can have, since that is how the users of the tree
//!   reach the pool; otherwise `karpenter.sh/nodepool`, which is always unique. Every taint of the pool is tolerated.
//! - **How large**: a seventh of what a middle-sized node of the pool offers, so that several pods share a node and nodes of several
//!   sizes are possible.
//! - **How many**: no more than the pool's limits can hold.

mod aim;
pub(crate) mod fit;
mod sku;

pub use aim::{Aim, aim};
pub use fit::{derived_size, fitting_with, known_values, pods_on, room_in};
pub use sku::{NodeOverhead, PodSize, SkuFact, SkuSource, Unusable};
