//! Latencies of a push through Flux.

use harness_scenario::plan::LatencyName;

use super::collect::{Source, until};
use super::groups::Grouping;
use crate::event::{ActionKind, Reached};

pub(super) fn collect(source: &Source<'_>, into: &mut Grouping) {
    let Source { timelines, horizon, .. } = source;
    for action in &timelines.actions.all {
        let (ActionKind::Push { revision }, Some(from_us)) = (&action.what, action.acked_us) else { continue };
        for (name, reached) in [
            (LatencyName::GitopsFetched, Reached::Fetched),
            (LatencyName::GitopsApplied, Reached::Applied),
            (LatencyName::GitopsHealthy, Reached::Healthy),
        ] {
            let to = timelines.gitops.any(reached, revision);
            into.add(name, None, until(from_us, to, || horizon.censor(from_us, None, false)));
        }
    }
}
