//! What runs on every node whatever is deployed.

use serde::{Deserialize, Serialize};

/// A DaemonSet of the cluster's own, by what each of its pods requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonSetRequests {
    /// Its name; it is in `kube-system`.
    pub name: String,
    /// Thousandths of a core.
    #[serde(default)]
    pub cpu_millicores: u64,
    /// Bytes.
    #[serde(default)]
    pub memory_bytes: u64,
}
