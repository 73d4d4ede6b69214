//! Instant faults: the choice of VMs, and the effect on them.

use std::sync::Arc;

use super::commands::CommandError;
use crate::api::VmState;
use crate::faults::{Candidate, TooFew, choose};
use crate::fleet::Vm;
use crate::selector::is_meant;
use crate::world::World;
use harness_simulation::{CapacityType, ConditionStatus, Fault, FaultKind, VmSelector};
use harness_units::Span;

/// The effect of a fault on a VM.
enum Effect<'a> {
    Crash,
    Condition { kind: &'a str, status: ConditionStatus },
    Evict { notice: Option<Span> },
}

impl World {
    /// Carries out an instant fault. Returns the number of VMs that it affected.
    pub(super) fn apply_instant_fault(self: &Arc<Self>, fault: &Fault) -> Result<u64, CommandError> {
        let (only, effect) = match &fault.kind {
            FaultKind::VmCrash { only, .. } => (only.clone(), Effect::Crash),
            FaultKind::NodeCondition { only, condition, status, .. } => {
                (only.clone(), Effect::Condition { kind: condition, status: *status })
            }
            FaultKind::SpotEvict { only, notice, .. } => {
                let only = VmSelector { capacity_type: Some(CapacityType::Spot), ..only.clone() };
                let notice = (*notice > Span::ZERO).then_some(*notice);
                (only, Effect::Evict { notice })
            }
            _ => return Ok(0),
        };
        let chosen = self.chosen(fault, &only, &effect)?;
        let mut hit = 0;
        for name in &chosen {
            let done = match &effect {
                Effect::Crash => self.crash(name),
                Effect::Condition { kind, status } => self.report_condition(name, kind, status.as_str()),
                Effect::Evict { notice } => self.evict(name, *notice),
            };
            match done {
                Ok(()) => {
                    hit += 1;
                    self.mark(name, &fault.terms.id);
                }
                // It may have ended between the choice and now.
                Err(CommandError::Unknown(_) | CommandError::NotRunning(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(hit)
    }

    pub(super) fn mark(&self, name: &str, fault: &str) {
        if let Some(vm) = self.fleet().find_mut(name) {
            vm.record.faults.push(fault.to_owned());
        }
    }

    /// The VMs on which the fault acts, of those that run, are meant, and on which it would show.
    fn chosen(&self, fault: &Fault, only: &VmSelector, effect: &Effect<'_>) -> Result<Vec<String>, TooFew> {
        let fleet = self.fleet();
        let meant = |vm: &&Vm| vm.record.state == VmState::Running && is_meant(only, &vm.record.vm);
        let candidates = fleet.vms.values().filter(meant).filter_map(|vm| {
            let (ready, signal) = (vm.record.ready.is_some(), vm.signal.borrow());
            let noticed = signal.notice.is_some();
            let shows = match effect {
                Effect::Crash | Effect::Evict { notice: None } => true,
                Effect::Evict { notice: Some(_) } => !noticed,
                Effect::Condition { kind, status } => {
                    ready && !signal.conditions.iter().any(|said| said.kind == *kind && said.status == status.as_str())
                }
            };
            shows.then_some(Candidate { vm: &vm.record.vm, ordinal: vm.record.ordinal, ready, noticed })
        });
        choose(fault, self.behaviour().seed, candidates.collect())
    }
}
