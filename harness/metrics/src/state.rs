//! What the server answers from, and how it changes.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::load::{ExternalMetric, Load, MetricsError};
use super::loads::Loads;
use super::model::{self, Usage, WorkloadReport};
use super::watch::{Seen, Watches};

/// How long the first list of pods and nodes may take; below the limit of a call over the control socket.
const LIST_LIMIT: Duration = Duration::from_secs(8);

/// The loads in force, and the pods that carry them while there are any.
#[derive(Default)]
pub struct Metrics {
    loads: RwLock<Loads>,
    seen: RwLock<Option<Seen>>,
    /// Held over a whole change, so that the watches fit the loads.
    change: tokio::sync::Mutex<Cluster>,
}

/// The way to the API server.
#[derive(Default)]
struct Cluster {
    client: Option<kube::Client>,
    watches: Option<Watches>,
}

impl Metrics {
    /// Gives it the client for pods and nodes, or another one after a repeated start.
    pub async fn attach(&self, client: kube::Client) {
        let mut cluster = self.change.lock().await;
        self.forget_pods(&mut cluster);
        cluster.client = Some(client);
    }

    /// Puts a load into force; when it returns the server answers with it. Pods are watched from the first load to the last: a
    /// cluster without load pays nothing.
    pub(crate) async fn set_load(&self, load: Load) -> Result<(), MetricsError> {
        load.validate()?;
        let mut cluster = self.change.lock().await;
        if cluster.watches.is_none() && !load.is_empty() {
            let client = cluster.client.clone().ok_or(MetricsError::NotAttached)?;
            let watches = Watches::start(client);
            watches.listed(LIST_LIMIT).await?;
            self.show(Some(watches.seen.clone()));
            cluster.watches = Some(watches);
        }
        let none_left = {
            let mut loads = self.loads.write().unwrap_or_else(PoisonError::into_inner);
            loads.set(load);
            loads.has_no_workload()
        };
        if none_left {
            self.forget_pods(&mut cluster);
        }
        Ok(())
    }

    /// Puts the value of an external metric into force.
    pub(crate) fn set_external(&self, metric: ExternalMetric) -> Result<(), MetricsError> {
        metric.validate()?;
        self.loads.write().unwrap_or_else(PoisonError::into_inner).set_external(metric);
        Ok(())
    }

    /// Forgets all loads and external metrics, and the pods.
    pub async fn clear(&self) {
        let mut cluster = self.change.lock().await;
        *self.loads.write().unwrap_or_else(PoisonError::into_inner) = Loads::default();
        self.forget_pods(&mut cluster);
    }

    /// Ends the watches.
    fn forget_pods(&self, cluster: &mut Cluster) {
        self.show(None);
        cluster.watches = None;
    }

    /// What the answers are made from.
    pub(crate) fn show(&self, seen: Option<Seen>) {
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// The loads in force.
    pub(crate) fn loads(&self) -> Loads {
        self.loads.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The pods and nodes; `None` while there is no load.
    pub(crate) fn seen(&self) -> Option<Seen> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What every pod with load uses now.
    pub(crate) fn usage(&self) -> Usage {
        let pods = self.seen().map(|seen| seen.pods()).unwrap_or_default();
        model::usage(&self.loads(), pods)
    }

    /// What became of each load.
    pub(crate) fn report(&self) -> Vec<WorkloadReport> {
        self.usage().workloads
    }

    /// Puts a load into force whose pods are in a store that is already shown.
    #[cfg(test)]
    pub(crate) fn set_load_of_shown_pods(&self, load: Load) {
        self.loads.write().unwrap_or_else(PoisonError::into_inner).set(load);
    }
}

/// Shared by the server and the control socket.
pub type Shared = Arc<Metrics>;
