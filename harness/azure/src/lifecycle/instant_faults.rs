//! Instant faults: the choice of VMs, and the effect on them.

use std::sync::Arc;

use rand::seq::SliceRandom;

use super::commands::CommandError;
use crate::api::VmState;
use crate::draws::child;
use crate::faults::is_meant;
use crate::world::World;
use harness_simulation::{CapacityType, ConditionStatus, Fault, FaultKind, VmSelector};
use harness_units::{Share, Span};

/// The effect of a fault on a VM.
enum Effect<'a> {
    Crash,
    Condition { kind: &'a str, status: ConditionStatus },
    Evict { notice: Option<Span> },
}

impl World {
    /// Carries out an instant fault. Returns the number of VMs that it affected.
    pub(super) fn apply_instant_fault(self: &Arc<Self>, fault: &Fault) -> Result<u64, CommandError> {
        let (only, share, effect) = match &fault.kind {
            FaultKind::VmCrash { only, share } => (only.clone(), *share, Effect::Crash),
            FaultKind::NodeCondition { only, condition, status, share } => {
                (only.clone(), *share, Effect::Condition { kind: condition, status: *status })
            }
            FaultKind::SpotEvict { only, share, notice } => {
                let only = VmSelector { capacity_type: Some(CapacityType::Spot), ..only.clone() };
                let notice = (*notice > Span::ZERO).then_some(*notice);
                (only, *share, Effect::Evict { notice })
            }
            _ => return Ok(0),
        };
        let with_node_only = matches!(effect, Effect::Condition { .. });
        let chosen = self.choose(fault, &only, share, with_node_only);
        if chosen.is_empty() {
            return Err(CommandError::NoneMatch(fault.id.clone()));
        }
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
                    self.mark(name, &fault.id);
                }
                // It may have ended between the choice and now.
                Err(CommandError::Unknown(_) | CommandError::NotRunning(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(hit)
    }

    fn mark(&self, name: &str, fault: &str) {
        if let Some(vm) = self.fleet().find_mut(name) {
            vm.record.faults.push(fault.to_owned());
        }
    }

    /// The running VMs that are meant: a share of them (at least one) and no more than the fault's count. Which ones
    /// depends on the seed, the fault's name and the VMs' ordinals, not on names, which the controller chooses anew each
    /// time. VMs whose Node is Ready go first: to stop one that is still starting would show nothing.
    fn choose(&self, fault: &Fault, only: &VmSelector, share: Share, with_node_only: bool) -> Vec<String> {
        let fleet = self.fleet();
        let mut meant: Vec<_> = fleet
            .vms
            .values()
            .filter(|vm| vm.record.state == VmState::Running && is_meant(only, &vm.record.vm, &vm.record.quota_family))
            .filter(|vm| !with_node_only || vm.record.ready.is_some())
            .collect();
        let of_share =
            if share.0 < 1.0 { (meant.len() as f64 * share.0).round().max(1.0) as usize } else { meant.len() };
        let of_count = fault.count.map_or(usize::MAX, |count| count as usize);
        let wanted = of_share.min(of_count);
        if wanted < meant.len() {
            meant.sort_by_key(|vm| (&vm.record.vm.nodepool, vm.record.ordinal));
            meant.shuffle(&mut child(self.behaviour().seed, &format!("fault/{}", fault.id), "choice", 0));
            meant.sort_by_key(|vm| vm.record.ready.is_none());
            meant.truncate(wanted);
        }
        meant.into_iter().map(|vm| vm.names.vm.clone()).collect()
    }
}
