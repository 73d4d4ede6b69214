//! A zone that goes away with its running VMs, and comes back.

use std::sync::Arc;
use std::time::Duration;

use crate::api::VmState;
use crate::selector::is_in_zone;
use crate::world::World;

/// How often it is looked whether an outage is over: faults end by time, by number and by command.
const POLL: Duration = Duration::from_millis(20);

impl World {
    /// Stops every VM of the zone, and starts those that are still there when the fault ends. VMs that boot meanwhile stop too.
    pub(super) fn begin_zone_outage(self: &Arc<Self>, fault: &str, zone: &str) {
        let (world, fault, zone) = (Arc::clone(self), fault.to_owned(), zone.to_owned());
        self.stop_zone(&fault, &zone);
        self.tasks.spawn(async move {
            loop {
                if world.stop.run_until_cancelled(tokio::time::sleep(POLL)).await.is_none() {
                    return;
                }
                let is_over = {
                    let mut faults = world.faults();
                    faults.expire(&world.facts);
                    !faults.is_live(&fault)
                };
                if is_over {
                    break;
                }
                world.stop_zone(&fault, &zone);
            }
            for name in world.of_zone(&zone, VmState::Stopped) {
                // Those that something else has stopped stay so.
                let hit = world.vm_record(&name).is_some_and(|record| record.faults.contains(&fault));
                if hit && let Err(error) = world.restart(&name) {
                    tracing::debug!(%error, "a VM of the zone has gone before the zone came back");
                }
            }
        });
    }

    fn stop_zone(&self, fault: &str, zone: &str) {
        for name in self.of_zone(zone, VmState::Running) {
            if self.crash(&name).is_ok() {
                self.mark(&name, fault);
            }
        }
    }

    fn of_zone(&self, zone: &str, state: VmState) -> Vec<String> {
        let fleet = self.fleet();
        let of_zone = fleet.vms.values().filter(|vm| vm.record.state == state && is_in_zone(zone, &vm.record.vm));
        of_zone.map(|vm| vm.names.vm.clone()).collect()
    }
}
