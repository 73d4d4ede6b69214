//! How fast the fleet grows to what the scale-ups of a phase need.

use std::collections::{BTreeMap, HashSet};

use harness_plan::{Action, LatencyName};

use super::groups::Grouping;
use super::nodes::labels;
use super::replaced::replacements;
use super::source::{Source, until};
use crate::timeline::Stamp;

/// A phase's scale-ups of one class.
struct Growth<'a> {
    class: &'a str,
    /// The intended time of the first of them.
    from_us: u64,
    /// The end of the phase.
    until_us: u64,
}

pub(super) fn collect(source: &Source<'_>, into: &mut Grouping<'_>) {
    let Source { timelines, join, horizon, .. } = source;
    let growths = growths(source);
    // Replacements do not belong to the growth.
    let replacing: HashSet<usize> =
        replacements(source).into_iter().filter_map(|replacement| replacement.new).collect();
    for (index, claim) in timelines.nodes.claims.iter().enumerate() {
        let Some(created) = claim.created else { continue };
        let pool = timelines.names.text(join.placed(index).nodepool);
        let of =
            |growth: &&Growth<'_>| growth.class == pool && (growth.from_us..growth.until_us).contains(&created.at_us());
        let Some(growth) = growths.iter().rfind(of) else { continue };
        let gone_us = claim.deletion().map(Stamp::at_us);
        // After a creation that Azure refused, at once or later, the controller tries again: the fleet is filled by the later one.
        let failed = join.vm(index).is_some_and(|vm| vm.failed_us.is_some());
        let refused = (claim.launched.is_none() || failed) && gone_us.is_some_and(|us| us < horizon.us);
        if replacing.contains(&index) || refused {
            continue;
        }
        let ready = join.node(index).and_then(|node| node.ready);
        let sample = until(growth.from_us, ready, || horizon.censor(growth.from_us, gone_us, false));
        into.add(LatencyName::NodeFill, Some(&labels(source, index)), sample);
    }
}

/// In the order of their phases.
fn growths<'a>(source: &Source<'a>) -> Vec<Growth<'a>> {
    let Source { plan, timelines, horizon, .. } = source;
    let mut growths: Vec<Growth<'_>> = Vec::new();
    for phase in &timelines.phases.all {
        let until_us = phase.ended.map_or(horizon.us, |(ended_us, _)| ended_us);
        let mut first: BTreeMap<&str, u64> = BTreeMap::new();
        for (action, planned) in timelines.actions.of_plan().filter(|(action, _)| action.phase == phase.name) {
            let Action::Scale(scale) = planned else { continue };
            let Some(workload) = plan.workloads.iter().find(|known| known.name == scale.workload()) else { continue };
            if scale.to > scale.from.unwrap_or_default() && !workload.stays_pending {
                let known = first.entry(workload.class.as_str()).or_insert(action.intended_us);
                *known = (*known).min(action.intended_us);
            }
        }
        growths.extend(first.into_iter().map(|(class, from_us)| Growth { class, from_us, until_us }));
    }
    growths
}
