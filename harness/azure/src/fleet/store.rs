//! The VMs that exist, and the records of those that did.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tokio::sync::watch;

use super::ledger::Ledger;
use super::vm::{Signal, Vm};
use crate::api::VmRecord;
use crate::clock::PRESENT_NS;
use crate::prices::Prices;
use crate::quota::Quota;

/// How many records of removed VMs are kept; the oldest are dropped first.
pub(crate) const GONE_KEPT: usize = 10_000;

/// Everything the fleet's lock protects.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    /// By the machine's name. Machine names are unique in a cluster's machines pool.
    pub(crate) vms: BTreeMap<String, Vm>,
    /// VM name to machine name.
    pub(crate) by_vm_name: HashMap<String, String>,
    pub(crate) gone: VecDeque<VmRecord>,
    /// VMs that were removed and that lists which lag may still have, in the order of their removal.
    pub(crate) ghosts: VecDeque<Vm>,
    /// The signals of Nodes that outlive their VMs, by instance; `end` ends them.
    pub(crate) orphans: HashMap<u64, watch::Sender<Signal>>,
    pub(crate) quota: Quota,
    /// What VMs cost an hour.
    pub(crate) prices: Prices,
    /// What the VMs ran and cost, by instance.
    pub(crate) ledger: Ledger,
    /// The next ordinal by node pool, since the behaviour was set.
    ordinals: HashMap<String, u64>,
    etags: u64,
}

impl Fleet {
    pub(crate) fn next_ordinal(&mut self, nodepool: &str) -> u64 {
        let next = self.ordinals.entry(nodepool.to_owned()).or_default();
        *next += 1;
        *next - 1
    }

    /// The ordinal that the next VM of this node pool gets.
    pub(crate) fn upcoming_ordinal(&self, nodepool: &str) -> u64 {
        self.ordinals.get(nodepool).copied().unwrap_or(0)
    }

    pub(crate) fn next_etag(&mut self) -> u64 {
        self.etags += 1;
        self.etags
    }

    pub(crate) fn insert(&mut self, machine: &str, vm: Vm) {
        self.by_vm_name.insert(vm.names.vm.to_lowercase(), machine.to_owned());
        self.vms.insert(machine.to_owned(), vm);
    }

    /// Takes a VM out and keeps its record.
    pub(crate) fn bury(&mut self, machine: &str) -> Option<Vm> {
        let mut vm = self.vms.remove(machine)?;
        self.by_vm_name.remove(&vm.names.vm.to_lowercase());
        release(&mut self.quota, &mut vm);
        if self.gone.len() == GONE_KEPT {
            self.gone.pop_front();
        }
        Some(vm)
    }

    /// Every VM that a list may have: those that are there, and those that it has not seen go.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &Vm> {
        self.vms.values().chain(&self.ghosts)
    }

    /// Forgets the removed VMs that no list has any more: the oldest answers with the state of this moment.
    pub(crate) fn forget_ghosts_before(&mut self, oldest_ns: u64) {
        while self.ghosts.pop_front_if(|vm| vm.was_gone_at(oldest_ns)).is_some() {}
    }

    /// The cores in use at a moment.
    pub(crate) fn quota_at(&self, at_ns: u64) -> Quota {
        if at_ns == PRESENT_NS {
            return self.quota.clone();
        }
        let mut quota = Quota::default();
        for vm in self.listed().filter(|vm| vm.held_quota_at(at_ns)) {
            let sku = &vm.spec.sku;
            quota.take(&sku.series.quota_family, vm.spec.capacity_type, sku.vcpus);
        }
        quota
    }

    /// Gives the cores of a VM back that stays.
    pub(crate) fn release_quota_of(&mut self, machine: &str) {
        if let Some(vm) = self.vms.get_mut(machine) {
            release(&mut self.quota, vm);
        }
    }

    /// The VM of this VM, machine or NodeClaim name.
    pub(crate) fn find(&self, name: &str) -> Option<&Vm> {
        let by_nodeclaim = || self.vms.values().find(|vm| vm.record.vm.nodeclaim == name);
        self.vms.get(name).or_else(|| self.by_vm(name)).or_else(by_nodeclaim)
    }

    pub(crate) fn find_mut(&mut self, name: &str) -> Option<&mut Vm> {
        let machine = self.find(name)?.record.vm.machine.clone();
        self.vms.get_mut(&machine)
    }

    /// The VM of this name, in any case.
    pub(crate) fn by_vm(&self, name: &str) -> Option<&Vm> {
        self.vms.get(self.by_vm_name.get(&name.to_lowercase())?)
    }

    /// Every record, in the order of acceptance.
    pub(crate) fn records(&self) -> Vec<VmRecord> {
        let mut all: Vec<VmRecord> = self.gone.iter().cloned().collect();
        all.extend(self.vms.values().map(|vm| vm.record.clone()));
        all.sort_by_key(|r| r.accepted.monotonic_ns);
        all
    }

    /// Forgets the records of the dead.
    pub(crate) fn forget(&mut self) {
        self.gone.clear();
        self.ghosts.clear();
    }

    /// The next VM of each node pool is its first.
    pub(crate) fn count_anew(&mut self) {
        self.ordinals.clear();
    }
}

/// Gives back the cores that a VM holds.
fn release(quota: &mut Quota, vm: &mut Vm) {
    if std::mem::take(&mut vm.holds_quota) {
        let sku = &vm.spec.sku;
        quota.release(&sku.series.quota_family, vm.spec.capacity_type, sku.vcpus);
    }
}
