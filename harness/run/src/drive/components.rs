//! Killing and starting the target's own processes. Errors are in words, for the log.

use harness_cluster::Cluster;

/// Sends SIGKILL.
pub(super) async fn kill(cluster: &Cluster, component: &str) -> Result<(), String> {
    cluster.kill(component).await.map_err(|error| error.to_string())
}

/// Starts it again.
pub(super) async fn start(cluster: &Cluster, component: &str) -> Result<(), String> {
    cluster.restart(component).await.map_err(|error| error.to_string())
}
