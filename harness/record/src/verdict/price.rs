//! Has the price of the fleet fallen, or stayed?

use harness_plan::Price;

use super::outcome::{CheckOutcome, Evidence, Verdict};
use super::window::{Window, Windows};
use crate::cost::{PriceAt, dearest_within, price_at};
use crate::text;

pub(super) fn check(check: &Price, evidence: &Evidence<'_>) -> CheckOutcome {
    let (before, after, at_most_percent) = (check.before.as_str(), check.after.as_str(), check.at_most_percent.0);
    let timelines = evidence.source.timelines;
    let windows = Windows::of([before, after], evidence).in_azures_record(evidence);
    let when = if check.always { ", at every moment" } else { "" };
    let limit = format!("at most {at_most_percent} % of the price before{when}");
    let window = |phase: &str| windows.all.iter().find(|window| window.phase == phase);
    let (Some(earlier), Some(later)) = (window(before), window(after)) else {
        return CheckOutcome::inconclusive(windows.observed(Vec::new(), false), limit, windows.evidence(&[], 0));
    };
    let at_the_end =
        |window: &Window<'_>| (price_at(timelines, window.to_us), format!("at the end of {}", window.phase));
    let (first, when_first) = at_the_end(earlier);
    let (second, when_second) = if check.always {
        let (at_us, price) = dearest_within(timelines, later.from_us, later.to_us);
        (price, format!("at most in {after}, at {}", text::duration(at_us)))
    } else {
        at_the_end(later)
    };
    let described = |price: PriceAt, when: &str| {
        format!("{} an hour ({}) {when}", text::usd(price.micro_usd_per_hour), text::count(price.vms, "VM"))
    };
    let mut observed = vec![described(first, &when_first), described(second, &when_second)];
    let unknown = first.vms_without_price + second.vms_without_price;
    if unknown > 0 {
        observed.push(format!("no price of {}", text::count(unknown, "VM")));
    }
    let verdict = if first.vms_without_price > 0 || first.micro_usd_per_hour == 0 {
        Verdict::Inconclusive
    } else {
        let (after, before) = (u128::from(second.micro_usd_per_hour), u128::from(first.micro_usd_per_hour));
        let held = after * 100 <= before * u128::from(at_most_percent);
        // With what is not known it is even more: a price that was once too high stays so.
        if unknown > 0 && (held || !check.always) {
            Verdict::Inconclusive
        } else {
            observed.push(format!("{} %", (after * 100).div_ceil(before)));
            // A phase that lasted to its deadline gave the fleet its time to become cheaper; a cut one did not.
            if check.always { windows.judge_always(held) } else { windows.judge_at_the_end(held) }
        }
    };
    let settled = check.always && verdict == Verdict::Fail;
    CheckOutcome {
        verdict,
        observed: windows.observed(observed, settled),
        limit,
        evidence: format!("prices of running VMs from Azure's event record; in {}", windows.described()),
    }
}
