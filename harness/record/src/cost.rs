//! What the VMs cost, by the prices that the facts carry.
//!
//! A VM costs money from running to gone (Azure bills from `Starting` on, and not while it creates or deallocates:
//! <https://learn.microsoft.com/azure/virtual-machines/states-billing>). One that is still there costs until the log ends. Disks, addresses and the control plane are not in it.

use std::collections::HashMap;

use crate::steps::Steps;
use crate::timeline::{Name, Timelines, VmTimeline};

/// Microseconds in an hour.
const HOUR_US: u128 = 3_600_000_000;

/// What the VMs of a run cost. Money is in millionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Spot VMs.
    pub spot_micro_usd: u64,
    /// On-demand VMs.
    pub on_demand_micro_usd: u64,
    /// What the same VMs would have cost on demand; `None` where the on-demand price of a spot VM's size is not known.
    pub at_on_demand_prices_micro_usd: Option<u64>,
    /// By how much less the VMs cost than at on-demand prices, in percent, rounded down: 19.9 % are not 20 %. `None` where those prices are not
    /// known, or nothing was spent.
    pub saved_percent: Option<u64>,
    /// The most that one of the VMs costs an hour.
    pub price_max_micro_usd_per_hour: u64,
    /// The most that the VMs running together cost an hour.
    pub peak_micro_usd_per_hour: u64,
    /// Time that VMs ran, added up, microseconds.
    pub vm_us: u64,
    /// VMs that ran and whose price is known.
    pub vms: u64,
    /// Of these: spot VMs.
    pub spot_vms: u64,
    /// Time that the spot VMs ran, added up, microseconds.
    pub spot_us: u64,
    /// VMs that ran and whose price is not known: they are in none of the sums.
    pub vms_without_price: u64,
}

impl Cost {
    /// Spot and on-demand VMs together.
    pub fn micro_usd(&self) -> u64 {
        self.spot_micro_usd.saturating_add(self.on_demand_micro_usd)
    }
}

/// The price of what ran at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PriceAt {
    pub(crate) micro_usd_per_hour: u64,
    pub(crate) vms: u64,
    pub(crate) vms_without_price: u64,
}

/// What the VMs that ran at a moment cost in an hour.
pub(crate) fn price_at(timelines: &Timelines, at_us: u64) -> PriceAt {
    let mut price = PriceAt::default();
    for vm in timelines.azure.vms.iter().filter(|vm| vm.ran_at(at_us)) {
        price.vms += 1;
        match vm.price_at(at_us) {
            Some(of_vm) => price.micro_usd_per_hour = price.micro_usd_per_hour.saturating_add(of_vm),
            None => price.vms_without_price += 1,
        }
    }
    price
}

/// The moment of a span at which the running VMs cost the most, the first of several, and what they cost then; with it the most VMs without a known
/// price that ran at any moment of it.
pub(crate) fn dearest_within(timelines: &Timelines, from_us: u64, to_us: u64) -> (u64, PriceAt) {
    let vms = || timelines.azure.vms.iter();
    let starts = vms().filter_map(|vm| vm.booted_us);
    let changes = vms().flat_map(|vm| vm.prices.iter().map(|price| price.from_us));
    let mut moments: Vec<u64> = starts.chain(changes).filter(|us| (from_us..=to_us).contains(us)).collect();
    moments.push(from_us);
    moments.sort_unstable();
    moments.dedup();
    let (mut dearest, mut unknown) = ((from_us, PriceAt::default()), 0);
    for at_us in moments {
        let price = price_at(timelines, at_us);
        unknown = unknown.max(price.vms_without_price);
        if price.micro_usd_per_hour > dearest.1.micro_usd_per_hour {
            dearest = (at_us, price);
        }
    }
    (dearest.0, PriceAt { vms_without_price: unknown, ..dearest.1 })
}

/// Until when a VM that was never seen to go is counted: as far as Azure's own ledger goes, or to the end of the log.
fn until_us(timelines: &Timelines) -> u64 {
    timelines.azure.ledger.as_ref().map_or(timelines.last_us, |ledger| ledger.until_us)
}

/// What the run's VMs cost; `None` where no VM ran whose price is known.
pub(crate) fn cost(timelines: &Timelines) -> Option<Cost> {
    cost_within(&WHOLE_RUN, timelines)
}

/// What they cost in these spans of time, which do not overlap; `None` where no VM ran in them whose price is known.
pub(crate) fn cost_within(spans: &[(u64, u64)], timelines: &Timelines) -> Option<Cost> {
    Some(cost_of(&timelines.azure.vms, spans, timelines)).filter(|cost| cost.vms > 0)
}

/// From the start of the run to its end.
pub(crate) const WHOLE_RUN: [(u64, u64); 1] = [(0, u64::MAX)];

/// What these VMs cost in these spans of time.
pub(crate) fn cost_of<'t>(
    vms: impl IntoIterator<Item = &'t VmTimeline>,
    spans: &[(u64, u64)],
    timelines: &Timelines,
) -> Cost {
    let is_spot = |vm: &VmTimeline| timelines.is_spot(vm);
    let all = timelines.azure.vms.iter();
    let on_demand: HashMap<Name, u64> = all
        .filter(|vm| !is_spot(vm))
        .filter_map(|vm| Some((vm.placed.instance_type, vm.prices.first()?.own)))
        .collect();
    let until_us = until_us(timelines);
    // Sums of price times time, divided once: many short-lived VMs must not round to nothing.
    let (mut spot, mut regular, mut same) = (0_u128, 0_u128, Some(0_u128));
    let mut cost = Cost::default();
    let mut changes = Vec::new();
    for vm in vms {
        let Some(from_us) = vm.booted_us else { continue };
        let to_us = vm.gone_us().unwrap_or(until_us).max(from_us);
        let parts: Vec<(u64, u64)> = spans.iter().filter_map(|span| common((from_us, to_us), *span)).collect();
        if parts.is_empty() {
            continue;
        }
        if vm.prices.is_empty() {
            cost.vms_without_price += 1;
            continue;
        }
        let ran_us = parts.iter().map(|(from_us, to_us)| to_us - from_us).sum::<u64>();
        cost.vms += 1;
        cost.vm_us = cost.vm_us.saturating_add(ran_us);
        if is_spot(vm) {
            cost.spot_vms += 1;
            cost.spot_us = cost.spot_us.saturating_add(ran_us);
        }
        for (held, price) in vm.prices_held() {
            let paid: Vec<(u64, u64)> = parts.iter().filter_map(|part| common(*part, held)).collect();
            if paid.is_empty() {
                continue;
            }
            let paid_us = u128::from(paid.iter().map(|(from_us, to_us)| to_us - from_us).sum::<u64>());
            cost.price_max_micro_usd_per_hour = cost.price_max_micro_usd_per_hour.max(price.own);
            let amount = u128::from(price.own) * paid_us;
            let regular_price = if is_spot(vm) {
                spot += amount;
                price.on_demand.or_else(|| on_demand.get(&vm.placed.instance_type).copied())
            } else {
                regular += amount;
                Some(price.own)
            };
            same = same.zip(regular_price).map(|(same, price)| same + u128::from(price) * paid_us);
            let price = i64::try_from(price.own).unwrap_or(i64::MAX);
            changes.extend(paid.iter().flat_map(|(from_us, to_us)| [(*from_us, price), (*to_us, -price)]));
        }
    }
    let micro_usd = |sum: u128| u64::try_from((sum + HOUR_US / 2) / HOUR_US).unwrap_or(u64::MAX);
    cost.spot_micro_usd = micro_usd(spot);
    cost.on_demand_micro_usd = micro_usd(regular);
    cost.at_on_demand_prices_micro_usd = same.map(micro_usd);
    // Of the exact sums: rounded ones would make 69 % of 70 %.
    let saved = same.filter(|same| *same > 0).map(|same| same.saturating_sub(spot + regular) * 100 / same);
    cost.saved_percent = saved.and_then(|percent| u64::try_from(percent).ok());
    let steps = Steps::from_changes(changes);
    let peak = steps.all().iter().map(|(_, value)| *value).max().unwrap_or(0);
    cost.peak_micro_usd_per_hour = u64::try_from(peak).unwrap_or(0);
    cost
}

/// The part of a VM's time that is in a span; a VM that was gone at once has a part without a length.
fn common(ran: (u64, u64), span: (u64, u64)) -> Option<(u64, u64)> {
    let part = (ran.0.max(span.0), ran.1.min(span.1));
    (part.0 < part.1 || part.0 == part.1 && ran.0 == ran.1).then_some(part)
}
