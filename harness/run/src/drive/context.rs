//! What every action needs.

use std::sync::{Arc, OnceLock};

use harness_azure::control::Client as AzureClient;
use harness_azure::facts::VmRef;
use harness_cluster::git::GitRemote;
use harness_cluster::{Cluster, MetricsControl};
use kube::Client;

use crate::error::Lacking;
use crate::hub::Hub;
use crate::labels;
use crate::others::Others;

/// The cluster, the run and its log. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) run_id: String,
    /// Whether the cluster is taken down with the run.
    pub(crate) throwaway: bool,
    pub(crate) hub: Hub,
    others: Arc<OnceLock<Others>>,
}

impl Context {
    pub(crate) fn new(cluster: Arc<Cluster>, run_id: String, throwaway: bool, hub: Hub) -> Self {
        Self { client: cluster.client(), cluster, run_id, throwaway, hub, others: Arc::default() }
    }

    /// The namespace of the run's workloads.
    pub(crate) fn namespace(&self) -> String {
        labels::namespace(&self.run_id)
    }

    /// What is not the run's; `None` until it was looked at, and until then the run has made nothing.
    pub(crate) fn others(&self) -> Option<&Others> {
        self.others.get()
    }

    /// Sets what is not the run's.
    pub(crate) fn set_others(&self, others: Others) {
        self.others.get_or_init(|| others);
    }

    /// Whether a VM is the run's.
    pub(crate) fn owns(&self, vm: &VmRef) -> bool {
        self.others().is_some_and(|others| others.owns(vm))
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
