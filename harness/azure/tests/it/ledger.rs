//! The ledger is the sum over the facts, whatever happens to the VMs: it is kept apart from them so that readers of the facts can check themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use harness_azure::control::LedgerSums;
use harness_azure::{Fact, FactKind};
use harness_simulation::{AzurePrice, CapacityType, Distribution, Fault, FaultKind, VmSelector};
use harness_units::{Percent, Share, Span};
use rstest::rstest;

use crate::support::{Lab, instant};

/// Machines of a few names, which are used again and again.
const NAMES: [&str; 4] = ["web-1", "web-2", "batch-1", "batch-2"];
const COMMANDS: usize = 160;
/// After this many commands the ledger is compared.
const EVERY: usize = 8;

/// A VM that booted.
struct Ran {
    spot: bool,
    /// Its prices, and since when each holds.
    prices: Vec<(u64, u64)>,
    until_ns: Option<u64>,
}

/// Counts and times by instance, one fact after the other.
fn sums(facts: &[Fact], ledger: &LedgerSums) -> LedgerSums {
    let mut sums = LedgerSums {
        accepted: 0,
        booted: 0,
        deleted: 0,
        evicted: 0,
        crashed: 0,
        failed: BTreeMap::new(),
        spot: Default::default(),
        on_demand: Default::default(),
        ..ledger.clone()
    };
    let mut ran: BTreeMap<u64, Ran> = BTreeMap::new();
    let mut crashed: Vec<u64> = Vec::new();
    for fact in facts.iter().filter(|fact| fact.seq <= ledger.fact) {
        let Some(vm) = fact.kind.vm().filter(|vm| vm.instance > ledger.after) else { continue };
        match &fact.kind {
            FactKind::VmAccepted { .. } => sums.accepted += 1,
            FactKind::ProvisioningFailed { code, .. } => *sums.failed.entry(code.clone()).or_default() += 1,
            FactKind::VmCrashed { .. } => crashed.push(vm.instance),
            FactKind::VmBooted { .. } => {
                sums.booted += 1;
                let spot = vm.capacity_type == CapacityType::Spot;
                let prices = vec![(vm.price_micro_usd_per_hour, fact.monotonic_ns)];
                ran.insert(vm.instance, Ran { spot, prices, until_ns: None });
            }
            FactKind::VmPriceChanged { .. } => {
                if let Some(Ran { prices, until_ns: None, .. }) = ran.get_mut(&vm.instance) {
                    prices.push((vm.price_micro_usd_per_hour, fact.monotonic_ns));
                }
            }
            FactKind::VmDeleted { .. } | FactKind::SpotEvicted { .. } => {
                sums.deleted += u64::from(matches!(fact.kind, FactKind::VmDeleted { .. }));
                sums.evicted += u64::from(matches!(fact.kind, FactKind::SpotEvicted { .. }));
                if let Some(ran) = ran.get_mut(&vm.instance) {
                    ran.until_ns.get_or_insert(fact.monotonic_ns);
                }
            }
            _ => {}
        }
    }
    crashed.sort_unstable();
    crashed.dedup();
    sums.crashed = crashed.len() as u64;
    for (of_spot, account) in [(true, &mut sums.spot), (false, &mut sums.on_demand)] {
        let (mut ns, mut price_ns) = (0_u128, 0_u128);
        for vm in ran.values().filter(|vm| vm.spot == of_spot) {
            account.vms += 1;
            let ends = vm.prices.iter().skip(1).map(|(_, from_ns)| *from_ns);
            let ends = ends.chain([vm.until_ns.unwrap_or(ledger.at.monotonic_ns)]);
            for ((price, from_ns), to_ns) in vm.prices.iter().zip(ends) {
                let ran_ns = u128::from(to_ns - from_ns);
                ns += ran_ns;
                price_ns += ran_ns * u128::from(*price);
            }
        }
        account.running_us = u64::try_from(ns / 1_000).unwrap();
        account.micro_usd = u64::try_from((price_ns + 1_800_000_000_000) / 3_600_000_000_000).unwrap();
    }
    sums
}

/// Creations, failures, retries under the same name, crashes, evictions with and without notice, deletions and changes of prices at any moment.
#[rstest]
#[case(1)]
#[case(2)]
#[case(3)]
#[tokio::test]
async fn the_ledger_is_the_sum_over_the_facts(#[case] seed: u64) {
    let mut behaviour = instant();
    behaviour.boot = Some(Distribution::Samples([0, 1, 2, 4, 8].map(Span::from_millis).to_vec()));
    behaviour.delete = Some(Distribution::Samples([0, 1, 3].map(Span::from_millis).to_vec()));
    let lab = Lab::start(behaviour, None).await;
    // One of the two sizes is never there.
    let only = VmSelector { sku: Some("Standard_D2s_v5".to_owned()), ..VmSelector::default() };
    let scarce = FaultKind::NoCapacity { only, code: None, share: Share(1.0) };
    lab.control.add_fault(&Fault::new(scarce)).await.unwrap();
    let mut state = seed;
    let mut draw = |below: u64| {
        // Knuth's MMIX generator: the same commands for each seed.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut after = 0;
    for command in 1..=COMMANDS {
        let name = NAMES[draw(NAMES.len() as u64) as usize];
        // A command that the VM's state does not allow is refused, which changes nothing.
        match draw(9) {
            0..=3 => {
                let size = if draw(3) == 0 { "Standard_D2s_v5" } else { "Standard_D4s_v5" };
                drop(lab.create(name, size, draw(2) == 0).await);
            }
            4 | 5 => drop(lab.delete_machines(&[name]).await),
            6 => drop(lab.control.crash(name).await),
            7 => {
                let capacity_type = [CapacityType::Spot, CapacityType::OnDemand][draw(2) as usize];
                let only = VmSelector { capacity_type: Some(capacity_type), ..VmSelector::default() };
                let of_list_price = Percent(1 + draw(200) as u32);
                lab.control.set_price(&AzurePrice { only, of_list_price }).await.unwrap();
            }
            _ => {
                let notice = (draw(2) == 0).then(|| Duration::from_millis(draw(4)));
                drop(lab.control.evict(name, notice).await);
            }
        }
        if command % EVERY == 0 {
            let ledger = lab.control.ledger(after).await.unwrap();
            let page = lab.control.facts(0, Duration::ZERO).await.unwrap();
            assert!(!page.more, "one page holds every fact");
            assert_eq!(ledger, sums(&page.facts, &ledger), "after {command} commands");
            // The later ones start in the middle, as those of a second run do.
            if command == COMMANDS / 2 {
                assert!(ledger.booted > 0 && ledger.evicted > 0 && !ledger.failed.is_empty(), "{ledger:?}");
                after = ledger.instance;
            }
        }
    }
}
