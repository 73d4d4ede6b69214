//! Targets: a control plane, the GitOps that brings a tree to it, and the provisioner that makes its nodes.

mod aks_parts;
mod cluster;
mod contents;
mod control_plane;
pub mod dry_run;
mod error;
mod gitops;
pub mod kubeconfig;
pub mod local;
mod provisioner;

pub use aks_parts::is_of_aks;
pub use cluster::{Cluster, Parts};
pub use contents::{Contents, ContentsError};
pub use control_plane::ControlPlane;
pub use error::ClusterError;
pub use gitops::GitOps;
pub use harness_components::control::{ComponentControl, ControlError};
pub use harness_gitops::{Flux, HealthCheck, flux, git};
pub use harness_kubernetes::SocketClock;
pub use harness_local::MetricsControl;
pub use harness_metrics as metrics;
pub use provisioner::Provisioner;
