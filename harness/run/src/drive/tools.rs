//! What actions are carried out with.

use std::sync::Arc;

use harness_cluster::Cluster;
use kube::Client;

use super::change::Objects;
use super::commit::Repository;
use super::load::Loads;
use super::replace::Replaced;
use crate::hub::Hub;

/// What actions are carried out with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) client: Client,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) run_id: String,
    /// Whether the cluster goes with the run.
    pub(crate) throwaway: bool,
    pub(crate) hub: Hub,
    pub(crate) repository: Repository,
    pub(crate) replaced: Replaced,
    pub(crate) loads: Loads,
    pub(crate) objects: Objects,
}

impl Tools {
    /// Nothing was replaced and no load was set yet.
    pub(crate) fn new(
        cluster: Arc<Cluster>,
        run_id: String,
        throwaway: bool,
        hub: Hub,
        repository: Repository,
    ) -> Self {
        Self {
            client: cluster.client(),
            cluster,
            run_id,
            throwaway,
            hub,
            repository,
            replaced: Replaced::default(),
            loads: Loads::default(),
            objects: Objects::default(),
        }
    }
}
