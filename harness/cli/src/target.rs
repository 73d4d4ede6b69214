//! The cluster that a command works on.

use harness_cluster::Cluster;
use harness_cluster::local::{self, LocalConfig};
use harness_components::{self as components, BuildOptions};

use crate::args::Local;
use crate::components::build;
use crate::console::Console;
use crate::error::CliError;

/// The configuration of a local cluster of that name; builds the components first when they are not built.
pub(crate) async fn local_config(args: &Local, name: String, console: &Console) -> Result<LocalConfig, CliError> {
    if args.bin_dir.is_none() && components::locate(None).is_err() {
        console.say("the upstream components are not built yet; this happens once");
        build(&BuildOptions::from_env()?, console).await?;
    }
    let components = components::locate(args.bin_dir.as_deref())?;
    Ok(LocalConfig::new(name, &components))
}

/// A cluster for a run, and whether it goes with it.
pub(crate) struct ForRun {
    pub(crate) cluster: Cluster,
    pub(crate) throwaway: bool,
}

/// Refuses a cluster from which Flux was removed: a run would wait for what never comes.
pub(crate) async fn with_flux(cluster: &Cluster) -> Result<(), CliError> {
    match cluster.flux().is_installed().await {
        Ok(true) => Ok(()),
        Ok(false) => {
            let reason =
                format!("`{0}` has no Flux: bring it back with `harness flux install --cluster {0}`", cluster.name());
            Err(CliError::Target { reason })
        }
        Err(error) => {
            Err(CliError::Target { reason: format!("cannot ask `{}` for its Flux: {error}", cluster.name()) })
        }
    }
}

/// The cluster that is up under that name, or one of its own for this run.
pub(crate) async fn for_run(args: &Local, run_id: &str, keep: bool, console: &Console) -> Result<ForRun, CliError> {
    let root = local::default_state_root();
    if let Some(cluster) = local::attach(&root, &args.cluster).await? {
        console.say(&format!("running on the cluster `{}` that is up", args.cluster));
        return Ok(ForRun { cluster, throwaway: false });
    }
    if keep {
        // What shall be kept must outlive this process.
        let config = local_config(args, args.cluster.clone(), console).await?;
        console.say(&format!("starting the local cluster `{}`; it stays (--keep) until `harness down`", args.cluster));
        return Ok(ForRun { cluster: local::up(config).await?, throwaway: false });
    }
    let config = local_config(args, format!("run-{run_id}"), console).await?;
    console.say("starting a local cluster for this run");
    Ok(ForRun { cluster: local::throwaway(config).await?, throwaway: true })
}
