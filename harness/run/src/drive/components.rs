//! Killing and starting the target's own processes.

use harness_cluster::Cluster;
use harness_scenario::plan::Action;

/// Carries out an action on a component. The error is in words, for the log.
pub(super) async fn act(cluster: &Cluster, action: &Action) -> Result<(), String> {
    let outcome = match action {
        Action::KillComponent { component } => cluster.kill(component).await,
        Action::StartComponent { component } => cluster.restart(component).await,
        Action::Scale { .. } | Action::AzureFault(_) | Action::ClearAzureFaults => Ok(()),
    };
    outcome.map_err(|error| error.to_string())
}
