//! What is asked: scenarios, node configurations and plans.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; helpers are not seen as tests"
)]

mod common;
mod crds;
mod plan;
mod refused;
mod refused_trees;
mod robust;
mod schema;
mod strange_tree;
mod tree;
