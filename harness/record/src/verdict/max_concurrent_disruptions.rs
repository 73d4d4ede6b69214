//! How many nodes of a pool were disrupted at the same time?
//!
//! A percentage is rounded up and refers to the NodeClaims that are initialized when a node is chosen, as in the controller (sigs.k8s.io/karpenter
//! `pkg/controllers/disruption/helpers.go`, `BuildDisruptionBudgetMapping`). So the check looks at the start of each disruption: later the pool may
//! be smaller without too many having been chosen. A NodeClaim whose VM is gone is neither one of the pool nor being disrupted there (condition
//! InstanceTerminating, which follows Azure's answer to the deletion), although it may stay for seconds.

use harness_plan::MaxConcurrentDisruptions;
use harness_units::Amount;

use super::nodes::{Node, of_pool};
use super::outcome::{CheckOutcome, Evidence, Findings, Verdict};
use super::window::{Window, Windows};
use crate::steps::Steps;
use crate::text;
use crate::timeline::Stamp;

/// The moment that was closest to the limit, or farthest above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Most {
    disrupted: u64,
    of: u64,
    allowed: u64,
    at_us: u64,
}

pub(super) fn check(check: &MaxConcurrentDisruptions, evidence: &Evidence<'_>) -> CheckOutcome {
    let MaxConcurrentDisruptions { nodepools, reason, at_most, phases } = check;
    let (reason, at_most) = (reason.as_deref(), *at_most);
    let windows = Windows::of(phases, evidence);
    let mut verdict = windows.judge_always(true);
    let (mut observed, mut shown, mut none) = (Findings::default(), Vec::new(), Vec::new());
    for pool in nodepools.names() {
        let nodes = of_pool(pool, evidence);
        let counts_until = |node: &Node<'_>| counts_until_us(node, evidence);
        let total = total(&nodes, counts_until);
        let is = |node: &&Node<'_>| reason.is_none_or(|reason| node.reason() == reason);
        // A NodeClaim without a machine is abandoned, not disrupted.
        let disrupted: Vec<&Node<'_>> = nodes.iter().filter(|node| node.claim.launched.is_some()).filter(is).collect();
        let spans_of = |node: &Node<'_>| {
            let until_us = counts_until(node);
            let spans = node.disruptions().into_iter().map(move |(from_us, to_us)| (from_us, to_us.min(until_us)));
            spans.filter(|(from_us, to_us)| from_us < to_us).collect::<Vec<_>>()
        };
        let spans: Vec<(u64, u64)> = disrupted.iter().flat_map(|node| spans_of(node)).collect();
        let most = windows.all.iter().filter_map(|window| most(&spans, &total, at_most, window)).max_by_key(|most| {
            (most.disrupted as i64 - most.allowed as i64, most.disrupted, std::cmp::Reverse(most.at_us))
        });
        let Some(Most { disrupted: count, of, allowed, at_us }) = most else {
            none.push(pool.clone());
            continue;
        };
        let at = text::duration(at_us);
        let of =
            if matches!(at_most, Amount::Percent(_)) { format!(" of {of} (allowed {allowed})") } else { String::new() };
        observed.about(pool, format!("{count} at once{of} at {at}"));
        let names: Vec<String> = disrupted
            .iter()
            .filter(|node| spans_of(node).iter().any(|(from_us, to_us)| (*from_us..*to_us).contains(&at_us)))
            .map(|node| node.name().to_owned())
            .collect();
        shown.push(format!("at {at}: {}", text::first_few(&names, 5)));
        if count > allowed {
            verdict = Verdict::Fail;
        }
    }
    if observed.is_empty() {
        verdict = verdict.and(Verdict::Inconclusive);
        observed.push("nothing was disrupted".to_owned());
    } else if !none.is_empty() {
        shown.push(format!("nothing disrupted in {}", text::first_few(&none, 4)));
    }
    let of = if matches!(at_most, Amount::Percent(_)) { " of a pool's nodes" } else { "" };
    let why = reason.map_or(String::new(), |reason| format!(" as {reason}"));
    CheckOutcome {
        verdict,
        observed: windows.observed(observed, verdict == Verdict::Fail),
        limit: format!("at most {at_most}{of} at once{why}"),
        evidence: windows.evidence(&shown, 4),
    }
}

/// Until when the controller counts a NodeClaim: until it is gone, or until its VM is, where Azure says so.
fn counts_until_us(node: &Node<'_>, evidence: &Evidence<'_>) -> u64 {
    let is_asked_for = node.claim.deletion().is_some();
    let vm = evidence.source.join.vm(node.index).filter(|_| is_asked_for);
    let ends = [node.claim.deleted.map(Stamp::at_us), vm.and_then(|vm| vm.deleted_us)];
    ends.into_iter().flatten().min().unwrap_or(u64::MAX)
}

/// Initialized NodeClaims over time.
fn total(nodes: &[Node<'_>], counts_until_us: impl Fn(&Node<'_>) -> u64) -> Steps {
    let mut changes = Vec::new();
    for node in nodes {
        let Some(initialized) = node.claim.initialized else { continue };
        changes.push((initialized.at_us(), 1));
        let until_us = counts_until_us(node);
        changes.extend((until_us < u64::MAX).then(|| (until_us.max(initialized.at_us()), -1)));
    }
    Steps::from_changes(changes)
}

fn most(spans: &[(u64, u64)], total: &Steps, at_most: Amount, window: &Window<'_>) -> Option<Most> {
    let ends = spans.iter().filter(|(_, to_us)| *to_us < u64::MAX).map(|(_, to_us)| (*to_us, -1));
    let starts: Vec<u64> = spans.iter().map(|(from_us, _)| *from_us).collect();
    let running = Steps::from_changes(starts.iter().map(|from_us| (*from_us, 1)).chain(ends).collect());
    let at = |at_us: u64, of_us: u64| {
        let disrupted = running.at(at_us).unsigned_abs();
        let of = total.at(of_us).unsigned_abs();
        Most { disrupted, of, allowed: at_most.of(of), at_us }
    };
    let moments = starts.into_iter().filter(|us| (window.from_us..=window.to_us).contains(us));
    // A disruption from before the phase was chosen by the pool of that time.
    let earlier = spans.iter().filter(|(from_us, to_us)| *from_us < window.from_us && *to_us > window.from_us);
    let latest = earlier.map(|(from_us, _)| *from_us).max();
    moments
        .map(|us| at(us, us))
        .chain(latest.map(|chosen_us| at(window.from_us, chosen_us)))
        .max_by_key(|most| (most.disrupted as i64 - most.allowed as i64, most.disrupted, std::cmp::Reverse(most.at_us)))
}

#[cfg(test)]
mod tests {
    use super::super::window::Watched;
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        /// A number does not depend on the pool: then looking at every microsecond finds the same.
        #[test]
        fn the_step_function_misses_no_moment(
            spans in vec((0_u64..60, 1_u64..20), 0..20),
            from_us in 0_u64..40,
            length in 0_u64..30,
        ) {
            let spans: Vec<(u64, u64)> = spans.into_iter().map(|(from, length)| (from, from + length)).collect();
            let window = Window { phase: "p", from_us, to_us: from_us + length, watched: Watched::ToItsEnd };
            let found = most(&spans, &Steps::default(), Amount::Count(1), &window).map_or(0, |most| most.disrupted);
            let running = |at: u64| spans.iter().filter(|(from, to)| (*from..*to).contains(&at)).count() as u64;
            let expected = (window.from_us..=window.to_us).map(running).max().unwrap();
            prop_assert_eq!(found, expected);
        }
    }
}
