//! The verbs of a plan: what each acts on, how it is carried out, what follows it and how it is undone.
//!
//! A verb has a file with its `act`, its `undo` where something has to be undone, its state and its errors. This one is the only place that
//! knows them all.

mod azure;
mod change;
mod commit;
mod component;
mod delete_node_claims;
mod git_fault;
mod load;
mod publish_image;
mod reconcile;
mod replace;
mod scale;

use std::collections::BTreeSet;
use std::fmt;

use harness_cluster::git::Commit;
use harness_plan::{Action, Component, Plan, Trigger};

use change::Objects;
use load::Loads;
use replace::Replaced;

use super::context::Context;
use super::effects::Effects;
use crate::RunError;
use crate::error::ActionError;
use crate::state::{Effect, Expected};

pub(crate) use azure::start_faults;
pub(crate) use commit::Repository;

/// Carries actions out. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Actions {
    pub(crate) context: Context,
    pub(crate) repository: Repository,
    pub(crate) objects: Objects,
    replaced: Replaced,
    loads: Loads,
    effects: Effects,
}

/// What an action acts on, where the order of two actions matters: a fault that is set and all faults that are cleared at the same
/// moment are two different ends of the same thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Azure,
    Prices,
    Git,
    Component(Component),
    Replicas(String),
    Load(String),
    Object(String),
    Tree,
}

impl Subject {
    /// `None` for an action that waits for no other: it belongs to an open loop, or is the only one of its kind.
    pub(super) fn of(action: &Action) -> Option<Self> {
        match action {
            Action::Scale(scale) => Some(Self::Replicas(scale.workload().to_owned())),
            Action::Commit(_) | Action::Revert(_) | Action::ForcePush(_) => Some(Self::Tree),
            Action::Load(load) => Some(Self::Load(load.workload.clone())),
            Action::AzureFault(_) | Action::ClearAzureFaults(_) => Some(Self::Azure),
            Action::AzurePrice(_) => Some(Self::Prices),
            Action::GitFault(_) | Action::ClearGitFaults(_) => Some(Self::Git),
            Action::KillComponent(it) | Action::StartComponent(it) => Some(Self::Component(*it)),
            Action::Change(change) => Some(Self::Object(change.object().to_owned())),
            Action::Replace(_)
            | Action::DeleteNodeClaims(_)
            | Action::PublishNodeImage(_)
            | Action::UpgradeKubernetes(_)
            | Action::Reconcile(_)
            | Action::PublishImage(_) => None,
        }
    }

    /// Whether the newest of several actions that are due is sent for all of them: it makes those before it superfluous.
    pub(super) fn newest_replaces_others(&self) -> bool {
        matches!(self, Self::Replicas(_))
    }
}

/// What an action has done, as far as the log, conditions and the next action depend on it.
#[derive(Default)]
pub(super) struct Done {
    /// A commit was pushed, of which Flux is notified next. The action's stamps are those of the push alone.
    pub(super) pushed: Option<(Commit, Trigger)>,
    /// What shows only after the answer.
    pub(super) effect: Option<Effect>,
}

impl From<Effect> for Done {
    fn from(effect: Effect) -> Self {
        Self { pushed: None, effect: Some(effect) }
    }
}

/// A step of the cleanup that undoes actions, in the order of the cleanup.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Undo {
    /// First: the other steps may need the component.
    StartComponent(Component),
    ClearAzureFaults,
    ClearGitFault,
    ClearLoads,
    /// Before the tree is restored: a Kustomization may be suspended, or an object excluded from what Flux manages.
    RestoreObjects,
    ResetPrices,
    ResetKubernetes,
}

impl Undo {
    /// What the cleanup after a plan undoes, in order.
    pub(crate) fn of_plan(plan: &Plan) -> BTreeSet<Self> {
        let undos = plan.actions().filter_map(|planned| Self::of(&planned.action));
        // The behaviour that a plan sets before its first phase may have faults too.
        undos.chain([Self::ClearAzureFaults]).collect()
    }

    /// `None` for an action without an effect that outlasts the run's namespace, tree and nodes.
    fn of(action: &Action) -> Option<Self> {
        match action {
            Action::KillComponent(component) => Some(Self::StartComponent(*component)),
            Action::AzureFault(_) => Some(Self::ClearAzureFaults),
            Action::GitFault(_) => Some(Self::ClearGitFault),
            Action::Load(_) => Some(Self::ClearLoads),
            Action::Change(_) => Some(Self::RestoreObjects),
            Action::AzurePrice(_) => Some(Self::ResetPrices),
            Action::UpgradeKubernetes(_) => Some(Self::ResetKubernetes),
            Action::Scale(_)
            | Action::Replace(_)
            | Action::DeleteNodeClaims(_)
            | Action::Commit(_)
            | Action::Revert(_)
            | Action::ForcePush(_)
            | Action::StartComponent(_)
            | Action::ClearAzureFaults(_)
            | Action::ClearGitFaults(_)
            // Azure cannot unpublish a node image, and images in the run's own part of the registry do no harm.
            | Action::PublishNodeImage(_)
            | Action::PublishImage(_)
            | Action::Reconcile(_) => None,
        }
    }

    /// Whether it waits until the run's nodes are deleted: another version of Kubernetes, or another price, would make Karpenter replace them.
    pub(crate) fn follows_nodes(&self) -> bool {
        matches!(self, Self::ResetPrices | Self::ResetKubernetes)
    }
}

/// As a verb with its object.
impl fmt::Display for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartComponent(name) => write!(f, "start {name} again"),
            Self::ClearAzureFaults => f.write_str("clear the faults of the simulated Azure"),
            Self::ClearGitFault => f.write_str("end the fault of the Git server"),
            Self::ClearLoads => f.write_str("clear the metrics"),
            Self::RestoreObjects => f.write_str("undo the changes of objects"),
            Self::ResetPrices => f.write_str("reset Azure's prices"),
            Self::ResetKubernetes => f.write_str("reset the control plane to its version"),
        }
    }
}

impl Actions {
    /// Before the first action.
    pub(crate) fn new(context: Context, repository: Repository) -> Self {
        let (replaced, loads, objects) = (Replaced::default(), Loads::default(), Objects::default());
        Self { context, repository, objects, replaced, loads, effects: Effects::default() }
    }

    /// Carries one action out.
    pub(super) async fn act(&self, action: &Action) -> Result<Done, ActionError> {
        let context = &self.context;
        let repository = &self.repository;
        match action {
            Action::Scale(scale) => return scale::act(scale, context).await,
            Action::Replace(replace) => return Ok(replace::act(replace, &self.replaced, context).await?.into()),
            Action::DeleteNodeClaims(asked) => return Ok(delete_node_claims::act(asked, context).await?.into()),
            Action::Commit(planned) => return commit::commit(planned, repository, context).await,
            Action::Revert(_) => return commit::revert(repository, context).await,
            Action::ForcePush(planned) => return commit::force_push(planned, repository, context).await,
            Action::Load(load) => return load::act(load, &self.loads, context).await,
            Action::PublishNodeImage(_) => return azure::publish_node_image(context).await,
            Action::UpgradeKubernetes(_) => return azure::upgrade_kubernetes(context).await,
            Action::AzureFault(asked) => return azure::add_fault(asked, context).await,
            Action::AzurePrice(price) => return azure::set_price(price, context).await,
            Action::ClearAzureFaults(asked) => azure::clear_faults(asked, context).await?,
            Action::KillComponent(name) => component::kill(*name, context).await?,
            Action::StartComponent(name) => component::start(*name, context).await?,
            Action::Change(change) => return change::act(change, &self.objects, context).await,
            Action::Reconcile(_) => reconcile::act(context).await?,
            Action::PublishImage(image) => publish_image::act(image, context).await?,
            Action::GitFault(fault) => git_fault::act(*fault, context).await?,
            Action::ClearGitFaults(_) => git_fault::undo(context).await?,
        }
        Ok(Done::default())
    }

    /// What follows an action that succeeded, before the next one on the same subject is sent.
    pub(super) async fn follow_up(&self, done: Done, planned: (u32, &Action), sent_us: u64, phase: &str) {
        let hub = &self.context.hub;
        if let Some(effect) = done.effect {
            let (id, action) = planned;
            // The next change of an object is compared with this one, and must not be seen together with it.
            let is_change = matches!(effect, Effect::Change { .. });
            self.effects.expect(Expected::new(id, action.to_string(), effect, sent_us), hub);
            if is_change {
                hub.wait_until(|state| state.expected(id).is_none()).await;
            }
        }
        if let Some((commit, trigger)) = done.pushed {
            commit::notify_flux(&trigger, &commit.sha, phase, &self.context).await;
        }
    }

    /// Undoes what actions of one kind did. Returns what could not be undone.
    pub(crate) async fn undo(&self, undo: &Undo) -> Vec<RunError> {
        let context = &self.context;
        let undone = match undo {
            Undo::StartComponent(component) => component::undo(*component, context).await,
            Undo::ClearAzureFaults => azure::undo_faults(context).await,
            Undo::ClearGitFault => git_fault::undo(context).await,
            Undo::ClearLoads => load::undo(context).await,
            Undo::RestoreObjects => return change::undo(&self.objects, context).await,
            Undo::ResetPrices => azure::undo_prices(context).await,
            Undo::ResetKubernetes => azure::undo_upgrade(context).await,
        };
        undone.map_err(RunError::failed(undo.to_string())).err().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use harness_plan::{ClearAzureFaults, Load, Nothing, Replace, Scale};
    use harness_simulation::GitFault;
    use serde_json::json;

    use super::*;

    #[test]
    fn opposite_ends_of_one_thing_are_one_subject() {
        let kill = Subject::of(&Action::KillComponent(Component::Karpenter));
        let start = Subject::of(&Action::StartComponent(Component::Karpenter));
        assert_eq!(kill, start);
        assert_ne!(start, Subject::of(&Action::StartComponent(Component::Etcd)), "one does not wait for the other");
        let clear_azure = Subject::of(&Action::ClearAzureFaults(ClearAzureFaults::default()));
        assert!(clear_azure.is_some() && clear_azure != kill);
        let git = Subject::of(&Action::GitFault(GitFault::Unavailable));
        assert_eq!(git, Subject::of(&Action::ClearGitFaults(Nothing {})));
        assert_ne!(git, clear_azure);
        let load =
            |workload: &str| Subject::of(&Action::Load(Load { workload: workload.to_owned(), ..Load::default() }));
        assert_eq!(load("web"), load("web"));
        assert_ne!(load("web"), load("cache"));
        let change = |what: serde_json::Value| {
            let mut change = json!({"object": "pool"});
            change.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
            Subject::of(&Action::Change(serde_json::from_value(change).unwrap()))
        };
        let patch = json!({"patch": {"metadata": {"annotations": {"a": "b"}}}});
        assert_eq!(change(patch), change(json!({"delete": true})));
        assert_eq!(Subject::of(&Action::Revert(Nothing {})), Some(Subject::Tree));
        assert_eq!(Subject::of(&Action::Replace(Replace::one("web"))), None, "an open loop");
    }

    #[test]
    fn only_replicas_are_replaced_by_newer_ones() {
        let scale = Subject::of(&Action::Scale(Scale::step("web", 0, 1)));
        assert!(scale.is_some_and(|subject| subject.newest_replaces_others()));
        assert!(!Subject::Tree.newest_replaces_others(), "each commit is a push of its own");
    }

    #[test]
    fn a_cleanup_starts_components_first_and_undoes_each_thing_once() {
        let actions = [
            json!({"change": {"object": "pool", "delete": true}}),
            json!({"upgradeKubernetes": {}}),
            json!({"azurePrice": {"ofListPrice": 120}}),
            json!({"gitFault": "unavailable"}),
            json!({"killComponent": "etcd"}),
            json!({"killComponent": "etcd"}),
            json!({"scale": {"workloads": ["web"], "to": 1}}),
        ];
        let actions: Vec<_> = actions.iter().map(|action| json!({"id": 0, "atUs": 0, "action": action})).collect();
        let plan = serde_json::from_value(json!({
            "version": 2, "scenario": "s", "question": "q", "profile": "default", "seed": 1, "parameters": {},
            "needs": [], "azure": {"quotaCores": {}, "faults": []},
            "nodeConfig": {"source": "t", "sha256": "", "classes": []}, "workloads": [],
            "phases": [{"name": "p", "actions": actions}], "expectations": [],
        }));
        let steps: Vec<Undo> = Undo::of_plan(&plan.unwrap()).into_iter().collect();
        let expected = [
            Undo::StartComponent(Component::Etcd),
            Undo::ClearAzureFaults,
            Undo::ClearGitFault,
            Undo::RestoreObjects,
            Undo::ResetPrices,
            Undo::ResetKubernetes,
        ];
        assert_eq!(steps, expected);
    }
}
