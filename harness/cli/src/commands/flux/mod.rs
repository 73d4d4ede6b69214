//! `harness flux`: the Flux of a cluster.

mod confirm;
mod show;

use harness_cluster::Cluster;
use harness_cluster::flux::{Installing, Reconciling, Uninstalling};
use harness_cluster::local::Phase;
use harness_suite::ExitCode;

use crate::args::{Flux, FluxCommand, FluxInstall, FluxOn, FluxReconcile, FluxUninstall};
use crate::console::Console;
use crate::error::CliError;

pub(super) async fn flux(args: Flux, console: &Console) -> Result<ExitCode, CliError> {
    match args.command {
        FluxCommand::Install(args) => install(&args, console).await,
        FluxCommand::Status(on) => status(&on, console).await,
        FluxCommand::Reconcile(args) => reconcile(args, console).await,
        FluxCommand::Uninstall(args) => uninstall(&args, console).await,
    }
}

async fn install(args: &FluxInstall, console: &Console) -> Result<ExitCode, CliError> {
    let cluster = attached(&args.on).await?;
    let say = |line: &str| console.say(line);
    let options = Installing { dry_run: args.dry_run, limit: args.timeout.as_duration() };
    let report = cluster.flux_manager(&say).await?.install(&options).await?;
    if console.json() {
        console.json_data(&report)?;
    } else {
        console.data(&show::installed(&report, console))?;
    }
    if report.is_refused() {
        console.error("Flux was not installed: a check before it failed, and nothing was changed");
        return Ok(ExitCode::TargetFailed);
    }
    Ok(if report.is_well() { ExitCode::Passed } else { ExitCode::Failed })
}

async fn status(on: &FluxOn, console: &Console) -> Result<ExitCode, CliError> {
    let cluster = attached(on).await?;
    let say = |line: &str| console.say(line);
    let status = cluster.flux_manager(&say).await?.status().await?;
    if console.json() {
        console.json_data(&status)?;
    } else {
        console.data(&show::status(&status, jiff::Timestamp::now()))?;
    }
    Ok(if status.ready { ExitCode::Passed } else { ExitCode::Failed })
}

async fn reconcile(args: FluxReconcile, console: &Console) -> Result<ExitCode, CliError> {
    let cluster = attached(&args.on).await?;
    let say = |line: &str| console.say(line);
    let options =
        Reconciling { names: args.names, with_sources: !args.without_source, limit: args.timeout.as_duration() };
    let report = cluster.flux_manager(&say).await?.reconcile(&options).await?;
    if console.json() {
        console.json_data(&report)?;
    } else {
        console.data(&show::reconciled(&report))?;
    }
    Ok(if report.is_well() { ExitCode::Passed } else { ExitCode::Failed })
}

async fn uninstall(args: &FluxUninstall, console: &Console) -> Result<ExitCode, CliError> {
    let cluster = attached(&args.on).await?;
    let say = |line: &str| console.say(line);
    let manager = cluster.flux_manager(&say).await?;
    if !args.dry_run && !args.yes {
        confirm::check_terminal("harness flux uninstall")?;
        let would = manager.uninstall(&Uninstalling { dry_run: true, keep_crds: args.keep_crds }).await?;
        let question = show::question(&would, cluster.name());
        if !would.is_empty() && !confirm::ask(&question)? {
            console.say("nothing was changed");
            return Ok(ExitCode::Interrupted);
        }
    }
    let options = Uninstalling { dry_run: args.dry_run, keep_crds: args.keep_crds };
    let report = manager.uninstall(&options).await?;
    if console.json() {
        console.json_data(&report)?;
    } else {
        console.data(&show::uninstalled(&report))?;
    }
    Ok(match (report.left.is_empty(), report.lost.is_empty()) {
        (false, _) => ExitCode::LeftBehind,
        (true, false) => ExitCode::Failed,
        (true, true) => ExitCode::Passed,
    })
}

/// Attaches to the cluster that is meant.
async fn attached(on: &FluxOn) -> Result<Cluster, CliError> {
    let cluster = harness_suite::attach(&on.cluster).await?;
    let name = on.cluster.clone();
    match cluster.status().await?.phase {
        // A cluster whose controller has died can be repaired.
        Phase::Ready | Phase::Failed => Ok(cluster),
        Phase::Starting => Err(CliError::ClusterStarting { name }),
        Phase::Stopping => Err(CliError::ClusterStopping { name }),
    }
}
