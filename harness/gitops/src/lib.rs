//! The way of a tree to a cluster: a Git server and its clients, Flux, and the image registry that Flux's image automation reads.

pub mod flux;
pub mod git;
pub mod receiver;
pub mod registry;

pub use flux::{Flux, HealthCheck};
