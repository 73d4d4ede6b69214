//! Where scenarios run.

use harness_cluster::{Cluster, kubeconfig};

use crate::error::TargetError;
use crate::local_cluster::{LocalCluster, RunCluster, find_usable};
use crate::progress::{ProgressListener, Update};
use crate::region::Region;

/// The kinds of targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum TargetKind {
    /// A control plane of this machine's processes and a simulated Azure.
    Local,
    /// A cluster that somebody else runs.
    Kubeconfig,
}

impl TargetKind {
    /// All of them.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name as `--target` takes it and as reports write it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Where scenarios run, with everything that it takes to get there.
#[derive(Clone, Debug)]
pub enum Target {
    /// The local cluster that is up, or one that is started for the runs.
    Local(LocalCluster),
    /// The cluster of a kubeconfig.
    Kubeconfig(kubeconfig::Options),
}

impl Default for Target {
    fn default() -> Self {
        Self::Local(LocalCluster::default())
    }
}

impl Target {
    /// Its kind.
    pub fn kind(&self) -> TargetKind {
        match self {
            Self::Local(_) => TargetKind::Local,
            Self::Kubeconfig(_) => TargetKind::Kubeconfig,
        }
    }

    /// The name of the cluster that is used if it is up.
    pub(crate) fn cluster_name(&self) -> &str {
        match self {
            Self::Local(local) => local.name(),
            Self::Kubeconfig(options) => options.context.as_deref().unwrap_or("the current context"),
        }
    }

    /// Checks what can be checked before anything is built, started or written: a local cluster that was named is up, or is to stay.
    pub(crate) fn check(&self, keep: bool) -> Result<(), TargetError> {
        match self {
            Self::Local(local) if !keep => local.check_named(),
            Self::Local(_) | Self::Kubeconfig(_) => Ok(()),
        }
    }

    /// The cluster of that name, if it is up and has not failed. A kubeconfig has one, whatever its name.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<Cluster>, TargetError> {
        match self {
            Self::Local(_) => find_usable(name).await,
            Self::Kubeconfig(options) => Ok(Some(kubeconfig::attach(options).await?)),
        }
    }

    /// Returns the cluster that is up, or starts a local one for a run. With `keep` the new one stays.
    ///
    /// # Errors
    /// [`TargetError`]: it can be neither used nor started.
    pub(crate) async fn for_run(
        &self,
        run_id: &str,
        keep: bool,
        region: Region,
        progress: &dyn ProgressListener,
    ) -> Result<RunCluster, TargetError> {
        match self {
            Self::Local(local) => local.for_run(run_id, keep, Some(region), progress).await,
            Self::Kubeconfig(options) => {
                let cluster = kubeconfig::attach(options).await?;
                progress.update(Update::ClusterFound { name: cluster.name() });
                Ok(RunCluster { cluster, throwaway: false })
            }
        }
    }
}
