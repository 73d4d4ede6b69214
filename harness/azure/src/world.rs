//! The one shared state of a simulator, and its locks.
//!
//! Locks are taken in this order, and none is held across an await: fleet, network, cluster, faults, operations, facts.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::catalogue::{Catalogue, resource_skus};
use crate::config::Config;
use crate::counters::Counters;
use crate::documents::{ClusterState, NetworkState};
use crate::facts::{FactKind, FactLog};
use crate::faults::FaultEngine;
use crate::fleet::Fleet;
use crate::images;
use crate::operations::Operations;
use crate::parts::Parts;
use crate::quota::QuotaLimits;
use crate::tokens::Tokens;
use harness_simulation::Behaviour;

/// How many writes of Nodes are in flight: enough for 100 and more a second, few enough not to crowd the API server.
const NODE_WRITES_AT_ONCE: usize = 32;

/// The shared state.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) catalogue: &'static Catalogue,
    behaviour: RwLock<Arc<Behaviour>>,
    fleet: Mutex<Fleet>,
    faults: Mutex<FaultEngine>,
    operations: Mutex<Operations>,
    cluster: Mutex<ClusterState>,
    network: Mutex<NetworkState>,
    /// How many versions of the node images were published since the start. It only grows, through resets too: Azure takes
    /// no image back, and a controller keeps for days what it has read.
    images_published: AtomicU32,
    /// The control plane's version, without `v`: as in the managed cluster's document.
    pub(crate) kubernetes: watch::Sender<String>,
    pub(crate) facts: FactLog,
    pub(crate) counters: Counters,
    pub(crate) tokens: Tokens,
    pub(crate) kube: watch::Sender<Option<Kube>>,
    /// What AKS has put into the cluster.
    pub(crate) parts: Parts,
    pub(crate) node_writes: Semaphore,
    /// One Node becomes Ready at a time. If a whole fleet became Ready in one instant, an API server with few cores would
    /// notify its watchers up to half a second late, and the measurement would show that burst instead of the boots.
    pub(crate) ready_turn: Semaphore,
    /// The answer of `Microsoft.Compute/skus`, once requested: large, and always the same.
    skus: OnceLock<Bytes>,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

/// A Kubernetes client that can be shown in debug text.
#[derive(Clone)]
pub(crate) struct Kube(pub(crate) kube::Client);

impl std::fmt::Debug for Kube {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kube")
    }
}

impl World {
    pub(crate) fn new(config: Config, catalogue: &'static Catalogue) -> Self {
        let cluster = ClusterState::new(&config);
        let mut network = NetworkState::new(&config);
        network.set_subnets(&config, &config.behaviour.subnets, &config.behaviour.subnets);
        Self {
            catalogue,
            behaviour: RwLock::new(Arc::new(config.behaviour.clone())),
            fleet: Mutex::default(),
            faults: Mutex::default(),
            operations: Mutex::default(),
            cluster: Mutex::new(cluster),
            network: Mutex::new(network),
            images_published: AtomicU32::new(0),
            kubernetes: watch::Sender::new(config.kubernetes_version.clone()),
            facts: FactLog::default(),
            counters: Counters::default(),
            tokens: Tokens::default(),
            kube: watch::Sender::new(None),
            parts: Parts::new(config.cluster),
            node_writes: Semaphore::new(NODE_WRITES_AT_ONCE),
            ready_turn: Semaphore::new(1),
            skus: OnceLock::new(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            config,
        }
    }

    pub(crate) fn fleet(&self) -> MutexGuard<'_, Fleet> {
        lock(&self.fleet)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, FaultEngine> {
        lock(&self.faults)
    }

    pub(crate) fn operations(&self) -> MutexGuard<'_, Operations> {
        lock(&self.operations)
    }

    pub(crate) fn cluster(&self) -> MutexGuard<'_, ClusterState> {
        lock(&self.cluster)
    }

    pub(crate) fn network(&self) -> MutexGuard<'_, NetworkState> {
        lock(&self.network)
    }

    pub(crate) fn behaviour(&self) -> Arc<Behaviour> {
        Arc::clone(&self.behaviour.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace_behaviour(&self, behaviour: Behaviour) {
        self.parts.want(behaviour.cluster.unwrap_or(self.config.cluster));
        *self.behaviour.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(behaviour);
    }

    /// The newest version of every node image, `202608.14.0`.
    pub(crate) fn image_version(&self) -> String {
        images::version(self.images_published.load(Ordering::Relaxed))
    }

    /// Publishes a newer version of every node image. Returns it.
    pub(crate) fn publish_image(&self) -> String {
        let version = images::version(self.images_published.fetch_add(1, Ordering::Relaxed) + 1);
        self.facts.push(FactKind::NodeImagePublished { version: version.clone() });
        version
    }

    /// The answer of `Microsoft.Compute/skus`.
    pub(crate) fn skus(&self) -> Bytes {
        let text = || Bytes::from(resource_skus(self.catalogue, &self.config.location).to_string());
        self.skus.get_or_init(text).clone()
    }

    /// The control plane's version, without `v`.
    pub(crate) fn kubernetes_version(&self) -> String {
        self.kubernetes.borrow().clone()
    }

    /// Publishes the control plane's version.
    pub(crate) fn kubernetes_changed(&self, version: &str) {
        let changed = self.kubernetes.send_if_modified(|known| {
            let changed = known != version;
            version.clone_into(known);
            changed
        });
        if changed {
            self.facts.push(FactKind::KubernetesVersion { version: version.to_owned() });
        }
    }

    /// Counts a call that is not modelled. True the first time.
    pub(crate) fn unmodelled(&self, method: &str, path: &str) -> bool {
        self.facts.push(FactKind::UnmodelledCall { method: method.to_owned(), path: path.to_owned() });
        self.counters.unmodelled(method, path)
    }

    /// The quota limits at a moment, with those of the faults of then over them.
    pub(crate) fn limits_at(&self, at_ns: u64) -> QuotaLimits {
        self.faults().limits_at(&QuotaLimits::new(&self.behaviour().quota_cores), at_ns, &self.facts)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A handler that panicked has not answered; the state is consistent, because each step below is one assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
