//! The local target: starting and finding clusters that [`harness_local`] runs.

use std::path::Path;
use std::sync::Arc;

pub use harness_components::control::{
    ComponentStatus, ComponentUsage, Failure, Phase, ProcessRef, Status, StepTiming, TeardownReport,
};
pub use harness_local::{
    AzureCloud, LocalConfig, LocalError, StateDir, default_state_root, dispatch, down, list, status, validate_name,
};
use harness_local::{Local, MetricsControl};
pub use harness_simulation::ClusterParts;
use harness_simulation::Simulated;
use strum::VariantArray;

use crate::cluster::{Cluster, Parts};
use crate::control_plane::ControlPlane;
use crate::error::ClusterError;
use crate::gitops::GitOps;
use crate::provisioner::Provisioner;

/// Starts a cluster that stays after this process has ended, and waits until it is usable.
///
/// # Errors
/// When one of that name is up, a component is missing, or the start fails (the message has the last log lines and
/// the folder to which the logs were moved; nothing is left running).
pub async fn up(config: LocalConfig) -> Result<Cluster, ClusterError> {
    cluster(harness_local::up(config).await?)
}

/// Starts a cluster that ends with this process, however this process ends, and waits until it is usable.
///
/// # Errors
/// As [`up`].
pub async fn throwaway(config: LocalConfig) -> Result<Cluster, ClusterError> {
    cluster(harness_local::throwaway(config).await?)
}

/// The cluster of that name, if it is up. One that has failed is also returned, to be asked why or taken down.
///
/// # Errors
/// When its folder cannot be read or its supervisor does not answer.
pub async fn attach(state_root: &Path, name: &str) -> Result<Option<Cluster>, ClusterError> {
    harness_local::attach(state_root, name).await?.map(cluster).transpose()
}

fn cluster(local: Local) -> Result<Cluster, ClusterError> {
    let name = local.config.name.clone();
    let control_plane = ControlPlane::over_network(local.kube_config.clone())
        .map_err(|source| ClusterError::Client { identity: "harness".to_owned(), source: Box::new(source) })?;
    let metrics = MetricsControl::new(local.control.clone(), control_plane.client());
    Ok(Cluster::new(Parts {
        name,
        target: "local",
        control_plane,
        gitops: GitOps::Supervised {
            git: local.git.clone(),
            receiver_url: local.endpoint("flux-receiver"),
            registry: local.endpoint("image-registry"),
            supervisor: local.control.clone(),
        },
        provisioner: Provisioner::SimulatedAzure(local.azure.clone()),
        components: Some(Arc::new(local.control.clone())),
        metrics: Some(metrics),
        simulated: Simulated::VARIANTS.iter().copied().collect(),
        versions: Vec::new(),
        local: Some(Box::new(local)),
    }))
}
