//! What AKS puts into a cluster before anybody uses it: the nodes of a system pool, DaemonSets whose pods run on every node, and storage classes.

mod add_ons;
mod storage;
mod system_pool;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use harness_simulation::ClusterParts;
use harness_units::{Bytes, Millicores};
use tokio::sync::watch;

use crate::parts::State;
use crate::world::World;

/// Who applies the objects of AKS, in their `managedFields`.
const FIELD_MANAGER: &str = "azure-sim";
/// The pause before another attempt.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// How long the API server may take for what is asked for.
const SETTLE_LIMIT: Duration = Duration::from_secs(30);

/// Why a part of AKS could not be put into the cluster.
#[derive(Debug, thiserror::Error)]
enum AksError {
    #[error("cannot {verb} {object}: {source}")]
    Request {
        verb: &'static str,
        object: String,
        #[source]
        source: Box<kube::Error>,
    },
    #[error("cannot make the objects of AKS: {0}")]
    Content(String),
}

impl AksError {
    fn request(verb: &'static str, object: impl Into<String>, source: kube::Error) -> Self {
        Self::Request { verb, object: object.into(), source: Box::new(source) }
    }

    fn content(error: &dyn std::fmt::Display) -> Self {
        Self::Content(error.to_string())
    }
}

impl From<serde_json::Error> for AksError {
    fn from(error: serde_json::Error) -> Self {
        Self::content(&error)
    }
}

/// It took longer than [`SETTLE_LIMIT`]: what went wrong last.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the cluster has not become `{wanted}` after {} s: {last}; look at the API server's log, or start another cluster",
    SETTLE_LIMIT.as_secs()
)]
pub(crate) struct NotSettled {
    wanted: ClusterParts,
    last: String,
}

/// What the DaemonSets of AKS take of each node together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overhead {
    /// Their CPU requests.
    pub cpu: Millicores,
    /// Their memory requests.
    pub memory: Bytes,
    /// Their pods, which count against the node's `maxPods`.
    pub pods: u64,
}

/// What the DaemonSets of AKS take of each node together.
pub fn daemon_sets() -> Overhead {
    static SUM: LazyLock<Overhead> = LazyLock::new(add_ons::sum);
    *SUM
}

/// Whether this agent pool is the system pool, which AKS does not let anybody delete.
pub(crate) fn is_system_pool(name: &str) -> bool {
    name == system_pool::NAME
}

/// Keeps the cluster as it is wanted, until the simulator stops.
pub(crate) async fn keep(world: Arc<World>) {
    let stop = world.stop.clone();
    // An error of the watches means that the simulator is gone.
    let _ = stop.run_until_cancelled(follow(&world)).await;
}

async fn follow(world: &World) -> Result<(), watch::error::RecvError> {
    let mut wanted = world.parts.wanted.subscribe();
    let mut kube = world.kube.subscribe();
    let mut nodes = ClusterParts::Bare;
    loop {
        let parts = *wanted.borrow_and_update();
        let client = kube.borrow_and_update().clone();
        let is_there = world.parts.state.borrow().there == Some(parts);
        if let (false, Some(client)) = (is_there, &client) {
            world.parts.state.send_modify(|state| state.there = None);
            match establish(world, &client.0, parts, &mut nodes).await {
                Ok(()) => drop(world.parts.state.send_replace(State { there: Some(parts), trouble: None })),
                Err(error) => {
                    tracing::warn!(%error, %parts, "trying again");
                    world.parts.state.send_modify(|state| state.trouble = Some(error.to_string()));
                    tokio::time::sleep(RETRY_PAUSE).await;
                    continue;
                }
            }
        }
        let drivers = async {
            match client {
                Some(client) if parts.has_aks() => storage::provision(world, client.0).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            () = drivers => {}
            changed = wanted.changed() => changed?,
            changed = kube.changed() => changed?,
        }
    }
}

/// Has Resource Manager show the system pool.
fn show_pool(world: &World, parts: ClusterParts) {
    let document = system_pool::document(world, parts);
    world.cluster().pools.insert(system_pool::NAME.to_owned(), document);
}

/// Shows again what new documents of the cluster do not have. While the parts are being changed, the end of the change shows it.
pub(crate) fn show_again(world: &World) {
    let there = world.parts.state.borrow().there;
    if let Some(parts) = there.filter(|parts| parts.has_aks()) {
        show_pool(world, parts);
    }
}

/// Makes the cluster what is wanted, also from what a failed attempt has left. `nodes` says for which parts the nodes of the system pool were made.
async fn establish(
    world: &World,
    client: &kube::Client,
    parts: ClusterParts,
    nodes: &mut ClusterParts,
) -> Result<(), AksError> {
    if parts.has_aks() {
        if nodes.has_aks() && *nodes != parts {
            // A Node keeps the taints and the zone with which it was created.
            system_pool::delete(world, client).await?;
        }
        *nodes = parts;
        system_pool::create(world, client, parts).await?;
        add_ons::apply(client).await?;
        storage::apply(client).await?;
        show_pool(world, parts);
    } else {
        storage::delete(client).await?;
        add_ons::delete(client).await?;
        system_pool::delete(world, client).await?;
        *nodes = parts;
        world.cluster().pools.remove(system_pool::NAME);
    }
    Ok(())
}

/// Waits until the cluster is as it is wanted. Without an API server nothing can be there.
///
/// # Errors
/// [`NotSettled`].
pub(crate) async fn settled(world: &World) -> Result<(), NotSettled> {
    if world.kube.borrow().is_none() {
        return Ok(());
    }
    let wanted = world.parts.wanted();
    let mut state = world.parts.state.subscribe();
    let is_settled = state.wait_for(|state| state.there == Some(wanted));
    match tokio::time::timeout(SETTLE_LIMIT, is_settled).await {
        // The sender lives as long as the world.
        Ok(_) => Ok(()),
        Err(_) => {
            let last = world.parts.state.borrow().trouble.clone();
            Err(NotSettled { wanted, last: last.unwrap_or_else(|| "no answer yet".to_owned()) })
        }
    }
}
