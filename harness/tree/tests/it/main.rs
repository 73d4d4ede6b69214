//! GitOps trees: what is read, what is refused and what is fixed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; helpers are not seen as tests"
)]

mod common;
mod crds;
mod refused_trees;
mod regions;
mod repositories;
mod tree;
