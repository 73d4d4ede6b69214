//! The simulated Azure: its faults, its node images and its versions of Kubernetes.

use std::collections::BTreeSet;

use harness_azure::control::{Client, ControlError};
use harness_simulation::{Fault, FaultKind};
use harness_units::Span;

use super::Done;
use crate::drive::context::Context;
use crate::error::ActionError;
use crate::state::{Effect, Loss};

/// Sets a fault.
pub(super) async fn add_fault(fault: &Fault, context: &Context) -> Result<Done, ActionError> {
    context.simulated_azure()?.add_fault(fault).await?;
    let effect = loss(&fault.kind).map(Effect::Loss);
    Ok(Done { pushed: None, effect })
}

/// What a fault takes away from running VMs.
fn loss(fault: &FaultKind) -> Option<Loss> {
    match fault {
        FaultKind::VmCrash { .. } => Some(Loss::Crash),
        FaultKind::SpotEvict { notice, .. } if *notice > Span::ZERO => Some(Loss::Notice),
        FaultKind::SpotEvict { .. } => Some(Loss::Eviction),
        // Its Node stays Ready; what follows is Karpenter's.
        FaultKind::NodeCondition { .. } => None,
        FaultKind::NoCapacity { .. }
        | FaultKind::Quota { .. }
        | FaultKind::Throttle { .. }
        | FaultKind::SlowBoot { .. }
        | FaultKind::SlowDelete { .. }
        | FaultKind::StuckBoot { .. }
        | FaultKind::NeverRegister { .. }
        | FaultKind::ArmOutage { .. }
        | FaultKind::OperationFail { .. } => None,
    }
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
pub(super) async fn publish_node_image(context: &Context) -> Result<Done, ActionError> {
    context.simulated_azure()?;
    let effect = drift(context);
    context.cluster.publish_node_image().await?;
    Ok(Done { pushed: None, effect })
}

/// Upgrades the control plane to its next patch version.
pub(super) async fn upgrade_kubernetes(context: &Context) -> Result<Done, ActionError> {
    context.simulated_azure()?;
    let effect = drift(context);
    context.cluster.upgrade_kubernetes().await?;
    Ok(Done { pushed: None, effect })
}

/// The drift of the NodeClaims that there are; `None` where there is none.
fn drift(context: &Context) -> Option<Effect> {
    let uids: BTreeSet<String> = context.hub.read(|state| state.nodeclaim_uids().map(str::to_owned).collect());
    (!uids.is_empty()).then_some(Effect::Drift { uids })
}

/// Resets the control plane to the version of the start on a cluster that stays, where the next run starts with it.
pub(super) async fn undo_upgrade(context: &Context) -> Result<(), ActionError> {
    if !context.throwaway {
        context.cluster.reset_kubernetes().await?;
    }
    Ok(())
}
