//! Where it runs: targets, components, certificates, processes, Git server, Flux.

pub mod client;
pub mod cluster;
pub mod components;
pub mod doctor;
pub mod flux;
pub mod git;
pub mod local;

pub use cluster::Cluster;
pub use flux::{Flux, HealthCheck};
