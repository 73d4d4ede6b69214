//! The faults of the Git server. Errors are in words, for the log.

use harness_cluster::Cluster;
use harness_simulation::GitFault;

/// Lets the Git server do this wrong from now on.
pub(super) async fn set(cluster: &Cluster, fault: GitFault) -> Result<(), String> {
    cluster.set_git_fault(Some(fault)).await.map_err(|error| error.to_string())
}

/// Lets it do everything right again; nothing happens where it does.
pub(crate) async fn clear(cluster: &Cluster) -> Result<(), String> {
    cluster.set_git_fault(None).await.map_err(|error| error.to_string())
}
