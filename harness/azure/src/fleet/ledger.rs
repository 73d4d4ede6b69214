//! The ledger: how long each instance ran, what it cost, and what became of it. It is kept apart from the facts, so that a reader of the facts
//! can compare its own sums with it.

use std::collections::VecDeque;

use crate::api::{Account, LedgerSums};
use crate::clock::Stamp;
use crate::facts::VmRef;
use harness_simulation::CapacityType;

/// How many instances are kept, the newest: a few megabytes. Sums that would need older ones say how many are missing.
const INSTANCES_KEPT: usize = 100_000;

/// Nanoseconds of an hour.
const HOUR_NS: u128 = 3_600_000_000_000;

/// What became of one accepted machine. Times are nanoseconds of the monotonic clock.
#[derive(Debug)]
struct Entry {
    capacity_type: CapacityType,
    micro_usd_per_hour: u64,
    /// What it cost before its price changed, in millionths of a US dollar an hour times nanoseconds.
    paid: u128,
    /// Until when that was counted.
    paid_until_ns: u64,
    booted_ns: Option<u64>,
    /// Deleted or evicted, whichever came first.
    gone_ns: Option<u64>,
    deleted: bool,
    evicted: bool,
    crashed: bool,
    failed: Option<Box<str>>,
}

impl Entry {
    /// Up to when it ran, if it has not run on since.
    fn ran_until_ns(&self, at: Stamp) -> u64 {
        self.gone_ns.unwrap_or(at.monotonic_ns)
    }

    /// What it cost since its price changed last, in millionths of a US dollar an hour times nanoseconds.
    fn unpaid(&self, at: Stamp) -> u128 {
        let Some(booted_ns) = self.booted_ns else { return 0 };
        let ran_ns = self.ran_until_ns(at).saturating_sub(booted_ns.max(self.paid_until_ns));
        u128::from(ran_ns) * u128::from(self.micro_usd_per_hour)
    }
}

/// The entries of all instances; the fleet's lock protects them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: VecDeque<Entry>,
    /// Instances whose entries were dropped.
    dropped: u64,
}

impl Ledger {
    fn newest(&self) -> u64 {
        self.dropped + self.entries.len() as u64
    }

    /// The instance that the next accepted machine becomes.
    pub(crate) fn upcoming_instance(&self) -> u64 {
        self.newest() + 1
    }

    /// A machine was accepted, as [`Self::upcoming_instance`].
    pub(crate) fn accept(&mut self, vm: &VmRef) {
        if self.entries.len() == INSTANCES_KEPT {
            self.entries.pop_front();
            self.dropped += 1;
        }
        self.entries.push_back(Entry {
            capacity_type: vm.capacity_type,
            micro_usd_per_hour: vm.price_micro_usd_per_hour,
            paid: 0,
            paid_until_ns: 0,
            booted_ns: None,
            gone_ns: None,
            deleted: false,
            evicted: false,
            crashed: false,
            failed: None,
        });
    }

    pub(crate) fn boot(&mut self, instance: u64, at: Stamp) {
        self.change(instance, |entry| entry.booted_ns = Some(at.monotonic_ns));
    }

    /// The VM costs this from now on.
    pub(crate) fn reprice(&mut self, instance: u64, micro_usd_per_hour: u64, at: Stamp) {
        self.change(instance, |entry| {
            entry.paid += entry.unpaid(at);
            entry.paid_until_ns = at.monotonic_ns;
            entry.micro_usd_per_hour = micro_usd_per_hour;
        });
    }

    pub(crate) fn fail(&mut self, instance: u64, code: &str) {
        self.change(instance, |entry| entry.failed = Some(code.into()));
    }

    pub(crate) fn crash(&mut self, instance: u64) {
        self.change(instance, |entry| entry.crashed = true);
    }

    pub(crate) fn evict(&mut self, instance: u64, at: Stamp) {
        self.change(instance, |entry| {
            entry.evicted = true;
            entry.gone_ns.get_or_insert(at.monotonic_ns);
        });
    }

    pub(crate) fn delete(&mut self, instance: u64, at: Stamp) {
        self.change(instance, |entry| {
            entry.deleted = true;
            entry.gone_ns.get_or_insert(at.monotonic_ns);
        });
    }

    fn change(&mut self, instance: u64, change: impl FnOnce(&mut Entry)) {
        let index = instance.checked_sub(self.dropped + 1).and_then(|index| usize::try_from(index).ok());
        if let Some(entry) = index.and_then(|index| self.entries.get_mut(index)) {
            change(entry);
        }
    }

    /// The sums over the instances after one, at a moment.
    pub(crate) fn sums(&self, after: u64, fact: u64, at: Stamp) -> LedgerSums {
        let skipped = usize::try_from(after.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        let mut sums = LedgerSums {
            at,
            fact,
            instance: self.newest(),
            after,
            forgotten: self.dropped.saturating_sub(after),
            accepted: 0,
            booted: 0,
            deleted: 0,
            evicted: 0,
            crashed: 0,
            failed: Default::default(),
            spot: Account::default(),
            on_demand: Account::default(),
        };
        // Divided once: many short-lived VMs must not round to nothing.
        let (mut spot, mut on_demand) = (Running::default(), Running::default());
        for entry in self.entries.iter().skip(skipped) {
            sums.accepted += 1;
            sums.booted += u64::from(entry.booted_ns.is_some());
            sums.deleted += u64::from(entry.deleted);
            sums.evicted += u64::from(entry.evicted);
            sums.crashed += u64::from(entry.crashed);
            if let Some(code) = &entry.failed {
                *sums.failed.entry(code.to_string()).or_default() += 1;
            }
            if let Some(booted_ns) = entry.booted_ns {
                let ran_ns = entry.ran_until_ns(at).saturating_sub(booted_ns);
                let running = match entry.capacity_type {
                    CapacityType::Spot => &mut spot,
                    CapacityType::OnDemand => &mut on_demand,
                };
                running.add(ran_ns, entry.paid + entry.unpaid(at));
            }
        }
        sums.spot = spot.account();
        sums.on_demand = on_demand.account();
        sums
    }
}

#[derive(Default)]
struct Running {
    vms: u64,
    ns: u128,
    /// Millionths of a US dollar an hour times nanoseconds.
    price_ns: u128,
}

impl Running {
    fn add(&mut self, ran_ns: u64, price_ns: u128) {
        self.vms += 1;
        self.ns += u128::from(ran_ns);
        self.price_ns += price_ns;
    }

    fn account(&self) -> Account {
        let whole = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
        Account {
            vms: self.vms,
            running_us: whole(self.ns / 1_000),
            micro_usd: whole((self.price_ns + HOUR_NS / 2) / HOUR_NS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    const SECOND_NS: u64 = 1_000_000_000;

    fn at(seconds: u64) -> Stamp {
        Stamp { monotonic_ns: seconds * SECOND_NS, wall: Timestamp::UNIX_EPOCH }
    }

    fn accept(ledger: &mut Ledger, capacity_type: CapacityType, price_micro_usd_per_hour: u64) -> u64 {
        let instance = ledger.upcoming_instance();
        ledger.accept(&VmRef {
            instance,
            capacity_type,
            price_micro_usd_per_hour,
            on_demand_micro_usd_per_hour: 200_000,
            ..VmRef::example()
        });
        instance
    }

    #[test]
    fn each_attempt_under_one_name_has_its_own_capacity_type_price_and_times() {
        let mut ledger = Ledger::default();
        let failed = accept(&mut ledger, CapacityType::Spot, 60_000);
        ledger.fail(failed, "SkuNotAvailable");
        ledger.delete(failed, at(1));
        let regular = accept(&mut ledger, CapacityType::OnDemand, 200_000);
        ledger.boot(regular, at(10));
        let spot = accept(&mut ledger, CapacityType::Spot, 60_000);
        ledger.boot(spot, at(100));
        ledger.crash(spot);
        ledger.crash(spot);
        ledger.evict(spot, at(1_900));
        ledger.delete(spot, at(1_905));
        let sums = ledger.sums(0, 7, at(3_610));
        assert_eq!((sums.accepted, sums.booted, sums.deleted, sums.evicted, sums.crashed), (3, 2, 2, 1, 1));
        assert_eq!(sums.failed, [("SkuNotAvailable".to_owned(), 1)].into());
        assert_eq!(sums.spot, Account { vms: 1, running_us: 1_800_000_000, micro_usd: 30_000 });
        assert_eq!(sums.on_demand, Account { vms: 1, running_us: 3_600_000_000, micro_usd: 200_000 });
        assert_eq!((sums.fact, sums.instance, sums.forgotten), (7, spot, 0));
        let later = ledger.sums(regular, 7, at(3_610));
        assert_eq!((later.accepted, later.on_demand, later.spot), (1, Account::default(), sums.spot));
    }

    #[test]
    fn a_vm_pays_each_price_for_as_long_as_it_holds() {
        let mut ledger = Ledger::default();
        let spot = accept(&mut ledger, CapacityType::Spot, 60_000);
        // While it boots nothing is paid, and what it costs then is the newer price.
        ledger.reprice(spot, 120_000, at(50));
        ledger.boot(spot, at(100));
        ledger.reprice(spot, 240_000, at(1_900));
        let sums = ledger.sums(0, 0, at(3_700));
        assert_eq!(sums.spot, Account { vms: 1, running_us: 3_600_000_000, micro_usd: 180_000 });
        ledger.delete(spot, at(3_700));
        ledger.reprice(spot, 1, at(4_000));
        assert_eq!(ledger.sums(0, 0, at(9_000)).spot.micro_usd, 180_000);
    }

    #[test]
    fn sums_that_need_a_dropped_instance_say_so() {
        let mut ledger = Ledger::default();
        for _ in 0..INSTANCES_KEPT + 3 {
            accept(&mut ledger, CapacityType::OnDemand, 1);
        }
        let newest = INSTANCES_KEPT as u64 + 3;
        ledger.boot(newest, at(1));
        assert_eq!(ledger.sums(0, 0, at(2)).forgotten, 3);
        assert_eq!(ledger.sums(2, 0, at(2)).forgotten, 1);
        let sums = ledger.sums(3, 0, at(2));
        assert_eq!((sums.forgotten, sums.accepted, sums.booted), (0, INSTANCES_KEPT as u64, 1));
        assert_eq!(ledger.sums(newest, 0, at(2)).accepted, 0);
    }
}
