//! Were the nodes retained?

use harness_plan::Retained;

use super::nodes::{of_pool, used};
use super::outcome::{CheckOutcome, Evidence, Findings, Verdict};
use super::window::Windows;
use crate::text;

/// Names of deleted nodes that are shown.
const SHOWN: usize = 4;

pub(super) fn check(check: &Retained, evidence: &Evidence<'_>) -> CheckOutcome {
    let windows = Windows::of(&check.phases, evidence);
    let mut verdict = windows.judge_always(true);
    let (mut observed, mut deleted, mut there) = (Findings::default(), Vec::new(), Vec::new());
    let pools = used(check.nodepools.names(), evidence);
    let span = windows.all.first().zip(windows.all.last()).map(|(first, last)| (first.from_us, last.to_us));
    for pool in &pools {
        let Some((from_us, to_us)) = span else { continue };
        let nodes: Vec<_> = of_pool(pool, evidence).into_iter().filter(|node| node.there(from_us)).collect();
        if nodes.is_empty() {
            verdict = verdict.and(Verdict::Inconclusive);
            observed.about(pool, "no node was Ready at the start");
            continue;
        }
        let gone: Vec<String> = nodes
            .iter()
            .filter_map(|node| {
                let deletion_us = node.deletion_us().filter(|us| *us <= to_us)?;
                let why = match node.reason() {
                    "" => String::new(),
                    reason => format!(" ({reason})"),
                };
                Some(format!("{} deleted at {}{why}", node.name(), text::duration(deletion_us)))
            })
            .collect();
        let count = text::count(nodes.len(), "node");
        if gone.is_empty() {
            observed.about(pool, format!("{count} kept"));
            let names: Vec<String> = nodes.iter().map(|node| node.name().to_owned()).collect();
            there.push(text::first_few(&names, SHOWN));
        } else {
            verdict = Verdict::Fail;
            observed.about(pool, format!("{} of {count} deleted", gone.len()));
            deleted.extend(gone);
        }
    }
    if pools.is_empty() {
        verdict = verdict.and(Verdict::Inconclusive);
        observed.push("no workload is aimed at these pools".to_owned());
    }
    let shown = if deleted.is_empty() { there } else { deleted };
    let shown = if shown.is_empty() { "no nodes".to_owned() } else { text::first_few(&shown, SHOWN) };
    CheckOutcome {
        verdict,
        observed: windows.observed(observed, verdict == Verdict::Fail),
        limit: "every node kept".to_owned(),
        evidence: format!("{shown}; in {}", windows.described()),
    }
}
