//! The simulated Azure: its faults, its node images and its versions of Kubernetes.

use harness_azure::control::{Client, ControlError};
use harness_simulation::Fault;

use crate::drive::context::Context;
use crate::error::ActionError;

/// Sets a fault.
pub(super) async fn add_fault(fault: &Fault, context: &Context) -> Result<(), ActionError> {
    context.simulated_azure()?.add_fault(fault).await?;
    Ok(())
}

/// Ends every fault.
pub(super) async fn clear_faults(context: &Context) -> Result<(), ActionError> {
    Ok(clear(&context.simulated_azure()?).await?)
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
        match azure.remove_fault(&state.fault.id).await {
            // It has ended by itself meanwhile.
            Ok(()) | Err(ControlError::Refused { status: 404, .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
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
