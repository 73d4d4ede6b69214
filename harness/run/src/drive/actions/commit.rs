//! Changing the tree: commits, reverts and force-pushes. The cleanup restores the original tree; nothing else has to be undone.

use std::collections::BTreeSet;
use std::sync::Arc;

use harness_cluster::HealthCheck;
use harness_cluster::git::{Commit as Pushed, GitRemote};
use harness_plan::{Action, Commit, ForcePush, ObjectAddress, Plan, Trigger};
use harness_record::event::ActionKind;
use harness_tree::{Placeholders, SourceFile, read_tree};
use tokio::sync::{Mutex, MutexGuard};

use super::Done;
use crate::drive::context::Context;
use crate::error::{ActionError, describe};
use crate::state::Effect;
use crate::tree::{TreeError, WorkingTree};
use crate::{RunError, labels};

/// The tree and the NodePools whose health Flux waits for. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Repository {
    tree: Arc<Mutex<WorkingTree>>,
    checked: Arc<Mutex<BTreeSet<String>>>,
    /// The Kustomizations that apply parts of the tree, besides the root.
    layers: Arc<[String]>,
}

impl Repository {
    /// The tree before its first push. Flux waits for the health of the plan's NodePools.
    pub(crate) fn new(tree: WorkingTree, plan: &Plan) -> Self {
        let checked = plan.node_config.classes.iter().map(|class| class.name.clone()).collect();
        let layers = plan.gitops.iter().flat_map(|gitops| &gitops.layers).map(|layer| layer.name.clone()).collect();
        Self { tree: Arc::new(Mutex::new(tree)), checked: Arc::new(Mutex::new(checked)), layers }
    }

    /// Sets what placeholders in the tree and in commits become from now on.
    pub(crate) async fn fill_with(&self, placeholders: Placeholders) {
        self.tree.lock().await.fill_with(placeholders);
    }

    /// The objects of the tree as it is, those that the commits of a plan add, and those that it creates beside them.
    pub(crate) async fn addresses(&self, plan: &Plan) -> BTreeSet<ObjectAddress> {
        let edits = plan.actions().flat_map(|planned| planned.action.edits());
        let mut addresses = self.tree.lock().await.addresses(edits);
        let created = plan.actions().filter_map(|planned| match &planned.action {
            Action::Change(change) => change.create.as_ref().map(|_| change.object()),
            _ => None,
        });
        let named = created.filter_map(|name| plan.objects.iter().find(|object| object.name == name));
        addresses.extend(named.map(|object| object.at.clone()));
        addresses
    }

    /// Pushes the tree as it is.
    pub(crate) async fn push_first(&self, git: &GitRemote, message: &str) -> Result<Pushed, RunError> {
        self.tree.lock().await.push_first(git, message).await
    }

    /// Locks the tree, with the commits of others in it: Flux's image automation commits too.
    async fn current(&self, git: &GitRemote) -> Result<MutexGuard<'_, WorkingTree>, TreeError> {
        let mut tree = self.tree.lock().await;
        tree.pull(git).await?;
        Ok(tree)
    }

    /// Flux must not wait for the health of a pool that a push removes: it would take the commit for a failed one. It does not wait for a
    /// pool that a push adds either, since it would look for the pool before that exists.
    async fn stop_waiting_for_removed(&self, files: Vec<SourceFile>, context: &Context) -> Result<(), RunError> {
        // A tree that cannot be read is a mistake on purpose; nothing of it is applied.
        let Ok(tree) = read_tree("commit", &files) else { return Ok(()) };
        let mut checked = self.checked.lock().await;
        let still: BTreeSet<String> =
            tree.pools.into_iter().map(|pool| pool.name).filter(|pool| checked.contains(pool)).collect();
        if still == *checked {
            return Ok(());
        }
        let checks: Vec<HealthCheck> = still.iter().map(HealthCheck::node_pool).collect();
        let configured = context.cluster.flux().configure(&checks, &labels::of_run(&context.run_id)).await;
        configured.map_err(RunError::failed("set the health checks of the Kustomization node-config"))?;
        *checked = still;
        Ok(())
    }
}

/// Pushes a commit.
pub(super) async fn commit(commit: &Commit, repository: &Repository, context: &Context) -> Result<Done, ActionError> {
    let git = context.git()?;
    let mut tree = repository.current(&git).await?;
    let files = tree.edited(&commit.edits)?;
    repository.stop_waiting_for_removed(tree.as_pushed(files.clone())?, context).await?;
    let pushed = tree.commit(&git, files, commit.message.as_deref().unwrap_or_default()).await?;
    Ok(done(pushed, commit.trigger.clone(), repository, context))
}

/// Reverts the newest commit.
pub(super) async fn revert(repository: &Repository, context: &Context) -> Result<Done, ActionError> {
    let git = context.git()?;
    let mut tree = repository.current(&git).await?;
    repository.stop_waiting_for_removed(tree.reverted()?, context).await?;
    Ok(done(tree.revert(&git).await?, Trigger::default(), repository, context))
}

/// Drops the newest commits and pushes another one in their place.
pub(super) async fn force_push(
    push: &ForcePush,
    repository: &Repository,
    context: &Context,
) -> Result<Done, ActionError> {
    let git = context.git()?;
    let mut tree = repository.current(&git).await?;
    let files = tree.rewound(push.back, &push.edits)?;
    repository.stop_waiting_for_removed(tree.as_pushed(files.clone())?, context).await?;
    let pushed = tree.force_push(&git, push.back, files, push.message.as_deref().unwrap_or_default()).await?;
    Ok(done(pushed, Trigger::default(), repository, context))
}

/// Notes the commit at once: a phase that waits for the newest revision must not take the one before it for that.
fn done(pushed: Pushed, trigger: Trigger, repository: &Repository, context: &Context) -> Done {
    context.hub.update(|state| state.pushed.clone_from(&pushed.sha));
    let effect = Effect::Commit { sha: pushed.sha.clone(), layers: repository.layers.clone() };
    Done { pushed: Some((pushed, trigger)), effect: Some(effect) }
}

/// Notifies Flux of a push, in the way that the plan says. Where that fails, Flux fetches at its interval.
pub(super) async fn notify_flux(trigger: &Trigger, revision: &str, phase: &str, context: &Context) {
    let hub = &context.hub;
    match trigger {
        Trigger::None => {}
        Trigger::Annotation => {
            if let Err(error) = context.cluster.flux().fetch_now().await {
                tracing::warn!("cannot ask Flux to fetch the commit: {}", describe(&error));
            }
        }
        Trigger::Receiver(receiver) => {
            let sent_us = hub.clock.now_us();
            let called = context.cluster.call_receiver(&receiver.name, &receiver.token, revision).await;
            let answer = called.map(|()| hub.clock.now_us()).map_err(ActionError::from);
            hub.record_unplanned(ActionKind::ReceiverCall { receiver: receiver.name.clone() }, phase, sent_us, answer);
        }
    }
}
