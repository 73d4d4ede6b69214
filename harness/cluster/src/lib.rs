//! Where it runs: targets, components, certificates, processes, Git server, Flux.

pub mod components;
pub mod doctor;
pub mod git;
