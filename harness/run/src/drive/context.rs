//! What every action needs.

use std::sync::Arc;

use harness_azure::control::Client as AzureClient;
use harness_cluster::git::GitRemote;
use harness_cluster::{Cluster, MetricsControl};
use kube::Client;

use crate::error::Lacking;
use crate::hub::Hub;
use crate::labels;

/// The cluster, the run and its log. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) run_id: String,
    /// Whether the cluster is taken down with the run.
    pub(crate) throwaway: bool,
    pub(crate) hub: Hub,
}

impl Context {
    pub(crate) fn new(cluster: Arc<Cluster>, run_id: String, throwaway: bool, hub: Hub) -> Self {
        Self { client: cluster.client(), cluster, run_id, throwaway, hub }
    }

    /// The namespace of the run's workloads.
    pub(crate) fn namespace(&self) -> String {
        labels::namespace(&self.run_id)
    }

    /// The repository of the node configuration.
    pub(crate) fn git(&self) -> Result<GitRemote, Lacking> {
        self.cluster.git().ok_or(Lacking::Git)
    }

    /// The metrics that autoscalers read.
    pub(crate) fn metrics(&self) -> Result<MetricsControl, Lacking> {
        self.cluster.metrics().ok_or(Lacking::Metrics)
    }

    /// The controls of the simulated Azure.
    pub(crate) fn simulated_azure(&self) -> Result<AzureClient, Lacking> {
        self.cluster.azure().ok_or(Lacking::SimulatedAzure)
    }
}
