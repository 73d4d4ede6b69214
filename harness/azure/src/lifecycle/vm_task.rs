//! The lifecycle of one VM, in one task that does every write of its Node, so that writes never overlap.

use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::api::{ProvisioningError, VmRecord, VmState};
use crate::facts::{FactKind, VmRef};
use crate::faults::{CreationFailure, FalseFailure, Subject};
use crate::fleet::{End, Fleet, Signal, Vm, capacity_error, subnet_full};
use crate::node::{NodeWriter, ReadyStatus};
use crate::world::World;
use harness_simulation::Leg;
use harness_units::Span;

/// Why a VM's task ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Exit {
    /// The VM shall end.
    End(End),
    /// The simulator stops; the VM stays as it is.
    Stop,
}

type Step = ControlFlow<Exit>;

/// Lives the VM from its acceptance to its end.
pub(super) async fn live(world: Arc<World>, machine: String, signal: watch::Receiver<Signal>) {
    let found = world.fleet().vms.get(&machine).map(|vm| {
        let writer = NodeWriter::new(Arc::clone(&world), vm);
        (Arc::clone(&vm.record.vm), writer)
    });
    let Some((vm, writer)) = found else { return };
    let mut life = Life { world, machine, vm, signal, writer, node_stays: Duration::ZERO };
    let exit = match life.run().await {
        Break(exit) => exit,
        Continue(()) => life.until_end().await,
    };
    if let Exit::End(end) = exit {
        life.end(end).await;
    }
}

struct Life {
    world: Arc<World>,
    machine: String,
    vm: Arc<VmRef>,
    signal: watch::Receiver<Signal>,
    writer: NodeWriter,
    /// How long its Node outlives the VM.
    node_stays: Duration,
}

/// A VM that Azure makes.
struct Granted {
    /// How long it boots, from now, or from when Azure has called it failed.
    boot: Duration,
    /// That Azure will call it failed, and the name of the fault by which it does.
    false_failure: Option<(String, FalseFailure)>,
}

impl Life {
    /// From acceptance to a Ready Node, and then as long as it lasts. `Continue` means: nothing more happens by itself.
    async fn run(&mut self) -> Step {
        let Some(record) = self.record().filter(|record| record.state != VmState::Failed) else {
            return Continue(());
        };
        self.pause(leg(&record, Leg::Accept)).await?;
        let Some(Granted { boot, false_failure }) = self.create() else {
            return Continue(());
        };
        if let Some((fault, FalseFailure { error, reported_after, node_stays, .. })) = false_failure {
            self.pause(reported_after).await?;
            self.world.report_failure(&mut self.world.fleet(), &self.machine, error, Some(fault));
            self.node_stays = node_stays;
        }
        let registered_for = boot.mul_f64(self.world.behaviour().registered_share.map_or(0.0, |share| share.0));
        self.pause(boot - registered_for).await?;
        if !self.boot() {
            return Continue(());
        }
        self.pause(leg(&record, Leg::Register)).await?;
        self.running().await?;
        self.attached().await?;
        let ready_after = leg(&record, Leg::Ready) + registered_for;
        let at_once = ready_after.is_zero();
        let mut shown = self.signal.borrow().clone();
        let first = if at_once { ReadyStatus::Ready } else { ReadyStatus::Starting };
        self.write(WriteStep::Create(first)).await?;
        let registered = self.world.facts.push(FactKind::NodeRegistered { vm: Arc::clone(&self.vm) });
        self.amend(|r| r.registered = Some(registered));
        if !at_once {
            self.pause(ready_after).await?;
            self.running().await?;
            shown = self.signal.borrow().clone();
            self.write(WriteStep::Ready(ReadyStatus::Ready)).await?;
        }
        let ready = self.world.facts.push(FactKind::NodeReady { vm: Arc::clone(&self.vm) });
        self.amend(|r| r.ready = Some(ready));
        self.follow(Signal { notice: None, conditions: Arc::default(), ..shown }).await
    }

    /// Carries out the commands on a running VM, until it is removed. `shown` is what its Node shows already.
    async fn follow(&mut self, mut shown: Signal) -> Step {
        loop {
            let wanted = self.signal.borrow_and_update().clone();
            if let Some(end) = wanted.end {
                return Break(Exit::End(end));
            }
            if wanted.notice.is_some() && shown.notice.is_none() {
                self.write(WriteStep::Preemption).await?;
            }
            if wanted.stops != shown.stops {
                self.write(WriteStep::Ready(ReadyStatus::Lost)).await?;
                self.write(WriteStep::Pods { ready: false }).await?;
                shown.stopped = true;
            }
            if shown.stopped && !wanted.stopped {
                self.write(WriteStep::Ready(ReadyStatus::Ready)).await?;
                self.write(WriteStep::Pods { ready: true }).await?;
            }
            if wanted.conditions != shown.conditions && !wanted.stopped {
                self.write(WriteStep::Agent).await?;
            }
            // Conditions that were set on a stopped VM are reported when it runs again.
            let conditions = if wanted.stopped { shown.conditions } else { Arc::clone(&wanted.conditions) };
            shown = Signal { conditions, ..wanted };
            tokio::select! {
                changed = self.signal.changed() => if changed.is_err() { return Break(Exit::Stop) },
                () = self.world.stop.cancelled() => return Break(Exit::Stop),
            }
        }
    }

    /// Grants the VM, or fails its creation. `None` where it will never have booted.
    fn create(&self) -> Option<Granted> {
        let world = &self.world;
        let mut fleet = world.fleet();
        let vm = fleet.vms.get(&self.machine)?;
        let ordinal = vm.record.ordinal;
        let drawn = leg(&vm.record, Leg::Boot);
        let subject = Subject { vm: &self.vm, ordinal, seed: world.behaviour().seed };
        let hit = world.faults().creation(&world.facts, subject).map(|(id, failure)| (Some(id), failure));
        let hit = match hit {
            Some((Some(fault), CreationFailure::False(failure))) => {
                let boot = failure.boots_after;
                world.grant(&mut fleet, &self.machine, Some(failure.reported_after.saturating_add(boot)));
                return Some(Granted { boot, false_failure: Some((fault, failure)) });
            }
            other => other,
        };
        let failure = hit.or_else(|| world.is_subnet_full(&fleet, vm).then_some((None, CreationFailure::SubnetFull)));
        if let Some((fault, failure)) = failure {
            let error = match failure {
                CreationFailure::NoCapacity(code) => capacity_error(code, &self.vm, &world.config.location),
                CreationFailure::SubnetFull => subnet_full(&vm.spec.subnet_id(&world.config)),
                CreationFailure::Other(error) | CreationFailure::False(FalseFailure { error, .. }) => error,
            };
            world.fail_creation(&mut fleet, &self.machine, error, fault);
            return None;
        }
        let (effective, hit_by) = world.faults().boot(&world.facts, subject, drawn);
        world.grant(&mut fleet, &self.machine, effective);
        fleet.vms.get_mut(&self.machine)?.record.faults.extend(hit_by);
        Some(Granted { boot: effective?, false_failure: None })
    }

    /// Reports that the VM has booted. False when no Node will ever appear.
    fn boot(&self) -> bool {
        let world = &self.world;
        let mut fleet = world.fleet();
        let Some(vm) = fleet.vms.get_mut(&self.machine) else {
            return false;
        };
        let hit_by = world.faults().never_register(
            &world.facts,
            Subject { vm: &self.vm, ordinal: vm.record.ordinal, seed: world.behaviour().seed },
        );
        let operations = std::mem::take(&mut vm.put_operations);
        for id in &operations {
            world.operations().advance(id);
        }
        vm.record.state = VmState::Running;
        let booted = world.facts.push(FactKind::VmBooted { vm: Arc::clone(&vm.record.vm) });
        vm.record.booted = Some(booted);
        let registers = hit_by.is_none();
        if !registers && let Some(draw) = vm.record.draws.get_mut(&Leg::Register) {
            draw.effective = None;
        }
        vm.record.faults.extend(hit_by);
        fleet.ledger.boot(self.vm.instance, booted);
        world.follow_zone_outage(&mut fleet, &self.machine);
        registers
    }

    /// The VM is taken away, and then its Node, as the cloud controller manager does it.
    async fn end(&mut self, end: End) {
        let at = end.asked + end.takes;
        if at > Instant::now() && self.world.stop.run_until_cancelled(tokio::time::sleep_until(at)).await.is_none() {
            return;
        }
        let outlives = self.writer.may_exist() && !self.node_stays.is_zero();
        {
            let mut fleet = self.world.fleet();
            if outlives {
                let (sender, signal) = watch::channel(Signal::default());
                self.signal = signal;
                fleet.orphans.insert(self.vm.instance, sender);
            }
            if let Some(mut vm) = fleet.bury(&self.machine) {
                for id in &vm.delete_operations {
                    self.world.operations().advance(id);
                }
                vm.record.state = VmState::Deleted;
                let deleted = self.world.facts.push(FactKind::VmDeleted { vm: Arc::clone(&vm.record.vm) });
                vm.record.deleted = Some(deleted);
                fleet.ledger.delete(self.vm.instance, deleted);
                fleet.gone.push_back(vm.record.clone());
                fleet.ghosts.push_back(vm);
                fleet.forget_ghosts_before(self.world.faults().oldest_list_ns(&self.world.facts));
            }
        }
        if !self.writer.may_exist() {
            return;
        }
        if outlives {
            self.outlive().await;
        }
        if self.writer.delete().await {
            self.world.facts.push(FactKind::NodeDeleted { vm: Arc::clone(&self.vm) });
        }
        self.world.fleet().orphans.remove(&self.vm.instance);
    }

    /// The Node stays without its VM, and nobody reports for it any more, until its time is over or a reset ends it. A write that
    /// is dropped then does no harm, since the Node is deleted next.
    async fn outlive(&mut self) {
        let _ = tokio::time::timeout(self.node_stays, async {
            self.write(WriteStep::Ready(ReadyStatus::Lost)).await?;
            self.write(WriteStep::Pods { ready: false }).await?;
            Step::Break(self.until_end().await)
        })
        .await;
    }

    /// Writes the Node until the API server has acknowledged it. A request that is under way is never dropped, because
    /// a Node that was created after all would outlive its VM; the task can be ended between attempts.
    async fn write(&mut self, step: WriteStep) -> Step {
        let mut attempt = 0u32;
        loop {
            let agent = Arc::clone(&self.signal.borrow().conditions);
            let done = match step {
                WriteStep::Create(status) => self.writer.create(status).await,
                WriteStep::Ready(status) => self.writer.ready(status, &agent).await,
                WriteStep::Preemption => self.writer.preemption().await,
                WriteStep::Agent => self.writer.agent(&agent).await,
                WriteStep::Pods { ready } => self.writer.pods(ready).await,
            };
            if done {
                return Continue(());
            }
            let wait = Duration::from_millis(100 << attempt.min(5));
            attempt += 1;
            self.pause(wait).await?;
        }
    }

    /// Waits, unless the VM shall end first.
    async fn pause(&mut self, wait: Duration) -> Step {
        let until = Instant::now() + wait;
        if let Some(end) = self.signal.borrow().end {
            return Break(Exit::End(end));
        }
        if wait.is_zero() {
            return Continue(());
        }
        tokio::select! {
            () = tokio::time::sleep_until(until) => Continue(()),
            exit = self.until_end() => Break(exit),
        }
    }

    /// Waits until the VM runs (it may have been stopped before it had a Node).
    async fn running(&mut self) -> Step {
        let runs = self.signal.wait_for(|signal| signal.end.is_some() || !signal.stopped);
        match self.world.stop.run_until_cancelled(runs).await {
            Some(Ok(signal)) => signal.end.map_or(Continue(()), |end| Break(Exit::End(end))),
            Some(Err(_)) | None => Break(Exit::Stop),
        }
    }

    /// Waits until there is an API server to write to.
    async fn attached(&mut self) -> Step {
        let mut kube = self.world.kube.subscribe();
        tokio::select! {
            attached = kube.wait_for(Option::is_some) => match attached {
                Ok(_) => Continue(()),
                Err(_) => Break(Exit::Stop),
            },
            exit = self.until_end() => Break(exit),
        }
    }

    /// Waits until the VM shall end.
    async fn until_end(&mut self) -> Exit {
        let ended = self.signal.wait_for(|signal| signal.end.is_some());
        match self.world.stop.run_until_cancelled(ended).await {
            Some(Ok(signal)) => signal.end.map_or(Exit::Stop, Exit::End),
            Some(Err(_)) | None => Exit::Stop,
        }
    }

    fn record(&self) -> Option<VmRecord> {
        self.world.fleet().vms.get(&self.machine).map(|vm| vm.record.clone())
    }

    fn amend(&self, change: impl FnOnce(&mut VmRecord)) {
        if let Some(vm) = self.world.fleet().vms.get_mut(&self.machine) {
            change(&mut vm.record);
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum WriteStep {
    Create(ReadyStatus),
    Ready(ReadyStatus),
    Preemption,
    Agent,
    Pods { ready: bool },
}

fn leg(record: &VmRecord, leg: Leg) -> Duration {
    record.draws.get(&leg).and_then(|d| d.effective).map_or(Duration::ZERO, Span::as_duration)
}

impl World {
    /// Whether the other VMs of its subnet have all of its addresses. Interfaces that callers have created are not counted.
    fn is_subnet_full(&self, fleet: &Fleet, vm: &Vm) -> bool {
        let addresses = self.network().addresses(&vm.spec.subnet_id(&self.config));
        // An empty one is the cluster's own.
        let own = vm.spec.subnet.as_deref().unwrap_or_default();
        let is_same =
            |other: &&Vm| other.exists() && other.spec.subnet.as_deref().unwrap_or_default().eq_ignore_ascii_case(own);
        let taken = fleet.vms.values().filter(is_same).count();
        taken as u64 >= addresses.len()
    }

    /// The creation of a machine has failed: it holds no quota and stays as Failed until it is deleted.
    pub(super) fn fail_creation(
        &self,
        fleet: &mut Fleet,
        machine: &str,
        error: ProvisioningError,
        fault: Option<String>,
    ) {
        fleet.release_quota_of(machine);
        if let Some(vm) = fleet.vms.get_mut(machine) {
            vm.record.state = VmState::Failed;
        }
        self.report_failure(fleet, machine, error, fault);
    }

    /// Azure has a machine for it, which boots for so long; `None` never ends.
    fn grant(&self, fleet: &mut Fleet, machine: &str, boot: Option<Duration>) {
        let Some(vm) = fleet.vms.get_mut(machine) else { return };
        let record = &mut vm.record;
        record.creating = Some(self.facts.push(FactKind::VmCreating { vm: Arc::clone(&record.vm) }));
        record.state = VmState::Creating;
        if let Some(draw) = record.draws.get_mut(&Leg::Boot) {
            draw.effective = boot.map(Span::from);
        }
    }

    /// Azure says that the creation has failed, which may be wrong.
    fn report_failure(&self, fleet: &mut Fleet, machine: &str, error: ProvisioningError, fault: Option<String>) {
        let Some(vm) = fleet.vms.get_mut(machine) else { return };
        for id in std::mem::take(&mut vm.put_operations) {
            self.operations().fail(&id, &error);
        }
        vm.record.faults.extend(fault);
        vm.record.failure = Some(error.clone());
        fleet.ledger.fail(vm.record.vm.instance, &error.code);
        let failed = self.facts.push(FactKind::ProvisioningFailed {
            vm: Arc::clone(&vm.record.vm),
            code: error.code,
            message: error.message,
        });
        vm.record.failed = Some(failed);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::config::Config;
    use crate::lifecycle::PutRequest;
    use crate::simulator::new_world;
    use harness_simulation::{Behaviour, Fault, FaultKind};
    use harness_testing::{limits, wait_for};

    /// Creates a machine and deletes it.
    async fn come_and_go(world: &Arc<World>, machine: &str) {
        let mut properties = Map::new();
        properties.insert("hardware".to_owned(), json!({"vmSize": "Standard_D4s_v5"}));
        let (pool, machine) = (world.config.machines_pool.clone(), machine.to_owned());
        let names = [machine.clone()];
        let request = PutRequest {
            pool: pool.clone(),
            machine,
            properties,
            zones: Vec::new(),
            if_match: None,
            if_none_match: false,
        };
        world.put_machine(request).unwrap();
        world.delete_machines(&pool, &names).unwrap();
        wait_for("the VM is removed", limits::ANSWER, async || match world.fleet().vms.len() {
            0 => Ok(()),
            left => Err(format!("{left} VMs")),
        })
        .await;
    }

    /// Before, all VMs that were removed while lists lagged were kept, and looked through by each list, until another was removed after that.
    #[tokio::test]
    async fn removed_vms_are_kept_for_as_long_as_a_list_may_have_them() {
        let world = new_world(Config { behaviour: Behaviour::instant(), ..Config::default() }, None).unwrap();
        let stale = |by| Fault::new(FaultKind::StaleList { by, operation: None }).named("stale");
        let ghosts = || world.fleet().ghosts.len();
        world.add_fault(stale(Span::from_secs(3_600))).unwrap();
        come_and_go(&world, "web-1").await;
        come_and_go(&world, "web-2").await;
        assert_eq!(ghosts(), 2);
        assert!(world.remove_fault("stale"));
        assert_eq!(ghosts(), 0);
        world.add_fault(stale(Span::from_micros(1))).unwrap();
        come_and_go(&world, "web-3").await;
        come_and_go(&world, "web-4").await;
        assert!(ghosts() < 2);
        world.stop.cancel();
    }
}
