//! Commands on running VMs, of users and of faults.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::end::Taken;
use crate::aks::NotSettled;
use crate::api::{LedgerSums, ProvisioningError, QuotaUsage, VmRecord, VmState};
use crate::clock::Stamp;
use crate::facts::{FactKind, VmRef};
use crate::faults::{FaultError, TooFew};
use crate::fleet::{AgentCondition, End, Fleet, Vm};
use crate::prices::Prices;
use crate::world::World;
use harness_simulation::{AzurePrice, Behaviour, CapacityType, Fault, Leg};
use harness_units::Span;

/// How long a reset waits until its VMs are removed.
const RESET_LIMIT: Duration = Duration::from_secs(8);

/// Why a command cannot be carried out.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum CommandError {
    #[error("unknown VM, machine or NodeClaim `{0}`")]
    Unknown(String),
    #[error("VM `{0}` is not running")]
    NotRunning(String),
    #[error("VM `{0}` is not a spot VM, so Azure would not evict it")]
    NotSpot(String),
    #[error(transparent)]
    Fault(#[from] FaultError),
    #[error("{0}")]
    Behaviour(String),
    #[error("{0}")]
    Price(String),
    #[error(transparent)]
    NotSettled(#[from] NotSettled),
    #[error(transparent)]
    TooFew(#[from] TooFew),
    #[error(
        "{0} VMs or Nodes without one are still there after 8s; the API server may not answer, so that Nodes cannot be deleted"
    )]
    Reset(usize),
}

impl World {
    /// The record of a VM, running or removed.
    pub(crate) fn vm_record(&self, name: &str) -> Option<VmRecord> {
        let fleet = self.fleet();
        if let Some(vm) = fleet.find(name) {
            return Some(vm.record.clone());
        }
        let gone =
            fleet.gone.iter().rev().find(|r| r.vm.name == name || r.vm.machine == name || r.vm.nodeclaim == name);
        gone.cloned()
    }

    /// Stops a running VM.
    pub(crate) fn crash(&self, name: &str) -> Result<(), CommandError> {
        self.halt(&mut self.fleet(), name, true)
    }

    /// Starts a stopped VM; does nothing if it runs. In a zone that is down it stops again.
    pub(crate) fn restart(&self, name: &str) -> Result<(), CommandError> {
        let mut fleet = self.fleet();
        self.halt(&mut fleet, name, false)?;
        self.follow_zone_outage(&mut fleet, name);
        Ok(())
    }

    /// Stops a running VM and starts it again after the time that its boot took. Returns the operation.
    pub(crate) fn reboot(self: &Arc<Self>, name: &str) -> Result<String, CommandError> {
        self.crash(name)?;
        let takes = self
            .vm_record(name)
            .and_then(|r| r.draws.get(&Leg::Boot).and_then(|d| d.effective))
            .map_or(Duration::ZERO, Span::as_duration);
        let operation = self.operations().begin(1);
        let (world, name, id) = (Arc::clone(self), name.to_owned(), operation.clone());
        self.tasks.spawn(async move {
            if world.stop.run_until_cancelled(tokio::time::sleep(takes)).await.is_none() {
                return;
            }
            match world.restart(&name) {
                Ok(()) => world.operations().advance(&id),
                Err(error) => world.operations().fail(
                    &id,
                    &ProvisioningError { code: "OperationPreempted".to_owned(), message: error.to_string() },
                ),
            }
        });
        Ok(operation)
    }

    /// Stops a VM, or starts it.
    pub(super) fn halt(&self, fleet: &mut Fleet, name: &str, stop: bool) -> Result<(), CommandError> {
        let vm = fleet.find_mut(name).ok_or_else(|| CommandError::Unknown(name.to_owned()))?;
        match (vm.record.state, stop) {
            (VmState::Running, true) => vm.record.state = VmState::Stopped,
            (VmState::Stopped, false) => vm.record.state = VmState::Running,
            (VmState::Running, false) | (VmState::Stopped, true) => return Ok(()),
            _ => return Err(CommandError::NotRunning(name.to_owned())),
        }
        vm.stopped_by_outage = false;
        let who = Arc::clone(&vm.record.vm);
        let instance = who.instance;
        self.facts.push(if stop { FactKind::VmCrashed { vm: who } } else { FactKind::VmRestarted { vm: who } });
        vm.signal.send_modify(|s| {
            s.stopped = stop;
            s.stops += u32::from(stop);
        });
        if stop {
            fleet.ledger.crash(instance);
        }
        Ok(())
    }

    /// Lets the agent on a running VM report a condition of its Node.
    pub(super) fn report_condition(&self, name: &str, condition: &str, status: &str) -> Result<(), CommandError> {
        let mut fleet = self.fleet();
        let vm = fleet.find_mut(name).ok_or_else(|| CommandError::Unknown(name.to_owned()))?;
        if vm.record.state != VmState::Running {
            return Err(CommandError::NotRunning(name.to_owned()));
        }
        let stamp = self.facts.push(FactKind::NodeCondition {
            vm: Arc::clone(&vm.record.vm),
            condition: condition.to_owned(),
            status: status.to_owned(),
        });
        let reported = AgentCondition { kind: condition.to_owned(), status: status.to_owned(), since: stamp.wall };
        vm.signal.send_modify(|s| {
            let mut all: Vec<AgentCondition> = s.conditions.iter().filter(|c| c.kind != condition).cloned().collect();
            all.push(match s.conditions.iter().find(|c| c.kind == condition && c.status == status) {
                Some(same) => same.clone(),
                None => reported,
            });
            s.conditions = all.into();
        });
        Ok(())
    }

    /// Evicts a spot VM, with notice or immediately.
    pub(crate) fn evict(self: &Arc<Self>, name: &str, notice: Option<Span>) -> Result<(), CommandError> {
        let mut fleet = self.fleet();
        let vm = fleet.find(name).ok_or_else(|| CommandError::Unknown(name.to_owned()))?;
        let who = Arc::clone(&vm.record.vm);
        if vm.spec.capacity_type != CapacityType::Spot {
            return Err(CommandError::NotSpot(name.to_owned()));
        }
        if !matches!(vm.record.state, VmState::Running | VmState::Stopped) {
            return Err(CommandError::NotRunning(name.to_owned()));
        }
        let Some(notice) = notice else {
            self.take(&mut fleet, &who.machine, Taken::Evicted, None);
            return Ok(());
        };
        if vm.signal.borrow().notice.is_some() {
            return Ok(());
        }
        self.facts.push(FactKind::SpotNotice { vm: Arc::clone(&who), notice });
        vm.signal.send_modify(|s| s.notice = Some(notice));
        drop(fleet);
        let world = Arc::clone(self);
        self.tasks.spawn(async move {
            if world.stop.run_until_cancelled(tokio::time::sleep(notice.as_duration())).await.is_none() {
                return;
            }
            let mut fleet = world.fleet();
            // The controller may have replaced and deleted it meanwhile.
            let is_same = |vm: &Vm| vm.record.vm.instance == who.instance && vm.record.state != VmState::Deleting;
            if fleet.vms.get(&who.machine).is_some_and(is_same) {
                world.take(&mut fleet, &who.machine, Taken::Evicted, None);
            }
        });
        Ok(())
    }

    /// Deletes a VM without the controller.
    pub(crate) fn delete_vm(&self, name: &str) -> Result<String, CommandError> {
        let mut fleet = self.fleet();
        let vm = fleet.find(name).ok_or_else(|| CommandError::Unknown(name.to_owned()))?;
        let machine = vm.record.vm.machine.clone();
        let operation = self.operations().begin(1);
        self.take(&mut fleet, &machine, Taken::Deleted, Some(&operation));
        Ok(operation)
    }

    /// Sets a fault. An instant fault acts now and ends.
    pub(crate) fn add_fault(self: &Arc<Self>, fault: Fault) -> Result<Fault, CommandError> {
        let fault = self.faults().add(fault, &self.facts)?;
        // It may have taken the place of an outage.
        self.follow_faults();
        if fault.kind.is_instant() {
            let acted = self.apply_instant_fault(&fault);
            let mut faults = self.faults();
            if let Ok(times) = acted {
                faults.applied(&fault.terms.id, times);
            }
            faults.remove(&fault.terms.id, &self.facts);
            acted?;
        } else if let Some(lasts) = fault.terms.lasts {
            let world = Arc::clone(self);
            self.tasks.spawn(async move {
                if world.stop.run_until_cancelled(tokio::time::sleep(lasts.as_duration())).await.is_some() {
                    world.faults().expire(&world.facts);
                    world.follow_faults();
                }
            });
        }
        Ok(fault)
    }

    /// Ends a fault. False when there is none of that name.
    pub(crate) fn remove_fault(&self, id: &str) -> bool {
        let removed = self.faults().remove(id, &self.facts);
        self.follow_faults();
        removed
    }

    /// Sets what VMs cost from now on.
    pub(crate) fn set_price(&self, price: AzurePrice) -> Result<(), CommandError> {
        if let Some(problem) = price.problems().first() {
            return Err(CommandError::Price(problem.to_string()));
        }
        self.change_prices(|prices| prices.set(price));
        Ok(())
    }

    /// Puts every price back to that of the start.
    pub(crate) fn reset_prices(&self) {
        self.change_prices(|prices| *prices = Prices::default());
    }

    fn change_prices(&self, change: impl FnOnce(&mut Prices)) {
        let mut fleet = self.fleet();
        let Fleet { prices, vms, ledger, .. } = &mut *fleet;
        change(prices);
        for vm in vms.values_mut() {
            let sku = &vm.spec.sku;
            let known = &vm.record.vm;
            let price = |capacity_type| prices.micro_usd_per_hour(sku, &known.zone, capacity_type);
            let (own, on_demand) = (price(known.capacity_type), price(CapacityType::OnDemand));
            if (own, on_demand) == (known.price_micro_usd_per_hour, known.on_demand_micro_usd_per_hour) {
                continue;
            }
            let repriced =
                VmRef { price_micro_usd_per_hour: own, on_demand_micro_usd_per_hour: on_demand, ..VmRef::clone(known) };
            vm.record.vm = Arc::new(repriced);
            vm.record.price_per_hour = own as f64 / 1e6;
            let stamp = self.facts.push(FactKind::VmPriceChanged { vm: Arc::clone(&vm.record.vm) });
            ledger.reprice(vm.record.vm.instance, own, stamp);
        }
    }

    /// Sets the behaviour; its faults replace the live ones, and the VMs of each node pool are counted anew, so that a seed means the same
    /// whatever happened before.
    pub(crate) fn set_behaviour(self: &Arc<Self>, behaviour: Behaviour) -> Result<(), CommandError> {
        if let Some(problem) = behaviour.problems().first() {
            return Err(CommandError::Behaviour(problem.to_string()));
        }
        let faults = behaviour.faults.clone();
        let before = self.behaviour();
        self.network().set_subnets(&self.config, &before.subnets, &behaviour.subnets);
        self.replace_behaviour(behaviour);
        self.fleet().count_anew();
        self.faults().clear(&self.facts);
        self.follow_faults();
        for fault in faults {
            self.add_fault(fault)?;
        }
        Ok(())
    }

    /// The behaviour in force, with the live faults.
    pub(crate) fn current_behaviour(&self) -> Behaviour {
        let mut behaviour = (*self.behaviour()).clone();
        behaviour.faults = self.faults().states().into_iter().map(|s| s.fault).collect();
        behaviour
    }

    /// Puts everything back to the start.
    pub(crate) async fn reset(self: &Arc<Self>) -> Result<(), CommandError> {
        {
            let mut fleet = self.fleet();
            for machine in fleet.vms.keys().cloned().collect::<Vec<_>>() {
                self.take(&mut fleet, &machine, Taken::Reset, None);
            }
        }
        let deadline = Instant::now() + RESET_LIMIT;
        loop {
            let left = {
                let fleet = self.fleet();
                // A VM that was just taken away may have left one.
                for orphan in fleet.orphans.values() {
                    orphan.send_modify(|s| s.end = Some(End { takes: Duration::ZERO, asked: Instant::now() }));
                }
                fleet.vms.len() + fleet.orphans.len()
            };
            if left == 0 {
                break;
            }
            if Instant::now() > deadline {
                return Err(CommandError::Reset(left));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.fleet().forget();
        self.counters.reset();
        self.reset_documents();
        self.reset_prices();
        self.facts.push(FactKind::Reset);
        self.set_behaviour(self.config.behaviour.clone())
    }

    /// The sums over the instances after one, with exactly the facts of VMs up to now: those are pushed under the same lock.
    pub(crate) fn ledger(&self, after: u64) -> LedgerSums {
        let fleet = self.fleet();
        fleet.ledger.sums(after, self.facts.newest(), Stamp::now())
    }

    /// Usage and limits at a moment: the region's two, then every family that is used or has a limit of its own.
    pub(crate) fn quota_usages(&self, all: bool, at_ns: u64) -> Vec<QuotaUsage> {
        let limits = self.limits_at(at_ns);
        let quota = self.fleet().quota_at(at_ns);
        let usage = |name: &str, used, limit| QuotaUsage { name: name.to_owned(), used, limit };
        let mut usages = vec![
            usage("cores", quota.regional, limits.regional_cores),
            usage("lowPriorityCores", quota.low_priority, limits.low_priority_cores),
        ];
        for (family, letter) in self.catalogue.quota_families() {
            let used = quota.family(family);
            let limit = limits.family(family, letter);
            if all || used > 0 || limit != limits.family_default {
                usages.push(usage(family, used, limit));
            }
        }
        usages
    }
}
