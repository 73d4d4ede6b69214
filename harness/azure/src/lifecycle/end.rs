//! Deleting machines and taking VMs away.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::{ProvisioningError, VmRecord, VmState};
use crate::facts::FactKind;
use crate::faults::Subject;
use crate::fleet::End;
use crate::fleet::Fleet;
use crate::world::World;
use harness_simulation::Leg;
use harness_units::Span;

/// Why machines cannot be deleted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum DeleteError {
    /// The text that the provider looks for (`pkg/utils/machine` of Azure/karpenter-provider-azure).
    #[error(
        "Cannot find any valid machines to delete. Please check your input machine names. The valid machines to delete in agent pool '{pool}' are: {valid}."
    )]
    NoneValid { pool: String, valid: String },
}

/// How a VM is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Deleted, which takes its time.
    Deleted,
    /// Evicted: removed immediately.
    Evicted,
    /// Removed immediately, by a reset.
    Reset,
}

impl World {
    /// Begins to delete these machines of a pool; unknown names are passed over. Returns the operation.
    pub(crate) fn delete_machines(&self, pool: &str, machines: &[String]) -> Result<String, DeleteError> {
        let mut fleet = self.fleet();
        let mut valid: Vec<&String> =
            machines.iter().filter(|m| fleet.vms.get(*m).is_some_and(|vm| vm.pool == pool)).collect();
        valid.sort();
        valid.dedup();
        if valid.is_empty() {
            let known: Vec<&str> =
                fleet.vms.iter().filter(|(_, vm)| vm.pool == pool).map(|(name, _)| name.as_str()).take(20).collect();
            return Err(DeleteError::NoneValid { pool: pool.to_owned(), valid: known.join(", ") });
        }
        let operation = self.operations().begin(valid.len());
        for machine in valid {
            self.take(&mut fleet, machine, Taken::Deleted, Some(&operation));
        }
        Ok(operation)
    }

    /// Lets a VM end. One that is ending already only gets the further operation.
    pub(super) fn take(&self, fleet: &mut Fleet, machine: &str, how: Taken, operation: Option<&str>) {
        let Some(vm) = fleet.vms.get_mut(machine) else {
            return;
        };
        vm.delete_operations.extend(operation.map(str::to_owned));
        if vm.record.state == VmState::Deleting && how == Taken::Deleted {
            return;
        }
        let preempted = ProvisioningError {
            code: "OperationPreempted".to_owned(),
            message: "The operation has been preempted by a more recent operation.".to_owned(),
        };
        for id in std::mem::take(&mut vm.put_operations) {
            self.operations().fail(&id, &preempted);
        }
        let who = Arc::clone(&vm.record.vm);
        let instance = who.instance;
        let stamp = self.facts.push(match how {
            Taken::Evicted => FactKind::SpotEvicted { vm: who },
            Taken::Deleted | Taken::Reset => FactKind::VmDeleteRequested { vm: who },
        });
        vm.record.delete_requested.get_or_insert(stamp);
        let takes = match how {
            // A machine that failed has no VM to wait for.
            Taken::Deleted if vm.record.state == VmState::Failed => Duration::ZERO,
            Taken::Deleted => self.deletion(&mut vm.record),
            Taken::Evicted | Taken::Reset => Duration::ZERO,
        };
        vm.record.state = VmState::Deleting;
        let end = End { takes, asked: Instant::now() };
        vm.signal.send_modify(|s| s.end = Some(end));
        if how == Taken::Evicted {
            fleet.ledger.evict(instance, stamp);
        }
    }

    /// How long the deletion of a VM takes, and with which faults.
    fn deletion(&self, record: &mut VmRecord) -> Duration {
        let subject = Subject { vm: &record.vm, ordinal: record.ordinal, seed: self.behaviour().seed };
        let slow = self.faults().slow_delete(&self.facts, subject);
        let Some(draw) = record.draws.get_mut(&Leg::Delete) else {
            return slow.map_or(Duration::ZERO, |(_, extra)| extra);
        };
        let mut takes = draw.effective.map_or(Duration::ZERO, Span::as_duration);
        if let Some((id, extra)) = slow {
            takes = takes.saturating_add(extra);
            draw.effective = Some(takes.into());
            record.faults.push(id);
        }
        takes
    }
}
