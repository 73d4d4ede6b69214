//! What did spot VMs save?

use harness_plan::Savings;

use super::outcome::{CheckOutcome, Evidence, Verdict};
use super::window::Windows;
use crate::cost::{cost, cost_within};
use crate::text;

pub(super) fn check(check: &Savings, evidence: &Evidence<'_>) -> CheckOutcome {
    let at_least_percent = check.at_least_percent.0;
    let limit = format!("at least {at_least_percent} % less than on demand");
    let timelines = evidence.source.timelines;
    let windows = Windows::of(&check.phases, evidence).in_azures_record(evidence);
    let cost = if check.phases.is_empty() {
        cost(timelines)
    } else {
        let spans: Vec<(u64, u64)> = windows.all.iter().map(|window| (window.from_us, window.to_us)).collect();
        cost_within(&spans, timelines)
    };
    let doubtful = |observed: String| {
        let evidence =
            if check.phases.is_empty() { "from Azure's event record".to_owned() } else { windows.evidence(&[], 0) };
        CheckOutcome::inconclusive(windows.observed(observed, false), limit.clone(), evidence)
    };
    let Some(cost) = cost else { return doubtful("no VM with a known price ran".to_owned()) };
    if cost.spot_vms == 0 {
        return doubtful(format!("no spot VM among {}", text::count(cost.vms, "VM")));
    }
    if cost.vms_without_price > 0 {
        return doubtful(format!("no price of {}", text::count(cost.vms_without_price, "VM")));
    }
    let Some((same, saved)) = cost.at_on_demand_prices_micro_usd.zip(cost.saved_percent) else {
        return doubtful("on-demand price of a spot VM's size not known".to_owned());
    };
    let spent = cost.micro_usd();
    let held = saved >= u64::from(at_least_percent);
    let verdict = match (check.phases.is_empty(), held) {
        (false, held) => windows.judge_at_the_end(held),
        (true, _) if !evidence.complete() || timelines.azure.facts_lost > 0 => Verdict::Inconclusive,
        (true, true) => Verdict::Pass,
        (true, false) => Verdict::Fail,
    };
    let vms = format!(
        "{} of {} on spot, {} of running time altogether",
        cost.spot_vms,
        text::count(cost.vms, "VM"),
        text::duration(cost.vm_us),
    );
    CheckOutcome {
        verdict,
        observed: windows
            .observed(format!("{saved} % less: {} instead of {}", text::usd(spent), text::usd(same)), false),
        limit,
        evidence: if check.phases.is_empty() { vms } else { windows.evidence(&[vms], 1) },
    }
}
