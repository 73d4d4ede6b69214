//! A phase's actions, each at its time.

use std::collections::BTreeMap;

use futures::future::join_all;
use harness_plan::{Action, Phase, PlannedAction, PublishImage, Trigger};
use harness_record::EventKind;
use harness_record::event::{ActionKind, ActionStamps};
use kube::api::Api;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use super::commit::{self, Change, What};
use super::scale::{self, Scaling};
use super::{Tools, azure, change, components, git, load, reconcile, replace};
use crate::labels;

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
        let mut changes = Vec::new();
        let mut in_turn: BTreeMap<Subject, Vec<PlannedAction>> = BTreeMap::new();
        let mut tasks = Vec::new();
        for PlannedAction { id, at_us, action } in &phase.actions {
            let (id, intended_us) = (*id, began_us + at_us);
            match action {
                Action::Scale(scale) => {
                    scalings.entry(scale.workload()).or_default().push(Scaling { id, intended_us, to: scale.to });
                }
                Action::Commit(commit) => {
                    let what = What::Commit(commit.edits.clone(), commit.message.clone().unwrap_or_default());
                    changes.push(Change { id, intended_us, what, trigger: commit.trigger.clone() });
                }
                Action::Revert(_) => {
                    let trigger = Trigger::default();
                    changes.push(Change { id, intended_us, what: What::Revert, trigger });
                }
                Action::ForcePush(push) => {
                    let (back, edits) = (push.back, push.edits.clone());
                    let what = What::ForcePush { back, edits, message: push.message.clone().unwrap_or_default() };
                    changes.push(Change { id, intended_us, what, trigger: Trigger::default() });
                }
                action => {
                    let due = PlannedAction { id, at_us: intended_us, action: action.clone() };
                    match subject(action) {
                        Some(subject) => in_turn.entry(subject).or_default().push(due),
                        None => tasks.push(tokio::spawn(one_by_one(vec![due], phase.name.clone(), tools.clone()))),
                    }
                }
            }
        }
        for actions in in_turn.into_values() {
            tasks.push(tokio::spawn(one_by_one(actions, phase.name.clone(), tools.clone())));
        }
        for (workload, actions) in scalings {
            let deployments = Api::namespaced(tools.client.clone(), &labels::namespace(&tools.run_id));
            let driving =
                scale::drive(deployments, workload.to_owned(), phase.name.clone(), actions, tools.hub.clone());
            tasks.push(tokio::spawn(driving));
        }
        if !changes.is_empty() {
            tasks.push(tokio::spawn(commit::drive(changes, phase.name.clone(), tools.clone())));
        }
        Self { tasks }
    }

    /// Waits until every action was sent and answered.
    pub(crate) async fn finished(&mut self) {
        join_all(self.tasks.iter_mut()).await;
        self.tasks.clear();
    }

    /// Whether every action was sent and answered.
    pub(crate) fn is_finished(&self) -> bool {
        self.tasks.iter().all(JoinHandle::is_finished)
    }
}

/// What an action acts on, where the order of two actions matters: a fault that is set and all faults that are cleared at the same
/// moment are two different ends of the same thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Azure,
    Git,
    Component(String),
    Workload(String),
    Object(String),
}

fn subject(action: &Action) -> Option<Subject> {
    match action {
        Action::AzureFault(_) | Action::ClearAzureFaults(_) => Some(Subject::Azure),
        Action::GitFault(_) | Action::ClearGitFaults(_) => Some(Subject::Git),
        Action::KillComponent(component) | Action::StartComponent(component) => {
            Some(Subject::Component(component.clone()))
        }
        Action::Load(load) => Some(Subject::Workload(load.workload.clone())),
        Action::Change(change) => Some(Subject::Object(change.object().to_owned())),
        // Each is a thing of its own: an open loop, or the only one of its kind.
        _ => None,
    }
}

/// Actions in their order, none before its time; `at_us` counts from the begin of the run here.
async fn one_by_one(actions: Vec<PlannedAction>, phase: String, tools: Tools) {
    for PlannedAction { id, at_us, action } in actions {
        send(id, phase.clone(), at_us, action, &tools).await;
    }
}

async fn send(id: u32, phase: String, intended_us: u64, action: Action, tools: &Tools) {
    let hub = &tools.hub;
    sleep_until(hub.clock.instant(intended_us)).await;
    let sent_us = hub.clock.now_us();
    let outcome = act(&action, tools).await;
    let acked_us = hub.clock.now_us();
    let made = outcome.is_ok();
    hub.record_at(
        acked_us,
        EventKind::Action(ActionStamps {
            what: ActionKind::Planned(id),
            phase,
            intended_us,
            sent_us: Some(sent_us),
            acked_us: made.then_some(acked_us),
            error: outcome.err(),
        }),
    );
    if let Action::Change(planned) = &action
        && made
    {
        change::seen(planned, sent_us, tools).await;
    }
}

async fn act(action: &Action, tools: &Tools) -> Result<(), String> {
    let simulated = || tools.cluster.azure().ok_or("this target's Azure is not simulated");
    match action {
        Action::Replace(replace) => replace::replace(replace.workload(), tools).await,
        Action::Load(planned) => load::set(planned, tools).await,
        Action::PublishNodeImage(_) => {
            simulated()?;
            tools.cluster.publish_node_image().await.map(drop).map_err(|error| error.to_string())
        }
        Action::UpgradeKubernetes(_) => {
            simulated()?;
            tools.cluster.upgrade_kubernetes().await.map(drop).map_err(|error| error.to_string())
        }
        Action::AzureFault(planned) => {
            simulated()?.add_fault(planned).await.map(drop).map_err(|error| error.to_string())
        }
        Action::ClearAzureFaults(_) => azure::clear_faults(&simulated()?).await,
        Action::Change(planned) => change::make(planned, tools).await,
        Action::KillComponent(component) => components::kill(&tools.cluster, component).await,
        Action::StartComponent(component) => components::start(&tools.cluster, component).await,
        Action::Reconcile(_) => reconcile::reconcile(&tools.cluster.flux()).await,
        Action::PublishImage(PublishImage { image, tag }) => {
            // On a cluster that stays, the images of an earlier run stay too.
            let image = format!("{}/{image}", labels::namespace(&tools.run_id));
            tools.cluster.publish_image(&image, tag).await.map(drop).map_err(|error| error.to_string())
        }
        Action::GitFault(planned) => git::set(&tools.cluster, *planned).await,
        Action::ClearGitFaults(_) => git::clear(&tools.cluster).await,
        Action::Scale(_) | Action::Commit(_) | Action::Revert(_) | Action::ForcePush(_) => {
            Err("this action has a driver of its own".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use harness_plan::{Load, Nothing, Replace};
    use harness_simulation::GitFault;

    use super::*;

    #[test]
    fn opposite_ends_of_one_thing_go_in_turn() {
        let kill = Action::KillComponent("karpenter".to_owned());
        let start = Action::StartComponent("karpenter".to_owned());
        let other = Action::StartComponent("etcd".to_owned());
        assert_eq!(subject(&kill), subject(&start));
        assert_ne!(subject(&start), subject(&other), "nobody waits for another thing");
        assert!(subject(&Action::ClearAzureFaults(Nothing {})).is_some_and(|it| Some(it) != subject(&kill)));
        let git = Action::GitFault(GitFault::Unavailable);
        assert_eq!(subject(&git), subject(&Action::ClearGitFaults(Nothing {})));
        assert_ne!(subject(&git), subject(&Action::ClearAzureFaults(Nothing {})));
        let load = |workload: &str| {
            let workload = workload.to_owned();
            let (pod_metrics, external_metrics) = (BTreeMap::new(), BTreeMap::new());
            Action::Load(Load { workload, cpu: None, memory: None, pod_metrics, external_metrics })
        };
        assert_eq!(subject(&load("web")), subject(&load("web")));
        assert_ne!(subject(&load("web")), subject(&load("cache")));
        let change = |what: serde_json::Value| {
            let mut change = serde_json::json!({"object": "pool"});
            change.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
            Action::Change(serde_json::from_value(change).unwrap())
        };
        let patch = serde_json::json!({"patch": {"metadata": {"annotations": {"a": "b"}}}});
        assert_eq!(subject(&change(patch)), subject(&change(serde_json::json!({"delete": true}))));
        assert_eq!(subject(&Action::Replace(Replace::one("web"))), None, "an open loop");
    }
}
