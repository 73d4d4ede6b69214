//! What did spot VMs save?

use harness_plan::Savings;

use super::outcome::{CheckOutcome, Evidence, Verdict};
use crate::cost::cost;
use crate::text;

pub(super) fn check(check: &Savings, evidence: &Evidence<'_>) -> CheckOutcome {
    let at_least_percent = check.at_least_percent;
    let limit = format!("at least {at_least_percent} % less than on demand");
    let timelines = evidence.source.timelines;
    let Some(cost) = cost(timelines) else {
        return CheckOutcome::inconclusive("no prices", limit, "no VM with a known price ran");
    };
    if cost.spot_vms == 0 {
        let observed = format!("no spot VM among {}", text::count(cost.vms, "VM"));
        return CheckOutcome::inconclusive(observed, limit, "from Azure's event record");
    }
    if cost.vms_without_price > 0 {
        let observed = format!("no price of {}", text::count(cost.vms_without_price, "VM"));
        return CheckOutcome::inconclusive(observed, limit, "from Azure's event record");
    }
    let Some(same) = cost.at_on_demand_prices_micro_usd.filter(|same| *same > 0) else {
        let observed = "on-demand price of a spot VM's size not known";
        return CheckOutcome::inconclusive(observed, limit, "from Azure's event record");
    };
    let spent = cost.micro_usd();
    // Rounded down: 19.9 % are not 20 %.
    let saved = u128::from(same.saturating_sub(spent)) * 100 / u128::from(same);
    let held = saved >= u128::from(at_least_percent);
    let verdict = match (held, evidence.complete() && timelines.azure.facts_lost == 0) {
        (true, true) => Verdict::Pass,
        (false, true) => Verdict::Fail,
        (_, false) => Verdict::Inconclusive,
    };
    CheckOutcome {
        verdict,
        observed: format!("{saved} % less: {} instead of {}", text::usd(spent), text::usd(same)).into(),
        limit,
        evidence: format!(
            "{} of {} on spot, {} of running time altogether",
            cost.spot_vms,
            text::count(cost.vms, "VM"),
            text::duration(cost.vm_us),
        ),
    }
}
