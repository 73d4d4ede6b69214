//! Managing the Flux of a cluster: everything that `harness flux` does.

use super::error::FluxError;
use super::parts::Parts;
use crate::cluster::Cluster;

/// Is told, in a line each, what is going on.
pub type Say<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// The Flux of one cluster, with the rights to change it.
pub struct Manager<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) client: kube::Client,
    pub(super) parts: Parts,
    say: Say<'a>,
}

impl std::fmt::Debug for Manager<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client carries credentials.
        f.debug_struct("Manager").field("cluster", &self.cluster.name()).finish_non_exhaustive()
    }
}

impl Manager<'_> {
    pub(super) fn say(&self, line: &str) {
        (self.say)(line);
    }
}

impl Cluster {
    /// Manages the cluster's Flux; `say` is told what is going on.
    ///
    /// # Errors
    /// When the target has no way to its administrator's rights, or its manifests cannot be read.
    pub async fn flux_manager<'a>(&'a self, say: Say<'a>) -> Result<Manager<'a>, FluxError> {
        Ok(Manager { cluster: self, client: self.admin_client().await?, parts: self.flux_parts()?, say })
    }
}

/// Milliseconds since then.
pub(super) fn millis(since: std::time::Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
