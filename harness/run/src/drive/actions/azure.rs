//! The simulated Azure: its faults, its node images and its versions of Kubernetes.

use harness_azure::control::{Client, ControlError};
use harness_plan::{AzureFault, ClearAzureFaults};

use crate::drive::context::Context;
use crate::error::ActionError;

#[derive(Debug, thiserror::Error)]
pub(super) enum AimError {
    #[error(
        "no node has a Ready pod of {0}, so the fault has no VM to act on; let the phase before it wait for its pods"
    )]
    NoNodes(String),
}

/// Sets a fault.
pub(super) async fn add_fault(asked: &AzureFault, context: &Context) -> Result<(), ActionError> {
    let azure = context.simulated_azure()?;
    let mut fault = asked.fault.clone();
    if let (Some(workload), Some(only)) = (&asked.workload, fault.kind.only_mut()) {
        // A VM has the name of its Node.
        only.vms = context.hub.read(|state| state.nodes_of(workload));
        if only.vms.is_empty() {
            return Err(AimError::NoNodes(workload.clone()).into());
        }
    }
    azure.add_fault(&fault).await?;
    Ok(())
}

/// Ends one fault, or every fault.
pub(super) async fn clear_faults(asked: &ClearAzureFaults, context: &Context) -> Result<(), ActionError> {
    let azure = context.simulated_azure()?;
    match &asked.id {
        Some(id) => remove(&azure, id).await?,
        None => clear(&azure).await?,
    }
    Ok(())
}

/// Ends every fault, where Azure is simulated.
pub(super) async fn undo_faults(context: &Context) -> Result<(), ActionError> {
    match context.cluster.azure() {
        Some(azure) => Ok(clear(&azure).await?),
        None => Ok(()),
    }
}

async fn clear(azure: &Client) -> Result<(), ControlError> {
    for state in azure.faults().await? {
        remove(azure, &state.fault.terms.id).await?;
    }
    Ok(())
}

async fn remove(azure: &Client, id: &str) -> Result<(), ControlError> {
    match azure.remove_fault(id).await {
        // It has ended by itself meanwhile.
        Err(ControlError::Refused { status: 404, .. }) => Ok(()),
        outcome => outcome,
    }
}

/// Publishes a new version of every node image.
pub(super) async fn publish_node_image(context: &Context) -> Result<(), ActionError> {
    context.simulated_azure()?;
    context.cluster.publish_node_image().await?;
    Ok(())
}

/// Upgrades the control plane to its next patch version.
pub(super) async fn upgrade_kubernetes(context: &Context) -> Result<(), ActionError> {
    context.simulated_azure()?;
    context.cluster.upgrade_kubernetes().await?;
    Ok(())
}

/// Resets the control plane to the version of the start on a cluster that stays, where the next run starts with it.
pub(super) async fn undo_upgrade(context: &Context) -> Result<(), ActionError> {
    if !context.throwaway {
        context.cluster.reset_kubernetes().await?;
    }
    Ok(())
}
