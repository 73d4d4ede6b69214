//! Zones that are down: their VMs stop, and start again when their zone is back.

use crate::api::VmState;
use crate::fleet::Fleet;
use crate::world::World;

impl World {
    /// Applies the live faults to the fleet: VMs stop and start with the outages of their zones, and removed VMs are forgotten once no lagging list
    /// can still show them. Must be called after a fault has been set or has ended.
    pub(super) fn follow_faults(&self) {
        let mut fleet = self.fleet();
        fleet.forget_ghosts_before(self.faults().oldest_list_ns(&self.facts));
        for machine in fleet.vms.keys().cloned().collect::<Vec<_>>() {
            self.follow_zone_outage(&mut fleet, &machine);
        }
    }

    /// Stops a VM that runs in a zone that is down, and starts one that was stopped so and whose zone is back.
    pub(super) fn follow_zone_outage(&self, fleet: &mut Fleet, name: &str) {
        let Some(vm) = fleet.find(name) else { return };
        let outage = self.faults().zone_outage(&self.facts, &vm.record.vm);
        match (vm.record.state, outage) {
            (VmState::Running, Some(fault)) => {
                if self.halt(fleet, name, true).is_ok()
                    && let Some(vm) = fleet.find_mut(name)
                {
                    vm.stopped_by_outage = true;
                    self.faults().applied(&fault, 1);
                    vm.record.faults.push(fault);
                }
            }
            (VmState::Stopped, None) if vm.stopped_by_outage => {
                if let Err(error) = self.halt(fleet, name, false) {
                    tracing::debug!(%error, "a VM has not come back with its zone");
                }
            }
            _ => {}
        }
    }
}
