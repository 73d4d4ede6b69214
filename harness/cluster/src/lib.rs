//! Where it runs: targets, components, certificates, processes, Git server, Flux, metrics APIs.

mod assembled;
pub mod client;
pub mod cluster;
mod component_control;
pub mod components;
mod contents;
mod custom_resources;
pub mod doctor;
pub mod dry_run;
pub mod flux;
pub mod git;
pub mod images;
pub mod local;
pub mod metrics;
pub mod receiver;

pub use assembled::{Assembled, ControlPlane};
pub use cluster::Cluster;
pub use component_control::ComponentControl;
pub use contents::{Contents, ContentsError};
pub use flux::{Flux, HealthCheck};
pub use metrics::MetricsControl;
