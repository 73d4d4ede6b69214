//! `harness flux`: the Flux of a cluster.

mod confirm;
mod show;

use harness_cluster::Cluster;
use harness_cluster::flux::{Installing, Reconciling, Uninstalling};
use harness_cluster::local::{self, Phase};

use crate::args::{Flux, FluxCommand, FluxInstall, FluxOn, FluxReconcile, FluxUninstall, TargetKind};
use crate::console::Console;
use crate::error::CliError;
use crate::exit::{Exit, INTERRUPTED, LEFT, PASS, REGRESSION, TARGET_FAILED};

pub(crate) async fn flux(args: Flux, console: &Console) -> Result<Exit, CliError> {
    match args.command {
        FluxCommand::Install(args) => install(&args, console).await,
        FluxCommand::Status(on) => status(&on, console).await,
        FluxCommand::Reconcile(args) => reconcile(args, console).await,
        FluxCommand::Uninstall(args) => uninstall(&args, console).await,
    }
}

async fn install(args: &FluxInstall, console: &Console) -> Result<Exit, CliError> {
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
        return Ok(TARGET_FAILED);
    }
    Ok(if report.is_well() { PASS } else { REGRESSION })
}

async fn status(on: &FluxOn, console: &Console) -> Result<Exit, CliError> {
    let cluster = attached(on).await?;
    let say = |line: &str| console.say(line);
    let status = cluster.flux_manager(&say).await?.status().await?;
    if console.json() {
        console.json_data(&status)?;
    } else {
        console.data(&show::status(&status, jiff::Timestamp::now()))?;
    }
    Ok(if status.ready { PASS } else { REGRESSION })
}

async fn reconcile(args: FluxReconcile, console: &Console) -> Result<Exit, CliError> {
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
    Ok(if report.is_well() { PASS } else { REGRESSION })
}

async fn uninstall(args: &FluxUninstall, console: &Console) -> Result<Exit, CliError> {
    let cluster = attached(&args.on).await?;
    let say = |line: &str| console.say(line);
    let manager = cluster.flux_manager(&say).await?;
    if !args.dry_run && !args.yes {
        confirm::can_ask("harness flux uninstall")?;
        let would = manager.uninstall(&Uninstalling { dry_run: true, keep_crds: args.keep_crds }).await?;
        let question = show::question(&would, cluster.name());
        if !would.is_empty() && !confirm::asked(&question)? {
            console.say("nothing was changed");
            return Ok(INTERRUPTED);
        }
    }
    let options = Uninstalling { dry_run: args.dry_run, keep_crds: args.keep_crds };
    let report = manager.uninstall(&options).await?;
    if console.json() {
        console.json_data(&report)?;
    } else {
        console.data(&show::uninstalled(&report))?;
    }
    let lost = if report.lost.is_empty() { PASS } else { REGRESSION };
    Ok(if report.left.is_empty() { lost } else { LEFT.worse(lost) })
}

/// The cluster that is meant.
async fn attached(on: &FluxOn) -> Result<Cluster, CliError> {
    match on.target {
        TargetKind::Local => {
            let name = &on.cluster;
            let not_up = || CliError::NotUp { name: name.clone() };
            let cluster = local::attach(&local::default_state_root(), name).await?.ok_or_else(not_up)?;
            match cluster.status().await?.phase {
                // One whose controller has died is there to be repaired.
                Phase::Ready | Phase::Failed => Ok(cluster),
                Phase::Starting => Err(CliError::Target { reason: format!("`{name}` is still starting; try again") }),
                Phase::Stopping => Err(CliError::Target { reason: format!("`{name}` is being taken down") }),
            }
        }
    }
}
