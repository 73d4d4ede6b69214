//! The simulated Azure: its faults, its prices, its node images and its versions of Kubernetes.

use std::collections::BTreeSet;

use harness_azure::control::{Client, ControlError};
use harness_plan::{AzureFault, ClearAzureFaults, Plan};
use harness_simulation::{AzurePrice, Fault, FaultKind};
use harness_units::Span;

use super::Done;
use crate::RunError;
use crate::drive::context::Context;
use crate::error::ActionError;
use crate::state::{Effect, Loss};

#[derive(Debug, thiserror::Error)]
pub(super) enum AimError {
    #[error(
        "no node has a Ready pod of {0}, so the fault has no VM to act on; let the phase before it wait for its pods"
    )]
    NoNodes(String),
    #[error(
        "none of the VMs that it means is the run's, and the others are not touched; let the phase before it wait for nodes"
    )]
    NoVmOfTheRun,
}

/// Sets a fault.
pub(super) async fn add_fault(asked: &AzureFault, context: &Context) -> Result<Done, ActionError> {
    let azure = context.simulated_azure()?;
    let mut fault = asked.fault.clone();
    if let (Some(workload), Some(only)) = (&asked.workload, fault.kind.only_mut()) {
        // A VM has the name of its Node.
        only.vms = context.hub.read(|state| state.nodes_of(workload));
        if only.vms.is_empty() {
            return Err(AimError::NoNodes(workload.clone()).into());
        }
    }
    keep_off_others(&mut fault, &azure, context).await?;
    azure.add_fault(&fault).await?;
    let effect = loss(&fault.kind).map(Effect::Loss);
    Ok(Done { pushed: None, effect })
}

/// Starts the faults of the simulated Azure's behaviour, in their order; how long one lasts counts from here.
pub(crate) async fn start_faults(plan: &Plan, context: &Context) -> Result<(), RunError> {
    if context.cluster.azure().is_none() {
        return Ok(());
    }
    for fault in &plan.azure.faults {
        let doing = format!("start the fault {} of the simulated Azure", fault.kind.as_str());
        add_fault(&AzureFault::from(fault.clone()), context).await.map_err(RunError::failed(doing))?;
    }
    Ok(())
}

/// Aims a fault that acts once at the run's own VMs, where there are others. One that lasts meets whatever VM comes.
async fn keep_off_others(fault: &mut Fault, azure: &Client, context: &Context) -> Result<(), ActionError> {
    let is_instant = fault.kind.is_instant();
    let (Some(only), Some(others)) = (fault.kind.only_mut().filter(|_| is_instant), context.others()) else {
        return Ok(());
    };
    if let Some(own) = others.own_vms(azure).await? {
        only.vms = match only.vms.is_empty() {
            true => own,
            false => std::mem::take(&mut only.vms).into_iter().filter(|vm| own.contains(vm)).collect(),
        };
        if only.vms.is_empty() {
            return Err(AimError::NoVmOfTheRun.into());
        }
    }
    Ok(())
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
        | FaultKind::OperationFail { .. }
        | FaultKind::SubnetFull { .. }
        | FaultKind::FalseFailure { .. }
        | FaultKind::NewerVersion { .. }
        | FaultKind::StaleList { .. }
        | FaultKind::BadAnswer { .. }
        // A zone may have no VM.
        | FaultKind::ZoneOutage { .. }
        | FaultKind::ClusterOperationFail { .. } => None,
    }
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
    let upgraded = context.cluster.upgrade_kubernetes().await?;
    // One that Azure lets fail is carried out all the same, and no node drifts.
    Ok(Done { pushed: None, effect: upgraded.and(effect) })
}

/// Sets what VMs cost from now on.
pub(super) async fn set_price(price: &AzurePrice, context: &Context) -> Result<Done, ActionError> {
    context.simulated_azure()?;
    let is_read = context.cluster.set_azure_price(price).await?;
    Ok(Done { pushed: None, effect: is_read.then_some(Effect::PricesRead) })
}

/// Puts the prices back on a cluster that stays, where the next run starts with them.
pub(super) async fn undo_prices(context: &Context) -> Result<(), ActionError> {
    if !context.throwaway {
        context.cluster.reset_azure_prices().await?;
    }
    Ok(())
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
