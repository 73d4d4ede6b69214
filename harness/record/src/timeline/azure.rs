//! The simulated Azure's record of its VMs and of itself.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::nodes::Placed;
use crate::event::{AzureFact, AzureFactKind, Ledger, QuotaSet};
use crate::names::{Name, Names};

/// The timeline of one VM: of one creation that Azure accepted. A further one under the same name is another VM, with a capacity type, zone, size,
/// price and times of its own. Times are those of the simulator (`occurred_us`).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct VmTimeline {
    pub(crate) name: Name,
    /// Azure's number of it; `None` in logs of minor version 0.
    pub(crate) instance: Option<u64>,
    pub(crate) nodeclaim: Name,
    pub(crate) placed: Placed,
    /// The letter of its family.
    pub(crate) family: Name,
    /// What its vCPUs count against, as Azure writes it; in logs of before minor version 2, as its size suggests.
    pub(crate) quota_family: Name,
    pub(crate) accepted_us: Option<u64>,
    /// When there was a machine for it; a creation that fails for a reason has none.
    pub(crate) creating_us: Option<u64>,
    pub(crate) booted_us: Option<u64>,
    pub(crate) registered_us: Option<u64>,
    pub(crate) ready_us: Option<u64>,
    pub(crate) delete_requested_us: Option<u64>,
    pub(crate) deleted_us: Option<u64>,
    pub(crate) crashed_us: Option<u64>,
    pub(crate) noticed_us: Option<u64>,
    pub(crate) evicted_us: Option<u64>,
    pub(crate) failed_us: Option<u64>,
    pub(crate) code: Name,
    pub(crate) vcpus: Option<u32>,
    /// What it costs, and from when on, in time; the first holds from its start. Empty where no fact says it.
    pub(crate) prices: Vec<VmPrice>,
}

/// What a VM costs from a moment on, in millionths of a US dollar an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VmPrice {
    pub(crate) from_us: u64,
    pub(crate) own: u64,
    /// What it would cost on demand.
    pub(crate) on_demand: Option<u64>,
}

impl VmTimeline {
    /// When the VM was gone.
    pub(crate) fn gone_us(&self) -> Option<u64> {
        match (self.evicted_us, self.deleted_us) {
            (Some(evicted_us), Some(deleted_us)) => Some(evicted_us.min(deleted_us)),
            (evicted_us, deleted_us) => evicted_us.or(deleted_us),
        }
    }

    /// Whether it ran at a moment.
    pub(crate) fn ran_at(&self, at_us: u64) -> bool {
        self.booted_us.is_some_and(|us| us <= at_us) && self.gone_us().is_none_or(|us| us > at_us)
    }

    /// What it cost at a moment.
    pub(crate) fn price_at(&self, at_us: u64) -> Option<u64> {
        Some(self.prices.iter().rev().find(|price| price.from_us <= at_us)?.own)
    }

    /// Its prices, each with the time in which it held.
    pub(crate) fn prices_held(&self) -> impl Iterator<Item = ((u64, u64), VmPrice)> {
        let ends = self.prices.iter().skip(1).map(|price| price.from_us).chain([u64::MAX]);
        self.prices.iter().zip(ends).map(|(price, end_us)| ((price.from_us, end_us), *price))
    }

    fn learn_price(&mut self, at_us: u64, fact: &AzureFact) {
        let Some(own) = fact.price_micro_usd_per_hour else { return };
        let on_demand = fact.on_demand_micro_usd_per_hour;
        match self.prices.first_mut() {
            None => self.prices.push(VmPrice { from_us: 0, own, on_demand }),
            Some(_) if fact.what == AzureFactKind::VmPriceChanged => {
                self.prices.push(VmPrice { from_us: at_us, own, on_demand });
            }
            Some(first) => first.on_demand = first.on_demand.or(on_demand),
        }
    }
}

/// Creations that failed with one code in one pool.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Failures {
    pub(crate) times: Recurrence,
    /// That of the first.
    pub(crate) message: String,
}

/// How often something happened, and between when.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Recurrence {
    pub(crate) count: u64,
    pub(crate) first_us: u64,
    pub(crate) last_us: u64,
}

impl Recurrence {
    fn add(&mut self, at_us: u64, times: u64) {
        self.first_us = if self.count == 0 { at_us } else { self.first_us.min(at_us) };
        self.last_us = self.last_us.max(at_us);
        self.count += times;
    }
}

/// Different unmodelled calls that are named; a broken simulator could produce one for each request.
const CALLS_NAMED: usize = 20;

/// Everything that the simulated Azure reported.
#[derive(Clone, Debug, Default)]
pub(crate) struct Azure {
    /// The newest VM of each name.
    newest: HashMap<Name, u32>,
    by_instance: HashMap<u64, u32>,
    /// In the order in which they were accepted.
    pub(crate) vms: Vec<VmTimeline>,
    pub(crate) failures: BTreeMap<(Name, Name), Failures>,
    pub(crate) throttled: Recurrence,
    pub(crate) refused: Recurrence,
    pub(crate) unmodelled: u64,
    pub(crate) unmodelled_calls: BTreeMap<String, u64>,
    pub(crate) facts_lost: u64,
    pub(crate) facts: u64,
    /// When a fault began that sets a quota, and when it ended, with its name and what it sets, in the order of the log.
    pub(crate) quotas: Vec<(u64, String, Option<QuotaSet>)>,
    /// Azure's own sums, at the end of the run.
    pub(crate) ledger: Option<Ledger>,
}

/// How many events a fact stands for; a fact without a number stands for one.
fn times(fact: &AzureFact) -> u64 {
    fact.message.parse().unwrap_or(1).max(1)
}

/// The letter and the quota family of a fact's VM. Logs of before minor version 2 do not say them; there they are those that the size suggests.
fn families(fact: &AzureFact) -> (&str, Cow<'_, str>) {
    if fact.quota_family.is_empty() {
        let (letter, quota_family) = families_of_size(&fact.instance_type);
        (letter, quota_family.into())
    } else {
        (&fact.family, (&fact.quota_family).into())
    }
}

/// `D` and `standardDSv3Family` of `Standard_D4s_v3`; both are empty where the size is. Azure names most quota families after a series, which is
/// what a size is without its number. VMs of the few that Azure names otherwise (Dasv6, Easv6, Bms, NCasT4v3) are still added up by series and
/// known by their letter, but not by the name of their quota family.
fn families_of_size(size: &str) -> (&str, String) {
    let size = size.split_once('_').map_or(size, |(_, size)| size);
    let Some(letter) = size.get(..1) else { return ("", String::new()) };
    let (letters, rest) = size.split_at(size.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(size.len()));
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
    let (features, version) = rest.split_once('_').unwrap_or((rest, ""));
    let version = version.replace('_', "");
    (letter, format!("standard{letters}{}{version}Family", features.to_ascii_uppercase()))
}

impl Azure {
    pub(crate) fn apply(&mut self, fact: &AzureFact, names: &mut Names) {
        self.facts += 1;
        let at_us = fact.occurred_us;
        match fact.what {
            AzureFactKind::Throttled => self.throttled.add(at_us, 1),
            AzureFactKind::Refused => self.refused.add(at_us, times(fact)),
            AzureFactKind::UnmodelledCall => {
                self.unmodelled += 1;
                if let Some(count) = self.unmodelled_calls.get_mut(&fact.message) {
                    *count += 1;
                } else if self.unmodelled_calls.len() < CALLS_NAMED {
                    self.unmodelled_calls.insert(fact.message.clone(), 1);
                }
            }
            AzureFactKind::FactsLost => self.facts_lost += times(fact),
            AzureFactKind::PricesRead => {}
            AzureFactKind::FaultBegan | AzureFactKind::FaultEnded => {
                let sets_one = |fault: &str| self.quotas.iter().any(|(_, known, _)| known == fault);
                if fact.quota.is_some() || sets_one(&fact.fault) {
                    self.quotas.push((at_us, fact.fault.clone(), fact.quota.clone()));
                }
            }
            _ => self.apply_vm(at_us, fact, names),
        }
    }

    /// The VM that a fact is about; a new one where the fact starts it, or is the first about it.
    fn index(&mut self, name: Name, fact: &AzureFact) -> u32 {
        let known = match fact.instance {
            Some(instance) => self.by_instance.get(&instance),
            None if fact.what == AzureFactKind::VmAccepted => None,
            None => self.newest.get(&name),
        };
        if let Some(index) = known {
            return *index;
        }
        let index = self.vms.len() as u32;
        self.vms.push(VmTimeline { name, instance: fact.instance, ..VmTimeline::default() });
        self.newest.insert(name, index);
        self.by_instance.extend(fact.instance.map(|instance| (instance, index)));
        index
    }

    fn apply_vm(&mut self, at_us: u64, fact: &AzureFact, names: &mut Names) {
        let code = names.intern(&fact.code);
        let nodepool = names.intern(&fact.nodepool);
        if fact.what == AzureFactKind::ProvisioningFailed {
            let message = || Failures { message: fact.message.clone(), ..Failures::default() };
            self.failures.entry((nodepool, code)).or_insert_with(message).times.add(at_us, 1);
        }
        let text = if fact.vm.is_empty() { &fact.nodeclaim } else { &fact.vm };
        if text.is_empty() {
            return;
        }
        let name = names.intern(text);
        let index = self.index(name, fact);
        let Some(vm) = self.vms.get_mut(index as usize) else { return };
        vm.nodeclaim = vm.nodeclaim.or(names.intern(&fact.nodeclaim));
        vm.placed = vm.placed.or(Placed {
            nodepool,
            instance_type: names.intern(&fact.instance_type),
            capacity_type: names.intern(&fact.capacity_type),
            zone: names.intern(&fact.zone),
            ..Placed::default()
        });
        if vm.quota_family.is_none() {
            let (letter, quota_family) = families(fact);
            (vm.family, vm.quota_family) = (names.intern(letter), names.intern(&quota_family));
        }
        vm.vcpus = vm.vcpus.or(fact.vcpus);
        vm.learn_price(at_us, fact);
        let slot = match fact.what {
            AzureFactKind::VmAccepted => &mut vm.accepted_us,
            AzureFactKind::VmCreating => &mut vm.creating_us,
            AzureFactKind::VmBooted => &mut vm.booted_us,
            AzureFactKind::NodeRegistered => &mut vm.registered_us,
            AzureFactKind::NodeReady => &mut vm.ready_us,
            AzureFactKind::VmDeleteRequested => &mut vm.delete_requested_us,
            AzureFactKind::VmDeleted => &mut vm.deleted_us,
            AzureFactKind::VmCrashed => &mut vm.crashed_us,
            AzureFactKind::SpotNotice => &mut vm.noticed_us,
            AzureFactKind::SpotEvicted => &mut vm.evicted_us,
            AzureFactKind::ProvisioningFailed => {
                vm.code = code;
                &mut vm.failed_us
            }
            _ => return,
        };
        slot.get_or_insert(at_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// The quota families are those of Azure's catalogue.
    #[rstest]
    #[case("Standard_F4s_v2", "F", "standardFSv2Family")]
    #[case("Standard_D4s_v3", "D", "standardDSv3Family")]
    #[case("Standard_D4as_v5", "D", "standardDASv5Family")]
    #[case("Standard_E8-2s_v5", "E", "standardESv5Family")]
    #[case("Standard_D4_v3", "D", "standardDv3Family")]
    // Before, its letters were `DS`, and no quota was of them.
    #[case("Standard_DS2_v2", "D", "standardDSv2Family")]
    #[case("Standard_B2s", "B", "standardBSFamily")]
    // Azure names this one otherwise. Before, its letters were `NC`.
    #[case("Standard_NC64as_T4_v3", "N", "standardNCAST4v3Family")]
    #[case("", "", "")]
    fn a_size_has_a_letter_and_a_quota_family(#[case] size: &str, #[case] letter: &str, #[case] quota_family: &str) {
        assert_eq!(families_of_size(size), (letter, quota_family.to_owned()));
    }
}
