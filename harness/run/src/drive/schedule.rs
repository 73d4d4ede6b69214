//! A phase's actions, each at its time.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use harness_cluster::Cluster;
use harness_record::EventKind;
use harness_record::event::{ActionKind, ActionStamps};
use harness_scenario::plan::{Action, Phase, PlannedAction};
use kube::Client;
use kube::api::Api;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use super::scale::{self, Scaling};
use super::{azure, components};
use crate::hub::Hub;
use crate::labels;

/// What actions are carried out with.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) client: Client,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) run_id: String,
    /// Whether the cluster goes with the run.
    pub(crate) throwaway: bool,
    pub(crate) hub: Hub,
}

/// The running drivers of a phase. Dropping it stops what has not been sent.
pub(crate) struct Driver {
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Driver {
    /// Starts to send the phase's actions; their times count from `began_us`.
    pub(crate) fn start(phase: &Phase, began_us: u64, tools: &Tools) -> Self {
        let mut scalings: BTreeMap<&str, Vec<Scaling>> = BTreeMap::new();
        let mut tasks = Vec::new();
        for PlannedAction { id, at_us, action } in &phase.actions {
            let intended_us = began_us + at_us;
            if let Action::Scale { workload, from, to } = action {
                let scaling = Scaling { id: *id, intended_us, from: *from, to: *to };
                scalings.entry(workload).or_default().push(scaling);
            } else {
                let other = other(*id, phase.name.clone(), intended_us, action.clone(), tools.clone());
                tasks.push(tokio::spawn(other));
            }
        }
        for (workload, actions) in scalings {
            let deployments = Api::namespaced(tools.client.clone(), &labels::namespace(&tools.run_id));
            let driving =
                scale::drive(deployments, workload.to_owned(), phase.name.clone(), actions, tools.hub.clone());
            tasks.push(tokio::spawn(driving));
        }
        Self { tasks }
    }

    /// Waits until every action was sent and answered.
    pub(crate) async fn finished(&mut self) {
        join_all(self.tasks.iter_mut()).await;
        self.tasks.clear();
    }
}

/// An action that stands alone.
async fn other(id: u32, phase: String, intended_us: u64, action: Action, tools: Tools) {
    let hub = &tools.hub;
    sleep_until(hub.clock.instant(intended_us).into()).await;
    let sent_us = hub.clock.now_us();
    let outcome = act(&action, &tools).await;
    let acked_us = hub.clock.now_us();
    hub.record_at(
        acked_us,
        EventKind::Action(ActionStamps {
            id: Some(id),
            phase,
            what: ActionKind::Other(name(&action)),
            intended_us,
            sent_us: Some(sent_us),
            acked_us: outcome.is_ok().then_some(acked_us),
            error: outcome.err(),
        }),
    );
}

async fn act(action: &Action, tools: &Tools) -> Result<(), String> {
    let simulated = || tools.cluster.azure().ok_or("this target's Azure is not simulated");
    match action {
        Action::AzureFault(planned) => {
            simulated()?.add_fault(&azure::fault(planned)).await.map(drop).map_err(|error| error.to_string())
        }
        Action::ClearAzureFaults => clear_faults(&simulated()?).await,
        action => components::act(&tools.cluster, action).await,
    }
}

/// Ends every fault; one that has ended by itself meanwhile is no error.
pub(crate) async fn clear_faults(azure: &harness_azure::control::Client) -> Result<(), String> {
    for state in azure.faults().await.map_err(|error| error.to_string())? {
        match azure.remove_fault(&state.fault.id).await {
            Ok(()) | Err(harness_azure::control::ControlError::Refused { status: 404, .. }) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}

fn name(action: &Action) -> String {
    match action {
        Action::Scale { workload, to, .. } => format!("scale {workload} to {to}"),
        Action::AzureFault(fault) => azure::name(fault),
        Action::ClearAzureFaults => "clear azure faults".to_owned(),
        Action::KillComponent { component } => format!("kill {component}"),
        Action::StartComponent { component } => format!("start {component}"),
    }
}
