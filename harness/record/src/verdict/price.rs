//! Has the price of the fleet fallen?

use harness_plan::Price;

use super::outcome::{CheckOutcome, Evidence, Verdict};
use super::window::Windows;
use crate::cost::{PriceAt, price_at};
use crate::text;

pub(super) fn check(check: &Price, evidence: &Evidence<'_>) -> CheckOutcome {
    let (before, after, at_most_percent) = (check.before.as_str(), check.after.as_str(), check.at_most_percent.0);
    let timelines = evidence.source.timelines;
    let windows = Windows::of([before, after], evidence).in_azures_record(evidence);
    let limit = format!("at most {at_most_percent} % of the price before");
    let end = |phase: &str| {
        let window = windows.all.iter().find(|window| window.phase == phase)?;
        Some(price_at(timelines, window.to_us))
    };
    let (Some(first), Some(second)) = (end(before), end(after)) else {
        return CheckOutcome::inconclusive(windows.observed(Vec::new(), false), limit, windows.evidence(&[], 0));
    };
    let described = |price: PriceAt, phase: &str| {
        format!(
            "{} an hour ({}) at the end of {phase}",
            text::usd(price.micro_usd_per_hour),
            text::count(price.vms, "VM")
        )
    };
    let mut observed = vec![described(first, before), described(second, after)];
    let unknown = first.vms_without_price + second.vms_without_price;
    let verdict = if unknown > 0 {
        observed.push(format!("no price of {}", text::count(unknown, "VM")));
        Verdict::Inconclusive
    } else if first.micro_usd_per_hour == 0 {
        Verdict::Inconclusive
    } else {
        let (after, before) = (u128::from(second.micro_usd_per_hour), u128::from(first.micro_usd_per_hour));
        observed.push(format!("{} %", (after * 100).div_ceil(before)));
        let held = after * 100 <= before * u128::from(at_most_percent);
        // A phase that lasted to its deadline gave the fleet its time to become cheaper; a cut one did not.
        windows.judge_at_the_end(held)
    };
    CheckOutcome {
        verdict,
        observed: windows.observed(observed, false),
        limit,
        evidence: format!("prices of running VMs from Azure's event record; in {}", windows.described()),
    }
}
