//! Changing the tree: commits, reverts and force-pushes, one after another, each not before its time.

use std::collections::BTreeSet;

use harness_cluster::HealthCheck;
use harness_cluster::git::{Commit, GitRemote};
use harness_plan::{TreeEdit, Trigger};
use harness_record::EventKind;
use harness_record::event::{ActionKind, ActionStamps};
use harness_tree::{SourceFile, read_tree};
use tokio::sync::Mutex;
use tokio::time::sleep_until;

use super::Tools;
use crate::labels;
use crate::placeholders::Placeholders;
use crate::tree::{SharedTree, WorkingTree};

/// A change of the tree with its intended time.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) id: u32,
    pub(super) intended_us: u64,
    pub(super) what: What,
    pub(super) trigger: Trigger,
}

/// What is changed.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// The plan's edits, with the commit's message.
    Commit(Vec<TreeEdit>, String),
    /// The newest commit is taken back.
    Revert,
    /// The newest commits are dropped, and another one takes their place.
    ForcePush { back: u32, edits: Vec<TreeEdit>, message: String },
}

/// The tree and the NodePools whose health Flux waits for.
#[derive(Clone)]
pub(crate) struct Repository {
    tree: SharedTree,
    checked: std::sync::Arc<Mutex<BTreeSet<String>>>,
}

impl Repository {
    /// The tree before its first push; Flux is asked to wait for these NodePools.
    pub(crate) fn new(tree: WorkingTree, checked: impl IntoIterator<Item = String>) -> Self {
        let checked = checked.into_iter().collect();
        Self { tree: SharedTree::new(Mutex::new(tree)), checked: std::sync::Arc::new(Mutex::new(checked)) }
    }

    /// What placeholders in the tree and in commits become from now on.
    pub(crate) async fn fill_with(&self, placeholders: Placeholders) {
        self.tree.lock().await.fill_with(placeholders);
    }

    /// Pushes the tree as it is.
    pub(crate) async fn push_first(&self, git: &GitRemote, message: &str) -> Result<Commit, crate::RunError> {
        self.tree.lock().await.push_first(git, message).await
    }
}

/// Sends the changes in their order: a commit stands on the one before it.
pub(super) async fn drive(changes: Vec<Change>, phase: String, tools: Tools) {
    let hub = &tools.hub;
    for Change { id, intended_us, what, trigger } in changes {
        sleep_until(hub.clock.instant(intended_us)).await;
        let begun_us = hub.clock.now_us();
        let outcome = act(&what, &tools).await;
        let stamps = |what, sent_us, acked_us, error| {
            let phase = phase.clone();
            EventKind::Action(ActionStamps { what, phase, intended_us, sent_us, acked_us, error })
        };
        match outcome {
            Ok(commit) => {
                let sent_us = hub.clock.us_of(commit.sent.into());
                let acked_us = hub.clock.us_of(commit.acknowledged.into());
                // At once: who waits for the newest revision must not take the one before it for that.
                hub.note(|state| state.pushed.clone_from(&commit.sha));
                let push = ActionKind::Push { id: Some(id), revision: commit.sha.clone() };
                hub.record_at(acked_us, stamps(push, Some(sent_us), Some(acked_us), None));
                tell(&trigger, &commit.sha, &phase, &tools).await;
            }
            Err(error) => {
                hub.record(stamps(ActionKind::Planned(id), Some(begun_us), None, Some(error)));
            }
        }
    }
}

/// Tells Flux of a push, in the way that the plan says. Whatever becomes of it, Flux looks at its interval, later but all the same.
async fn tell(trigger: &Trigger, revision: &str, phase: &str, tools: &Tools) {
    let hub = &tools.hub;
    match trigger {
        Trigger::None => {}
        Trigger::Annotation => {
            if let Err(error) = tools.cluster.flux().fetch_now().await {
                tracing::warn!("cannot ask Flux to fetch the commit: {error}");
            }
        }
        Trigger::Receiver(receiver) => {
            let sent_us = hub.clock.now_us();
            let called = tools.cluster.call_receiver(&receiver.name, &receiver.token, revision).await;
            let acked_us = hub.clock.now_us();
            hub.record_at(
                acked_us,
                EventKind::Action(ActionStamps {
                    what: ActionKind::ReceiverCall { receiver: receiver.name.clone() },
                    phase: phase.to_owned(),
                    intended_us: sent_us,
                    sent_us: Some(sent_us),
                    acked_us: called.is_ok().then_some(acked_us),
                    error: called.err().map(|error| error.to_string()),
                }),
            );
        }
    }
}

async fn act(what: &What, tools: &Tools) -> Result<Commit, String> {
    let git = tools.cluster.git().ok_or("this target has no Git repository that the harness can push to")?;
    let mut tree = tools.repository.tree.lock().await;
    // Flux's image automation commits too.
    tree.take_in_others(&git).await?;
    match what {
        What::Commit(edits, message) => {
            let files = tree.edited(edits)?;
            stop_waiting_for_removed(tree.as_pushed(files.clone())?, tools).await?;
            tree.commit(&git, files, message).await
        }
        What::ForcePush { back, edits, message } => {
            let files = tree.rewound(*back, edits)?;
            stop_waiting_for_removed(tree.as_pushed(files.clone())?, tools).await?;
            tree.force_push(&git, *back, files, message).await
        }
        What::Revert => {
            stop_waiting_for_removed(tree.reverted()?, tools).await?;
            tree.revert(&git).await
        }
    }
}

/// Flux must not wait for the health of a pool that the commit removes: it would take the commit for a failed one. A pool that a commit
/// adds is not waited for either, since Flux would look for it before it is there.
async fn stop_waiting_for_removed(files: Vec<SourceFile>, tools: &Tools) -> Result<(), String> {
    // A tree that cannot be read is a mistake on purpose; nothing of it is applied.
    let Ok(tree) = read_tree("commit", &files) else {
        return Ok(());
    };
    let mut checked = tools.repository.checked.lock().await;
    let left: BTreeSet<String> =
        tree.pools.into_iter().map(|pool| pool.name).filter(|pool| checked.contains(pool)).collect();
    if left == *checked {
        return Ok(());
    }
    let checks: Vec<HealthCheck> = left.iter().map(HealthCheck::node_pool).collect();
    tools
        .cluster
        .flux()
        .configure(&checks, &labels::of_run(&tools.run_id))
        .await
        .map_err(|error| format!("cannot set the health checks of the Kustomization node-config: {error}"))?;
    *checked = left;
    Ok(())
}
