//! The sums over VMs, and whether they are those of the simulated Azure's own ledger.

use std::collections::BTreeMap;

use crate::cost::{Cost, WHOLE_RUN, cost_of};
use crate::event::{Account, Ledger};
use crate::latency::Source;
use crate::text;
use crate::timeline::{Timelines, VmTimeline};
use crate::verdict::Verdict;

/// Microseconds in an hour.
const HOUR_US: u64 = 3_600_000_000;

/// What became of VMs: each creation that Azure accepted counts by itself, also under a name that was used before.
#[derive(Debug, Default)]
pub(super) struct VmCounts {
    pub(super) accepted: u64,
    pub(super) booted: u64,
    pub(super) deleted: u64,
    pub(super) crashed: u64,
    pub(super) evicted: u64,
    /// By Azure's code.
    pub(super) failed: BTreeMap<String, u64>,
}

impl VmCounts {
    pub(super) fn of<'t>(vms: impl IntoIterator<Item = &'t VmTimeline>, timelines: &Timelines) -> Self {
        let mut counts = Self::default();
        for vm in vms {
            counts.accepted += u64::from(vm.accepted_us.is_some());
            counts.booted += u64::from(vm.booted_us.is_some());
            counts.deleted += u64::from(vm.deleted_us.is_some());
            counts.crashed += u64::from(vm.crashed_us.is_some());
            counts.evicted += u64::from(vm.evicted_us.is_some());
            if vm.failed_us.is_some() {
                *counts.failed.entry(timelines.names.text(vm.code).to_owned()).or_default() += 1;
            }
        }
        counts
    }
}

/// How the sums over the log's facts compare with the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LedgerCheck {
    /// A pass where all agree; inconclusive where facts were lost, since the sums then lack what those said.
    pub(super) verdict: Verdict,
    /// Every difference with both figures, in one line; empty where there is none.
    pub(super) reason: String,
}

/// `None` where there is no ledger, or where it no longer has every VM of the run.
pub(super) fn check(source: &Source<'_>) -> Option<LedgerCheck> {
    let timelines = source.timelines;
    let ledger = timelines.azure.ledger.as_ref().filter(|ledger| ledger.forgotten == 0)?;
    // The ledger counts what Azure accepted since the run started, also for somebody else; not what was there before.
    let since = |vm: &&VmTimeline| vm.instance.is_none_or(|instance| instance > ledger.after);
    let of_run = || timelines.azure.vms.iter().chain(&timelines.others.azure.vms).filter(since);
    let differences =
        differences(&VmCounts::of(of_run(), timelines), &cost_of(of_run(), &WHOLE_RUN, timelines), ledger);
    if differences.is_empty() {
        return Some(LedgerCheck { verdict: Verdict::Pass, reason: String::new() });
    }
    let lost = timelines.azure.facts_lost + timelines.audits.observations_lost();
    let (verdict, why) = match lost {
        0 => (Verdict::Fail, String::new()),
        lost => (Verdict::Inconclusive, format!(" ({} lost)", text::count(lost, "fact or observation"))),
    };
    let reason =
        format!("the log's sums are not those of the simulated Azure's ledger{why}: {}", differences.join(", "));
    Some(LedgerCheck { verdict, reason })
}

fn differences(counts: &VmCounts, cost: &Cost, ledger: &Ledger) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, ours: u64, theirs: u64, tolerance: u64, show: fn(u64) -> String| {
        if ours.abs_diff(theirs) > tolerance {
            found.push(format!("{what} {} (ledger: {})", show(ours), show(theirs)));
        }
    };
    let plain = |count: u64| count.to_string();
    compare("VMs accepted", counts.accepted, ledger.accepted, 0, plain);
    compare("VMs booted", counts.booted, ledger.booted, 0, plain);
    compare("VMs deleted", counts.deleted, ledger.deleted, 0, plain);
    compare("VMs crashed", counts.crashed, ledger.crashed, 0, plain);
    compare("spot VMs evicted", counts.evicted, ledger.evicted, 0, plain);
    for code in counts.failed.keys().chain(ledger.failed.keys().filter(|code| !counts.failed.contains_key(*code))) {
        let of = |failed: &BTreeMap<String, u64>| failed.get(code).copied().unwrap_or(0);
        compare(&format!("creations failed with {code}"), of(&counts.failed), of(&ledger.failed), 0, plain);
    }
    let spot = Account { vms: cost.spot_vms, running_us: cost.spot_us, micro_usd: cost.spot_micro_usd };
    let on_demand = Account {
        vms: cost.vms - cost.spot_vms,
        running_us: cost.vm_us.saturating_sub(cost.spot_us),
        micro_usd: cost.on_demand_micro_usd,
    };
    for (what, ours, theirs) in [("spot", spot, ledger.spot), ("on-demand", on_demand, ledger.on_demand)] {
        compare(&format!("{what} VMs with a price"), ours.vms, theirs.vms, 0, plain);
        // Each stamp of the log is cut to a whole microsecond.
        let running_us = theirs.vms.max(1);
        compare(&format!("running time on {what}"), ours.running_us, theirs.running_us, running_us, seconds);
        // So the money is out by what that many microseconds cost at most, and both sums are rounded.
        let micro_usd = cost.price_max_micro_usd_per_hour.saturating_mul(running_us).div_ceil(HOUR_US) + 1;
        compare(&format!("cost of {what}"), ours.micro_usd, theirs.micro_usd, micro_usd, dollars);
    }
    found
}

/// To the microsecond: a rounded duration could hide the difference.
fn seconds(us: u64) -> String {
    format!("{:.6}s", us as f64 / 1e6)
}

/// To the millionth of a dollar.
fn dollars(micro_usd: u64) -> String {
    format!("${:.6}", micro_usd as f64 / 1e6)
}
