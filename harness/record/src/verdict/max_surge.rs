//! How many more nodes did a pool have than at the start?
//!
//! A node counts from the launch of its NodeClaim, when there is a VM to pay, until NodeClaim and Node are gone: at the start as at the peak. A
//! percentage is one of the nodes that were Ready at the start, since those are the ones that are replaced.

use harness_plan::MaxSurge;
use harness_units::Amount;

use super::nodes::{Node, of_pool, used};
use super::outcome::{CheckOutcome, Evidence, Findings, Verdict};
use super::window::Windows;
use crate::steps::Steps;
use crate::text;
use crate::timeline::Stamp;

/// Names of additional nodes that are shown.
const SHOWN: usize = 5;

pub(super) fn check(check: &MaxSurge, evidence: &Evidence<'_>) -> CheckOutcome {
    let windows = Windows::of(&check.phases, evidence);
    let mut verdict = windows.judge_always(true);
    let (mut observed, mut shown, mut launched) = (Findings::default(), Vec::new(), false);
    let pools = used(check.nodepools.names(), evidence);
    for pool in &pools {
        let Some(from_us) = windows.all.first().map(|window| window.from_us) else { continue };
        let nodes = of_pool(pool, evidence);
        let ready = nodes.iter().filter(|node| node.there(from_us)).count();
        if ready == 0 {
            verdict = verdict.and(Verdict::Inconclusive);
            observed.about(pool, "no node was Ready at the start");
            continue;
        }
        launched |= nodes.iter().any(|node| launched_us(node).is_some_and(|us| windows.contain(us)));
        let (at_us, most) = most(&nodes, &windows);
        let start = nodes.iter().filter(|node| exists(node, from_us)).count() as u64;
        let allowed = check.at_most.of(ready as u64);
        let surge = most.saturating_sub(start);
        let at = text::duration(at_us);
        observed.about(
            pool,
            format!("{} at {at}, {surge} more than at the start (allowed {allowed})", text::count(most, "node")),
        );
        let more = nodes.iter().filter(|node| exists(node, at_us) && !exists(node, from_us));
        let names: Vec<String> = more.map(|node| node.name().to_owned()).collect();
        if !names.is_empty() {
            shown.push(format!("at {at}: {}", text::first_few(&names, SHOWN)));
        }
        if surge > allowed {
            verdict = Verdict::Fail;
        }
    }
    if pools.is_empty() {
        observed.push("no workload is aimed at these pools");
    } else if !launched {
        observed.push("no node was launched");
    }
    if !launched {
        verdict = verdict.and(Verdict::Inconclusive);
    }
    let of = if matches!(check.at_most, Amount::Percent(_)) { " of the nodes at the start" } else { "" };
    CheckOutcome {
        verdict,
        observed: windows.observed(observed, verdict == Verdict::Fail),
        limit: format!("at most {}{of} in addition", check.at_most),
        evidence: windows.evidence(&shown, 4),
    }
}

fn launched_us(node: &Node<'_>) -> Option<u64> {
    node.claim.launched.map(Stamp::at_us)
}

fn exists(node: &Node<'_>, at_us: u64) -> bool {
    launched_us(node).is_some_and(|us| us <= at_us) && node.gone_us().is_none_or(|us| us > at_us)
}

/// The first moment of the phases at which there were the most nodes, and how many.
fn most(nodes: &[Node<'_>], windows: &Windows<'_>) -> (u64, u64) {
    let mut changes = Vec::new();
    for node in nodes {
        let Some(launched_us) = launched_us(node) else { continue };
        changes.push((launched_us, 1));
        changes.extend(node.gone_us().map(|us| (us.max(launched_us), -1)));
    }
    let count = Steps::from_changes(changes);
    let starts = windows.all.iter().map(|window| window.from_us);
    let steps = count.all().iter().map(|(at_us, _)| *at_us).filter(|at_us| windows.contain(*at_us));
    let at = |at_us: u64| (at_us, count.at(at_us).unsigned_abs());
    starts.chain(steps).map(at).max_by_key(|(at_us, count)| (*count, std::cmp::Reverse(*at_us))).unwrap_or_default()
}
