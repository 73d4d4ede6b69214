//! Operations on the managed cluster and its agent pools: their time, their end, and that one waits for another. VMs come and go meanwhile.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::api::ProvisioningError;
use crate::documents::{Activity, ClusterState, Outcome, Target, Verb};
use crate::draws::{child, draw};
use crate::world::World;
use harness_simulation::{Behaviour, Distribution};

/// How often a deletion looks whether its VMs are gone.
const VMS_GONE_POLL: Duration = Duration::from_millis(50);

/// An operation that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    /// Its id.
    pub(crate) operation: String,
    /// How long it takes, if nothing holds it up.
    pub(crate) takes: Duration,
}

impl World {
    /// Begins an operation, which ends by itself. `change` is made to the documents with it, and `end` when it succeeds.
    ///
    /// # Errors
    /// The one that goes on already.
    pub(crate) fn begin(
        self: &Arc<Self>,
        target: Target,
        verb: Verb,
        change: impl FnOnce(&mut ClusterState),
        end: impl FnOnce(&mut ClusterState) + Send + 'static,
    ) -> Result<Begun, Activity> {
        let behaviour = self.behaviour();
        let mut state = self.cluster();
        if let Some(other) = state.activities.iter().find(|activity| activity.blocks(&target)) {
            return Err(other.clone());
        }
        let ordinal = state.begun;
        state.begun += 1;
        let (distribution, name) = leg(&behaviour, verb);
        let owner = match &target {
            Target::Cluster => "",
            Target::Pool(pool) => pool,
        };
        let takes = draw(&distribution, &mut child(behaviour.seed, name, owner, ordinal));
        let failure = self.faults().cluster_operation(&self.facts, behaviour.seed, owner, ordinal);
        let operation = self.operations().begin(1);
        change(&mut state);
        state.set_state(&target, verb.state());
        let activity =
            Activity { target: target.clone(), verb, operation: operation.clone(), started: Timestamp::now() };
        state.activities.push(activity);
        drop(state);
        let begun = Begun { operation: operation.clone(), takes };
        if takes.is_zero() && !(verb == Verb::Delete && self.has_vms(&target)) {
            self.conclude(&operation, failure, end);
            return Ok(begun);
        }
        let (world, until) = (Arc::clone(self), Instant::now() + takes);
        self.tasks.spawn(async move {
            let ended = async {
                tokio::time::sleep_until(until).await;
                while verb == Verb::Delete && world.has_vms(&target) {
                    sleep(VMS_GONE_POLL).await;
                }
            };
            if world.stop.run_until_cancelled(ended).await.is_some() {
                world.conclude(&operation, failure, end);
            }
        });
        Ok(begun)
    }

    fn has_vms(&self, target: &Target) -> bool {
        let fleet = self.fleet();
        match target {
            Target::Cluster => !fleet.vms.is_empty(),
            Target::Pool(pool) => fleet.vms.values().any(|vm| vm.pool == *pool),
        }
    }

    /// Ends an operation, unless it was aborted.
    fn conclude(&self, operation: &str, failure: Option<ProvisioningError>, end: impl FnOnce(&mut ClusterState)) {
        let version = {
            let mut state = self.cluster();
            let Some(activity) = state.take_activity(operation) else { return };
            match &failure {
                Some(error) => {
                    state.set_state(&activity.target, Outcome::Failed.state());
                    self.operations().fail(operation, error);
                }
                None => {
                    state.set_state(&activity.target, Outcome::Succeeded.state());
                    end(&mut state);
                    self.operations().advance(operation);
                }
            }
            state.current_version()
        };
        self.kubernetes_changed(&version);
    }

    /// Aborts what goes on with a target. False where nothing does.
    pub(crate) fn abort(&self, target: &Target) -> bool {
        let mut state = self.cluster();
        let Some(at) = state.activities.iter().position(|activity| activity.target == *target) else { return false };
        let aborted = state.activities.remove(at);
        state.set_state(target, Outcome::Canceled.state());
        self.operations().cancel(&aborted.operation);
        true
    }
}

/// How long operations of a kind take, and the name of their draw.
fn leg(behaviour: &Behaviour, verb: Verb) -> (Distribution, &'static str) {
    let times = &behaviour.operations;
    match verb {
        Verb::Create => (times.create(), "operation/create"),
        Verb::Update => (times.update(), "operation/update"),
        Verb::Upgrade => (times.upgrade(), "operation/upgrade"),
        Verb::Delete => (times.delete(), "operation/delete"),
    }
}
