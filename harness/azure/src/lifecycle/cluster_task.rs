//! Operations on the managed cluster and its agent pools: their time, their end, and that one waits for another. VMs come and go meanwhile.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::end::Taken;
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
    /// Begins an operation, which ends by itself. `change` is made to the documents with it, and `end` when it succeeds. A deletion deletes the
    /// machines, too.
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
        let has_vms = verb == Verb::Delete && self.delete_machines_of(&target);
        if takes.is_zero() && !has_vms {
            self.conclude(&operation, failure, end);
            return Ok(begun);
        }
        let (world, until) = (Arc::clone(self), Instant::now() + takes);
        self.tasks.spawn(async move {
            let ended = async {
                tokio::time::sleep_until(until).await;
                // Again and again: a machine may have been accepted, and not yet there, when the deletion began.
                while verb == Verb::Delete && world.goes_on(&operation) && world.delete_machines_of(&target) {
                    sleep(VMS_GONE_POLL).await;
                }
            };
            if world.stop.run_until_cancelled(ended).await.is_some() {
                world.conclude(&operation, failure, end);
            }
        });
        Ok(begun)
    }

    /// Whether an operation has neither ended nor been aborted.
    fn goes_on(&self, operation: &str) -> bool {
        self.cluster().activities.iter().any(|activity| activity.operation == operation)
    }

    /// Deletes every machine of the cluster or of a pool. True while there are any.
    fn delete_machines_of(&self, target: &Target) -> bool {
        let mut fleet = self.fleet();
        let is_meant = |pool: &String| match target {
            Target::Cluster => true,
            Target::Pool(name) => pool == name,
        };
        let meant = fleet.vms.iter().filter(|(_, vm)| is_meant(&vm.pool)).map(|(machine, _)| machine.clone());
        let meant: Vec<String> = meant.collect();
        for machine in &meant {
            self.take(&mut fleet, machine, Taken::Deleted, None);
        }
        !meant.is_empty()
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

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::config::Config;
    use crate::lifecycle::PutRequest;
    use crate::simulator::new_world;
    use harness_simulation::OperationTimes;
    use harness_testing::{limits, wait_for};
    use harness_units::Span;

    /// Before, a PUT that was on its way when the deletion began left a VM that nobody deleted, and the pool stayed in Deleting.
    #[tokio::test]
    async fn a_deletion_deletes_a_machine_that_comes_late() {
        let delete = Some(Distribution::Constant(Span::from_millis(50)));
        let operations = OperationTimes { delete, ..OperationTimes::instant() };
        let behaviour = Behaviour { operations, ..Behaviour::instant() };
        let world = new_world(Config { behaviour, ..Config::default() }, None).unwrap();
        let pool = world.config.machines_pool.clone();
        world.begin(Target::Pool(pool.clone()), Verb::Delete, |_| {}, |_| {}).unwrap();
        let mut properties = Map::new();
        properties.insert("hardware".to_owned(), json!({"vmSize": "Standard_D4s_v5"}));
        let request = PutRequest {
            pool,
            machine: "late".to_owned(),
            properties,
            zones: Vec::new(),
            if_match: None,
            if_none_match: false,
        };
        world.put_machine(request).unwrap();
        wait_for("the deletion ends", limits::ANSWER, async || match world.cluster().activities.len() {
            0 => Ok(()),
            _ => Err(format!("{} VMs", world.fleet().vms.len())),
        })
        .await;
        assert!(world.fleet().vms.is_empty());
        world.stop.cancel();
    }

    /// How long operations of a kind take, one after another, in order of their length.
    fn drawn(world: &Arc<World>, verb: Verb) -> Vec<Duration> {
        let next = |_: u32| {
            let begun = world.begin(Target::Cluster, verb, |_| {}, |_| {}).unwrap();
            assert!(world.abort(&Target::Cluster), "it has ended at once");
            begun.takes
        };
        let mut all: Vec<Duration> = (0..201).map(next).collect();
        all.sort();
        all
    }

    /// As boots are, by the seed, the kind of the operation and its number.
    #[tokio::test]
    async fn times_of_operations_are_drawn_from_their_distributions_of_minutes_unless_one_is_given() {
        let world = |seed, operations| {
            let behaviour = Behaviour { seed, operations, ..Behaviour::instant() };
            new_world(Config { behaviour, ..Config::default() }, None).unwrap()
        };
        let defaults = world(7, OperationTimes::default());
        let minutes =
            [(Verb::Create, 3.0, 6.0), (Verb::Update, 1.5, 3.0), (Verb::Upgrade, 5.0, 10.0), (Verb::Delete, 3.0, 6.0)];
        for (verb, median, p95) in minutes {
            let all = drawn(&defaults, verb);
            let share_of = |time: Duration, minutes: f64| time.as_secs_f64() / 60.0 / minutes;
            let (half, most) = (share_of(all[100], median), share_of(all[190], p95));
            assert!((0.8..1.25).contains(&half) && (0.7..1.4).contains(&most), "{verb:?}: {all:?}");
            assert!(all[0] > Duration::from_secs(10), "{verb:?}: {:?}", all[0]);
        }
        // The same seed draws the same times, and another one others.
        let times = [7, 7, 8].map(|seed| {
            let world = world(seed, OperationTimes::default());
            let all = drawn(&world, Verb::Upgrade);
            world.stop.cancel();
            all
        });
        assert!(times[0] == times[1] && times[1] != times[2]);

        let upgrade = Some(Distribution::Constant(Span::from_secs(2)));
        let given = world(7, OperationTimes { upgrade, ..OperationTimes::default() });
        assert_eq!(drawn(&given, Verb::Upgrade), [Duration::from_secs(2); 201]);
        assert!(drawn(&given, Verb::Update)[100] > Duration::from_secs(60), "another kind takes minutes as before");
        given.stop.cancel();
        defaults.stop.cancel();
    }
}
