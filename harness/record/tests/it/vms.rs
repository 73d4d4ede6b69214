//! Money and VMs are counted by instance: any interleaving of creations that fail, retries and names that are used again gives the sums over
//! Azure's facts, and a ledger that differs from them fails the run.

use std::collections::BTreeMap;

use crate::log_builder::{self, S, planned};
use harness_plan::{Check, Condition, Expectation, Phase, Plan};
use harness_record::event::*;
use harness_record::text::usd;
use harness_record::verdict::Verdict;
use harness_record::{Event, EventKind, RunResult};
use harness_units::{Span, count};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;

const SIZES: [&str; 3] = ["Standard_D2s_v3", "Standard_D4s_v5", "Standard_F4s_v2"];
const CODES: [&str; 2] = ["SkuNotAvailable", "OverconstrainedZonalAllocationRequest"];
/// When the two phases end, and the run.
const FIRST_END: u64 = 60 * S;
const SECOND_END: u64 = 120 * S;
const RUN_END: u64 = 400 * S;

/// How an attempt to have a VM goes on after Azure accepted it. Times are microseconds from one step to the next.
#[derive(Clone, Debug)]
enum Course {
    /// Azure fails it, and it is deleted.
    Fails {
        after: u64,
        code: usize,
        deleted: u64,
    },
    /// It is deleted before it runs.
    DeletedWhileCreating {
        after: u64,
        takes: u64,
    },
    Runs {
        boot: u64,
        crashes: Option<u64>,
        notice: Option<u64>,
        end: RunningEnd,
    },
}

#[derive(Clone, Copy, Debug)]
enum RunningEnd {
    Deleted { after: u64, takes: u64 },
    Evicted { after: u64 },
}

/// One creation that Azure accepts.
#[derive(Clone, Debug)]
struct Attempt {
    /// Of a few, so that names are used again.
    name: usize,
    /// Since the VM of that name before it was deleted.
    gap: u64,
    spot: bool,
    size: usize,
    zone: usize,
    /// Millionths of a US dollar an hour: its own price, and the one on demand.
    price: (u64, u64),
    course: Course,
    /// How long its Node outlives it: the fact may come when the next VM of the name was accepted already.
    node_outlives: u64,
}

fn some_time() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1..5_000_u64, 1_000..40_000_000_u64]
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let end = prop_oneof![
        (some_time(), some_time()).prop_map(|(after, takes)| RunningEnd::Deleted { after, takes }),
        some_time().prop_map(|after| RunningEnd::Evicted { after }),
    ];
    let course = prop_oneof![
        (some_time(), 0..CODES.len(), some_time()).prop_map(|(after, code, deleted)| Course::Fails {
            after,
            code,
            deleted
        }),
        (some_time(), some_time()).prop_map(|(after, takes)| Course::DeletedWhileCreating { after, takes }),
        (some_time(), option::of(some_time()), option::of(some_time()), end)
            .prop_map(|(boot, crashes, notice, end)| Course::Runs { boot, crashes, notice, end }),
    ];
    let placed = (any::<bool>(), 0..SIZES.len(), 0..3_usize, 1_000..9_000_000_u64, 1..10_u64);
    (0..3_usize, some_time(), placed, course, some_time()).prop_map(
        |(name, gap, (spot, size, zone, regular, part), course, node_outlives)| {
            let price = (if spot { regular * part / 10 } else { regular }, regular);
            Attempt { name, gap, spot, size, zone, price, course, node_outlives }
        },
    )
}

/// A fact, the number of its attempt, and its moment.
#[derive(Clone, Debug)]
struct AttemptFact {
    attempt: usize,
    what: AzureFactKind,
    at_us: u64,
    code: &'static str,
}

/// Every fact of these attempts, in the order in which they happen.
fn facts_of(attempts: &[Attempt]) -> Vec<AttemptFact> {
    use AzureFactKind::*;
    let mut free_us = [S; 3];
    let mut all = Vec::new();
    for (attempt, it) in attempts.iter().enumerate() {
        let mut at_us = free_us[it.name] + it.gap;
        let mut add = |what, at_us, code| all.push(AttemptFact { attempt, what, at_us, code });
        add(VmAccepted, at_us, "");
        match it.course {
            Course::Fails { after, code, deleted } => {
                at_us += after;
                add(ProvisioningFailed, at_us, CODES[code]);
                at_us += deleted;
                add(VmDeleteRequested, at_us, "");
            }
            Course::DeletedWhileCreating { after, takes } => {
                add(VmCreating, at_us, "");
                at_us += after;
                add(VmDeleteRequested, at_us, "");
                at_us += takes;
            }
            Course::Runs { boot, crashes, notice, end } => {
                add(VmCreating, at_us, "");
                at_us += boot;
                add(VmBooted, at_us, "");
                add(NodeReady, at_us, "");
                for (after, what) in [(notice.filter(|_| it.spot), SpotNotice), (crashes, VmCrashed)] {
                    at_us += after.unwrap_or(0);
                    if after.is_some() {
                        add(what, at_us, "");
                    }
                }
                match end {
                    RunningEnd::Evicted { after } if it.spot => {
                        at_us += after;
                        add(SpotEvicted, at_us, "");
                        // The VM is no longer there; its removal is reported a little later.
                        at_us += 70;
                    }
                    RunningEnd::Evicted { after } => at_us += after,
                    RunningEnd::Deleted { after, takes } => {
                        at_us += after;
                        add(VmDeleteRequested, at_us, "");
                        at_us += takes;
                    }
                }
            }
        }
        add(VmDeleted, at_us, "");
        add(NodeDeleted, at_us + it.node_outlives, "");
        free_us[it.name] = at_us;
    }
    // Stable: facts of one moment stay in their order.
    all.sort_by_key(|known| known.at_us);
    all
}

fn fact(known: &AttemptFact, attempts: &[Attempt], numbered: bool) -> AzureFact {
    let it = &attempts[known.attempt];
    AzureFact {
        vm: format!("vm-{}", it.name),
        instance: numbered.then_some(known.attempt as u64 + 11),
        nodeclaim: format!("claim-{}", it.name),
        nodepool: "general-purpose".to_owned(),
        instance_type: SIZES[it.size].to_owned(),
        zone: format!("eastus-{}", it.zone),
        capacity_type: if it.spot { "spot" } else { "on-demand" }.to_owned(),
        vcpus: Some(4),
        price_micro_usd_per_hour: Some(it.price.0),
        on_demand_micro_usd_per_hour: Some(it.price.1),
        code: known.code.to_owned(),
        ..AzureFact::new(known.what, known.at_us)
    }
}

/// The sums, one fact after the other; nothing is shared with the code under test.
#[derive(Debug, Default)]
struct Sums {
    counts: BTreeMap<AzureFactKind, u64>,
    failed: BTreeMap<String, u64>,
    /// By attempt: running from, to.
    ran: BTreeMap<usize, (u64, Option<u64>)>,
}

impl Sums {
    fn of(facts: &[AttemptFact]) -> Self {
        let mut sums = Self::default();
        for known in facts {
            *sums.counts.entry(known.what).or_default() += 1;
            match known.what {
                AzureFactKind::ProvisioningFailed => *sums.failed.entry(known.code.to_owned()).or_default() += 1,
                AzureFactKind::VmBooted => drop(sums.ran.insert(known.attempt, (known.at_us, None))),
                AzureFactKind::VmDeleted | AzureFactKind::SpotEvicted => {
                    if let Some((_, end @ None)) = sums.ran.get_mut(&known.attempt) {
                        *end = Some(known.at_us);
                    }
                }
                _ => {}
            }
        }
        sums
    }

    fn count(&self, what: AzureFactKind) -> u64 {
        self.counts.get(&what).copied().unwrap_or(0)
    }

    /// The VMs that ran, of a capacity type or of both: how many, how long, and what they cost by a price.
    fn account(&self, attempts: &[Attempt], spot: Option<bool>, until_us: u64, price: fn(&Attempt) -> u64) -> Account {
        let mut account = Account::default();
        let mut price_us = 0_u128;
        for (attempt, (from_us, to_us)) in &self.ran {
            let it = &attempts[*attempt];
            if spot.is_some_and(|spot| spot != it.spot) {
                continue;
            }
            let ran_us = to_us.unwrap_or(until_us) - from_us;
            account.vms += 1;
            account.running_us += ran_us;
            price_us += u128::from(ran_us) * u128::from(price(it));
        }
        account.micro_usd = u64::try_from((price_us + 1_800_000_000) / 3_600_000_000).unwrap();
        account
    }

    /// What runs at a moment: how many, and their price.
    fn at(&self, attempts: &[Attempt], at_us: u64) -> (u64, u64) {
        let there =
            self.ran.iter().filter(|(_, (from_us, to_us))| *from_us <= at_us && to_us.is_none_or(|us| us > at_us));
        there.fold((0, 0), |(vms, price), (attempt, _)| (vms + 1, price + attempts[*attempt].price.0))
    }

    fn ledger(&self, attempts: &[Attempt], until_us: u64) -> Ledger {
        let account = |spot| self.account(attempts, Some(spot), until_us, |it| it.price.0);
        Ledger {
            until_us,
            after: 10,
            forgotten: 0,
            accepted: self.count(AzureFactKind::VmAccepted),
            booted: self.count(AzureFactKind::VmBooted),
            deleted: self.count(AzureFactKind::VmDeleted),
            evicted: self.count(AzureFactKind::SpotEvicted),
            crashed: self.count(AzureFactKind::VmCrashed),
            failed: self.failed.clone(),
            spot: account(true),
            on_demand: account(false),
        }
    }
}

fn plan() -> Plan {
    let mut plan = log_builder::plan();
    plan.phases = ["first", "second"]
        .map(|name| Phase {
            name: name.to_owned(),
            actions: Vec::new(),
            until: Some(Condition::AllPodsReady.into()),
            within: Some(Span::from_secs(600)),
            ..Phase::default()
        })
        .into();
    let checks: [Check; 3] = [
        json!({"phase": {"phase": "second"}}),
        json!({"price": {"before": "first", "after": "second", "atMostPercent": 100}}),
        json!({"savings": {"atLeastPercent": 1}}),
    ]
    .map(planned);
    plan.expectations =
        (0..).zip(checks).map(|(index, check): (u32, _)| Expectation::new(index.to_string(), check)).collect();
    plan
}

/// The result of a run with these facts. The last one that is in the log may be anywhere in the life of any VM.
fn result(plan: &Plan, facts: Vec<AzureFact>, ledger: Option<Ledger>) -> RunResult {
    let mut events = vec![log_builder::run(&log_builder::Fault::None).swap_remove(0)];
    let mut at = |at_us: u64, kind: EventKind| events.push(Event { at_us, kind });
    for (phase, from_us, to_us) in [("first", 0, FIRST_END), ("second", FIRST_END, SECOND_END)] {
        at(from_us, EventKind::PhaseBegan { phase: phase.to_owned() });
        let (phase, outcome) = (phase.to_owned(), PhaseOutcome::Reached);
        at(to_us, EventKind::PhaseEnded { phase, outcome, detail: String::new() });
    }
    facts.into_iter().for_each(|fact| at(fact.occurred_us, EventKind::Azure(fact)));
    if let Some(ledger) = ledger {
        at(ledger.until_us, EventKind::Ledger(ledger));
    }
    at(RUN_END, EventKind::RunEnded { reason: EndReason::Completed, detail: String::new() });
    crate::result_of(plan, events)
}

/// Attempts, how many of their facts are in the log, and whether the facts say which attempt they are about.
fn runs() -> impl Strategy<Value = (Vec<Attempt>, f64, bool)> {
    (vec(attempt(), 1..12), prop_oneof![3 => Just(1.0), 1 => 0.0..1.0], any::<bool>())
}

/// The facts up to a cut, and those of them that are within the run.
fn cut(attempts: &[Attempt], part: f64) -> Vec<AttemptFact> {
    let mut all = facts_of(attempts);
    all.truncate((all.len() as f64 * part).round() as usize);
    all.retain(|known| known.at_us < RUN_END);
    all
}

proptest! {
    #[test]
    fn the_report_is_the_sum_over_the_facts((attempts, part, numbered) in runs(), with_ledger in any::<bool>()) {
        let facts = cut(&attempts, part);
        let sums = Sums::of(&facts);
        let until_us = if with_ledger { RUN_END - S } else { RUN_END };
        prop_assume!(facts.iter().all(|known| known.at_us < until_us));
        let ledger = with_ledger.then(|| sums.ledger(&attempts, until_us));
        let result = result(&plan(), facts.iter().map(|known| fact(known, &attempts, numbered)).collect(), ledger);

        let counts = &result.counts;
        prop_assert_eq!(counts.vms_accepted, sums.count(AzureFactKind::VmAccepted));
        prop_assert_eq!(counts.vms_booted, sums.count(AzureFactKind::VmBooted));
        prop_assert_eq!(counts.vms_deleted, sums.count(AzureFactKind::VmDeleted));
        prop_assert_eq!(counts.vms_evicted, sums.count(AzureFactKind::SpotEvicted));
        prop_assert_eq!(counts.vms_crashed, sums.count(AzureFactKind::VmCrashed));
        prop_assert_eq!(&counts.vms_failed, &sums.failed);

        let own = |spot| sums.account(&attempts, spot, until_us, |it| it.price.0);
        let (all, spot, on_demand) = (own(None), own(Some(true)), own(Some(false)));
        prop_assert_eq!(result.cost.is_some(), all.vms > 0);
        let cost = result.cost.unwrap_or_default();
        prop_assert_eq!((cost.vms, cost.vm_us), (all.vms, all.running_us));
        prop_assert_eq!((cost.spot_vms, cost.spot_us, cost.spot_micro_usd), (spot.vms, spot.running_us, spot.micro_usd));
        prop_assert_eq!(cost.on_demand_micro_usd, on_demand.micro_usd);
        let same = sums.account(&attempts, None, until_us, |it| it.price.1).micro_usd;
        prop_assert_eq!(cost.at_on_demand_prices_micro_usd.unwrap_or_default(), same);
        prop_assert_eq!(cost.vms_without_price, 0);

        for (phase, at_us) in [("first", FIRST_END), ("second", SECOND_END)] {
            let (vms, price) = sums.at(&attempts, at_us);
            let expected = format!("{} an hour ({}) at the end of {phase}", usd(price), count(vms, "VM"));
            let observed = &result.expectations[1].observed;
            prop_assert!(observed.contains(&expected), "{} is not in {}", expected, observed);
        }
        // Of exact sums, rounded down.
        let price_us = |price: fn(&Attempt) -> u64| -> u128 {
            let ran = sums.ran.iter().map(|(attempt, (from_us, to_us))| {
                u128::from(to_us.unwrap_or(until_us) - from_us) * u128::from(price(&attempts[*attempt]))
            });
            ran.sum()
        };
        let (own, regular) = (price_us(|it| it.price.0), price_us(|it| it.price.1));
        let saved = (regular > 0).then(|| u64::try_from((regular - own) * 100 / regular).unwrap());
        prop_assert_eq!(cost.saved_percent, saved);
        if let Some(saved) = saved.filter(|_| spot.vms > 0) {
            let observed = &result.expectations[2].observed;
            prop_assert!(observed.starts_with(&format!("{saved} % less: ")), "{} % is not in {}", saved, observed);
        }
        prop_assert!(!result.reason.contains("ledger"), "{}", result.reason);
    }

    /// A fact that is missing without a word makes a sum wrong; where facts are known to be lost, nothing is decided.
    #[test]
    fn a_sum_that_is_not_the_ledgers_fails_the_run(
        (attempts, part, _) in runs(),
        missing in any::<prop::sample::Index>(),
        lost in any::<bool>(),
    ) {
        use AzureFactKind::*;
        let all = cut(&attempts, part);
        let counted = |known: &&AttemptFact| {
            matches!(known.what, VmAccepted | VmBooted | VmDeleted | ProvisioningFailed | SpotEvicted | VmCrashed)
        };
        let candidates: Vec<&AttemptFact> = all.iter().filter(counted).collect();
        prop_assume!(!candidates.is_empty());
        let dropped: *const AttemptFact = candidates[missing.index(candidates.len())];
        let kept = all.iter().filter(|known| !std::ptr::eq(*known, dropped));
        let mut facts: Vec<AzureFact> = kept.map(|known| fact(known, &attempts, true)).collect();
        if lost {
            facts.push(AzureFact { message: "1".to_owned(), ..AzureFact::new(FactsLost, RUN_END - 2) });
        }
        let mut plan = plan();
        plan.expectations.truncate(1);
        let result = result(&plan, facts, Some(Sums::of(&all).ledger(&attempts, RUN_END - 1)));
        let expected = if lost { Verdict::Inconclusive } else { Verdict::Fail };
        prop_assert_eq!(result.verdict, expected, "{}", result.reason);
        prop_assert!(result.reason.starts_with("the log's sums are not those of the simulated Azure's ledger"), "{}", result.reason);
        prop_assert!(result.reason.contains(" (ledger: "), "{}", result.reason);
        prop_assert_eq!(&result.reasons[0], &result.reason);
    }
}

/// Two VMs that ran for ten minutes: one on spot, and one that failed on spot and then ran on demand under the same name.
fn mixed() -> (Vec<Attempt>, Vec<AttemptFact>) {
    let spot = Attempt {
        name: 0,
        gap: 0,
        spot: true,
        size: 0,
        zone: 1,
        price: (30_000, 100_000),
        course: Course::Runs {
            boot: 0,
            crashes: None,
            notice: None,
            end: RunningEnd::Deleted { after: 60 * S, takes: 0 },
        },
        node_outlives: 0,
    };
    let failed = Attempt { name: 1, course: Course::Fails { after: 0, code: 0, deleted: 0 }, ..spot.clone() };
    let regular = Attempt { name: 1, gap: S, spot: false, price: (100_000, 100_000), ..spot.clone() };
    let attempts = vec![spot, failed, regular];
    let known = facts_of(&attempts);
    (attempts, known)
}

/// Before, the second VM counted as spot, at the price of spot and for no time at all: 70 % saved, of one minute.
#[test]
fn a_vm_that_failed_on_spot_and_ran_on_demand_under_its_name_is_not_counted_as_spot() {
    let (attempts, known) = mixed();
    for numbered in [true, false] {
        let facts = known.iter().map(|it| fact(it, &attempts, numbered)).collect();
        let result = result(&plan(), facts, None);
        let cost = result.cost.expect("prices are known");
        assert_eq!((cost.vms, cost.spot_vms, cost.vm_us), (2, 1, 120 * S));
        assert_eq!((cost.spot_micro_usd, cost.on_demand_micro_usd), (500, 1_667));
        assert!(result.expectations[2].observed.starts_with("35 % less: "), "{}", result.expectations[2].observed);
    }
}

#[test]
fn a_ledger_that_differs_is_reported_with_both_figures() {
    let (attempts, known) = mixed();
    let sums = Sums::of(&known);
    let mut ledger = sums.ledger(&attempts, RUN_END - 1);
    ledger.booted += 1;
    ledger.spot.micro_usd *= 2;
    *ledger.failed.entry("AllocationFailed".to_owned()).or_default() += 2;
    let mut plan = plan();
    plan.expectations.truncate(1);
    let facts = known.iter().map(|it| fact(it, &attempts, true)).collect();
    let result = result(&plan, facts, Some(ledger));
    assert_eq!(result.verdict, Verdict::Fail);
    assert_eq!(
        result.reason,
        "the log's sums are not those of the simulated Azure's ledger: VMs booted 2 (ledger: 3), creations failed with \
         AllocationFailed 0 (ledger: 2), cost of spot $0.000500 (ledger: $0.001000)"
    );
}

/// VMs of an earlier run on the same cluster are in neither.
#[test]
fn the_vms_of_before_the_run_are_not_compared() {
    let (attempts, known) = mixed();
    let ledger = Sums::of(&known).ledger(&attempts, RUN_END - 1);
    let mut facts: Vec<AzureFact> = known.iter().map(|it| fact(it, &attempts, true)).collect();
    let earlier =
        AzureFact { vm: "vm-old".to_owned(), instance: Some(10), ..AzureFact::new(AzureFactKind::VmDeleted, S) };
    facts.insert(0, earlier);
    let mut plan = plan();
    plan.expectations.truncate(1);
    let result = result(&plan, facts, Some(ledger));
    assert_eq!((result.verdict, result.reason.as_str()), (Verdict::Pass, ""));
}
