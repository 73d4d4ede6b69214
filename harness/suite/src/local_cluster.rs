//! The local cluster that scenarios run on: one that is up, or one that is started for them.

use std::path::PathBuf;

use harness_cluster::Cluster;
use harness_cluster::local::{self, AzureCloud, LocalConfig, Phase};
use harness_components::{self as components, BuildError, BuildOptions, BuildReport};

use crate::error::TargetError;
use crate::progress::{ClusterUse, ProgressListener, Update};
use crate::region::Region;

/// The name of the cluster of `harness up` where none is given.
pub const DEFAULT_CLUSTER: &str = "harness";

/// Which local cluster is meant, and what one is started from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalCluster {
    /// The name of a cluster, which must be up. Without one it is [`DEFAULT_CLUSTER`] if that is up, else one that is started for the runs.
    pub name: Option<String>,
    /// A folder with the components' executables; without it they are built where that has not been done.
    pub bin_dir: Option<PathBuf>,
}

/// A cluster for one run.
pub struct RunCluster {
    /// The cluster.
    pub cluster: Cluster,
    /// Whether it was started for this run and ends with it.
    pub throwaway: bool,
}

impl LocalCluster {
    /// The name of the cluster that is used if it is up.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(DEFAULT_CLUSTER)
    }

    /// Checks that a cluster that was named is up: one that is started for the runs has no name, so that a mistyped one is not used.
    ///
    /// # Errors
    /// [`TargetError::NotUp`] with those that are up.
    pub fn check_named(&self) -> Result<(), TargetError> {
        let Some(name) = &self.name else { return Ok(()) };
        local::validate_name(name)?;
        let up = local::list(&local::default_state_root());
        match up.contains(name) {
            true => Ok(()),
            false => Err(TargetError::NotUp { name: name.clone(), up, or_own: true }),
        }
    }

    /// Makes the configuration of a cluster of that name in a region. Builds the components first if they are not built.
    ///
    /// # Errors
    /// [`TargetError::Build`] and [`TargetError::Missing`]; [`TargetError::Local`] where `HARNESS_AZURE_CLOUD` names no cloud.
    pub async fn config(
        &self,
        name: &str,
        region: Region,
        progress: &dyn ProgressListener,
    ) -> Result<LocalConfig, TargetError> {
        let cloud = AzureCloud::from_env()?;
        if self.bin_dir.is_none() && components::locate(None).is_err() {
            let options = BuildOptions::from_env()?;
            progress.update(Update::ComponentsMissing);
            build_components(&options, progress).await?;
        }
        let components = components::locate(self.bin_dir.as_deref())?;
        Ok(LocalConfig::new(name, &components).in_region(region.as_str()).in_cloud(cloud))
    }

    /// Returns the cluster that is up under that name, which must be in the region if one is given, or starts one for a run. With `keep` the new one has that name and stays.
    ///
    /// # Errors
    /// [`TargetError::NotUp`] where one was named that is not up, unless it is to stay; [`TargetError::OtherRegion`]; any other: it can be
    /// neither used nor started.
    pub async fn for_run(
        &self,
        run_id: &str,
        keep: bool,
        region: Option<Region>,
        progress: &dyn ProgressListener,
    ) -> Result<RunCluster, TargetError> {
        let name = self.name();
        if let Some(cluster) = find(name).await? {
            region.map_or(Ok(()), |region| check_region(&cluster, region))?;
            progress.update(Update::ClusterFound { name });
            return Ok(RunCluster { cluster, throwaway: false });
        }
        let new_in = region.unwrap_or_default();
        if keep {
            // A cluster that stays must outlive this process.
            let config = self.config(name, new_in, progress).await?;
            progress.update(Update::ClusterStarting(ClusterUse::Kept(name)));
            return Ok(RunCluster { cluster: local::up(config).await?, throwaway: false });
        }
        self.check_named()?;
        let config = self.config(&format!("run-{run_id}"), new_in, progress).await?;
        progress.update(Update::ClusterStarting(ClusterUse::Run));
        Ok(RunCluster { cluster: local::throwaway(config).await?, throwaway: true })
    }
}

/// Builds what the options name and is not built.
///
/// # Errors
/// [`BuildError`].
pub async fn build_components(
    options: &BuildOptions,
    progress: &dyn ProgressListener,
) -> Result<BuildReport, BuildError> {
    let outcome = components::build(options, |step| progress.update(Update::Building(step))).await;
    progress.update(Update::BuildEnded(outcome.as_ref().ok()));
    outcome
}

async fn find(name: &str) -> Result<Option<Cluster>, TargetError> {
    Ok(local::attach(&local::default_state_root(), name).await?)
}

/// Attaches to the cluster of that name, which must be up. It may have failed.
///
/// # Errors
/// [`TargetError::NotUp`], and [`TargetError::Local`] if it does not answer.
pub async fn attach(name: &str) -> Result<Cluster, TargetError> {
    find(name).await?.ok_or_else(|| TargetError::not_up(name))
}

/// Attaches to the cluster of that name, if it is up.
///
/// # Errors
/// [`TargetError::Failed`], and [`TargetError::Local`] if it does not answer.
pub(crate) async fn find_usable(name: &str) -> Result<Option<Cluster>, TargetError> {
    let Some(cluster) = find(name).await? else { return Ok(None) };
    let status = cluster.status().await?;
    match status.failure {
        Some(failure) if status.phase == Phase::Failed => Err(TargetError::Failed { name: name.to_owned(), failure }),
        _ => Ok(Some(cluster)),
    }
}

/// Checks that a cluster is in the region that a run is planned for: zones, VM sizes and prices are those of the region. Of somebody else's cluster
/// the region is not known.
///
/// # Errors
/// [`TargetError::OtherRegion`].
pub(crate) fn check_region(cluster: &Cluster, region: Region) -> Result<(), TargetError> {
    match cluster.region() {
        Some(own) if own != region.as_str() => {
            Err(TargetError::OtherRegion { name: cluster.name().to_owned(), own: own.to_owned(), region })
        }
        Some(_) | None => Ok(()),
    }
}

/// Checks that a cluster has Flux, without which a run would wait for what never happens.
///
/// # Errors
/// [`TargetError::NoFlux`] and [`TargetError::FluxUnknown`].
pub(crate) async fn check_flux(cluster: &Cluster) -> Result<(), TargetError> {
    let name = cluster.name().to_owned();
    match cluster.flux().is_installed().await {
        Ok(true) => Ok(()),
        Ok(false) => Err(TargetError::NoFlux(name)),
        Err(error) => Err(TargetError::FluxUnknown { name, source: Box::new(error) }),
    }
}
