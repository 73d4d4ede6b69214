//! Accepting a machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::watch;

use super::vm_task;
use crate::api::{Draw, VmRecord, VmState};
use crate::clock::{PRESENT_NS, Stamp};
use crate::config::next_patch;
use crate::draws::{child, draw};
use crate::facts::{FactKind, VmRef};
use crate::faults::Subject;
use crate::fleet::{
    Defaults, MachineSpec, MachineState, Names, Signal, SpecError, Vm, echo, not_supported, quota_error,
};
use crate::images::{default_node_image_version, newer as newer_image};
use crate::world::World;
use harness_simulation::{Behaviour, Leg, VersionOf};
use harness_units::Span;

/// A PUT of one machine.
#[derive(Debug, Clone)]
pub(crate) struct PutRequest {
    pub(crate) pool: String,
    pub(crate) machine: String,
    pub(crate) properties: Map<String, Value>,
    pub(crate) zones: Vec<String>,
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: bool,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PutOutcome {
    /// A new machine, and the operation that creates it.
    Created(String),
    /// The machine exists; its creation continues under this operation.
    Continuing(String),
    /// The machine was there and is done; tags may have changed.
    Updated,
}

/// Why a PUT is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum PutError {
    #[error(transparent)]
    Spec(#[from] SpecError),
    #[error("{0}")]
    SizeNotSupported(String),
    #[error("The machine '{0}' was changed meanwhile: its eTag does not match.")]
    Precondition(String),
    #[error("Changing property 'properties.{0}' is not allowed.")]
    Immutable(&'static str),
    #[error("Operation is not allowed: machine '{0}' is being deleted.")]
    Deleting(String),
}

impl World {
    /// What a machine has at present where its body does not say.
    pub(crate) fn defaults(&self) -> Defaults {
        Defaults {
            kubernetes_version: self.kubernetes_version(),
            node_image_version: default_node_image_version(&self.image_version()),
        }
    }

    /// Creates a machine, or updates the one of that name.
    pub(crate) fn put_machine(self: &Arc<Self>, request: PutRequest) -> Result<PutOutcome, PutError> {
        let properties = Value::Object(request.properties.clone());
        let mut spec =
            MachineSpec::parse(&properties, request.zones.clone(), &self.config, self.catalogue, self.defaults())?;
        let addresses = self.network().addresses(&spec.subnet_id(&self.config));
        let mut fleet = self.fleet();
        if let Some(vm) = fleet.vms.get(&request.machine) {
            let etag = vm.etag_text();
            check_update(vm, &spec, &request)?;
            if request.if_match.as_deref().is_some_and(|m| m != "*" && m != etag) || request.if_none_match {
                return Err(PutError::Precondition(request.machine));
            }
            let next = fleet.next_etag();
            let Some(vm) = fleet.vms.get_mut(&request.machine) else {
                return Err(PutError::Precondition(request.machine));
            };
            if vm.spec.tags != spec.tags {
                vm.etag = next;
                vm.spec = Arc::new(MachineSpec { tags: spec.tags, ..(*vm.spec).clone() });
            }
            return Ok(match (vm.machine_state(), vm.put_operations.last()) {
                (MachineState::Creating, Some(operation)) => PutOutcome::Continuing(operation.clone()),
                _ => PutOutcome::Updated,
            });
        }
        if request.if_match.is_some() {
            return Err(PutError::Precondition(request.machine));
        }

        let behaviour = self.behaviour();
        let names = Arc::new(Names::new(&self.config, &request.pool, &request.machine));
        let instance = fleet.ledger.upcoming_instance();
        let vm_ref = spec.vm_ref(instance, &fleet.prices, &request.machine, &names, &self.config.location);
        let vm_ref = Arc::new(vm_ref);
        let subject = Subject { vm: &vm_ref, ordinal: fleet.upcoming_ordinal(&vm_ref.nodepool), seed: behaviour.seed };
        if self.faults().size_not_supported(&self.facts, subject) {
            return Err(PutError::SizeNotSupported(not_supported(&vm_ref.sku, &self.config.location)));
        }
        let ordinal = fleet.next_ordinal(&vm_ref.nodepool);

        let newer = self.faults().newer_version(&self.facts, subject);
        if let Some((_, of)) = &newer {
            match of {
                VersionOf::Kubernetes => spec.kubernetes_version = next_patch(&spec.kubernetes_version),
                VersionOf::NodeImage => spec.node_image_version = newer_image(&spec.node_image_version),
            }
        }

        let limits = self.limits_at(PRESENT_NS);
        let reserved =
            fleet.quota.reserve(&limits, &vm_ref.quota_family, &vm_ref.family, vm_ref.capacity_type, vm_ref.vcpus);
        // Instances count from 1.
        let address = addresses.address(instance.saturating_sub(1));
        let operation = self.operations().begin(1);
        let accepted = self.facts.push(FactKind::VmAccepted { vm: Arc::clone(&vm_ref) });
        fleet.ledger.accept(&vm_ref);
        let (signal, heard) = watch::channel(Signal::default());
        let etag = fleet.next_etag();
        let mut record = record(&behaviour, &spec, &names, &vm_ref, ordinal, accepted);
        record.faults.extend(newer.map(|(id, _)| id));
        let vm = Vm {
            pool: request.pool,
            record,
            echo: echo(&request.properties, &spec, &names, address),
            spec: Arc::new(spec),
            names,
            address,
            etag,
            holds_quota: reserved.is_ok(),
            stopped_by_outage: false,
            signal,
            put_operations: vec![operation.clone()],
            delete_operations: Vec::new(),
        };
        fleet.insert(&request.machine, vm);
        if let Err(exceeded) = reserved {
            // Azure decides on quota before it looks for a machine: the first GET after the PUT shows it already.
            let error = quota_error(&exceeded, &self.config.location);
            self.fail_creation(&mut fleet, &request.machine, error, None);
        }
        drop(fleet);
        self.tasks.spawn(vm_task::live(Arc::clone(self), request.machine, heard));
        Ok(PutOutcome::Created(operation))
    }
}

fn check_update(vm: &Vm, spec: &MachineSpec, request: &PutRequest) -> Result<(), PutError> {
    if vm.machine_state() == MachineState::Deleting {
        return Err(PutError::Deleting(request.machine.clone()));
    }
    if vm.pool != request.pool {
        return Err(PutError::Immutable("agentPool"));
    }
    if vm.spec.sku.name != spec.sku.name {
        return Err(PutError::Immutable("hardware.vmSize"));
    }
    if vm.spec.capacity_type != spec.capacity_type {
        return Err(PutError::Immutable("priority"));
    }
    if vm.spec.zones != spec.zones {
        return Err(PutError::Immutable("zones"));
    }
    Ok(())
}

/// The record of a VM that has just been accepted, with the draw of each leg.
fn record(
    behaviour: &Behaviour,
    spec: &MachineSpec,
    names: &Names,
    vm: &Arc<VmRef>,
    ordinal: u64,
    accepted: Stamp,
) -> VmRecord {
    let draws: BTreeMap<Leg, Draw> = Leg::ALL
        .iter()
        .map(|&leg| {
            let distribution = behaviour.leg(leg, &vm.family, &vm.quota_family, vm.capacity_type);
            let mut rng = child(behaviour.seed, leg.as_str(), &vm.nodepool, ordinal);
            let drawn = Span::from(draw(&distribution, &mut rng));
            (leg, Draw { drawn, effective: Some(drawn) })
        })
        .collect();
    VmRecord {
        vm: Arc::clone(vm),
        state: VmState::Accepted,
        ordinal,
        vm_id: names.vm_id.clone(),
        vcpus: spec.sku.vcpus,
        price_per_hour: vm.price_micro_usd_per_hour as f64 / 1e6,
        draws,
        accepted,
        creating: None,
        booted: None,
        registered: None,
        ready: None,
        delete_requested: None,
        deleted: None,
        failed: None,
        failure: None,
        faults: Vec::new(),
    }
}
