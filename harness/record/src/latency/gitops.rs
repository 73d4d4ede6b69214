//! Latencies of a push through Flux.
//!
//! The whole has one sample of the root Kustomization for each push; every Kustomization that existed has its own in the groups. A push
//! that a later one overtook before Flux looked is censored with the time until the later one arrived: Flux never applies it, and nothing is
//! wrong. One that Flux refused is censored too, as a sample that never ends.

use harness_plan::LatencyName;

use super::groups::{Grouping, Labels};
use super::source::{Source, until};
use crate::event::Reached;
use crate::samples::{Cause, Censored, Sample};
use crate::timeline::{Push, ROOT, Stamp, pushes};

pub(super) fn collect(source: &Source<'_>, into: &mut Grouping<'_>) {
    let gitops = &source.timelines.gitops;
    let pushes = pushes(&source.timelines.actions);
    let fetched: Vec<Option<Stamp>> = pushes.iter().map(|push| gitops.fetched(push.commit)).collect();
    for (index, push) in pushes.iter().enumerate() {
        into.add(LatencyName::GitopsFetched, None, sample(index, push, &fetched, None, source));
    }
    for kustomization in gitops.kustomizations() {
        let labels = labels(kustomization, source);
        for (name, reached) in
            [(LatencyName::GitopsApplied, Reached::Applied), (LatencyName::GitopsHealthy, Reached::Healthy)]
        {
            let reached: Vec<Option<Stamp>> =
                pushes.iter().map(|push| gitops.first(kustomization, reached, push.commit)).collect();
            for (index, push) in pushes.iter().enumerate() {
                let there = reached.get(index).is_some_and(Option::is_some);
                if kustomization != ROOT && !there && !gitops.existed(kustomization, push.acked_us) {
                    continue;
                }
                let failed = gitops.first(kustomization, Reached::Failed, push.commit);
                let sample = sample(index, push, &reached, failed, source);
                if kustomization == ROOT {
                    into.add(name, Some(&labels), sample);
                } else {
                    into.add_part(name, &labels, sample);
                }
            }
        }
        for push in &pushes {
            if let Some(failed) = gitops.first(kustomization, Reached::Failed, push.commit) {
                let refused = until(push.acked_us, Some(failed), || source.horizon.censor(push.acked_us, None, false));
                into.add(LatencyName::GitopsRefused, Some(&labels), refused);
            }
        }
    }
    if !gitops.kustomizations().contains(&ROOT) {
        // No pushed revision was seen to be applied.
        for push in &pushes {
            for name in [LatencyName::GitopsApplied, LatencyName::GitopsHealthy] {
                let censored = source.horizon.censor(push.acked_us, None, false);
                into.add(name, None, Sample::censored(push.acked_us, censored));
            }
        }
    }
}

pub(super) fn labels(kustomization: &str, source: &Source<'_>) -> Labels {
    Labels { kustomization: source.names.get(kustomization).unwrap_or_default(), ..Labels::default() }
}

/// `reached` holds the moment for each push.
fn sample(
    index: usize,
    push: &Push<'_>,
    reached: &[Option<Stamp>],
    failed: Option<Stamp>,
    source: &Source<'_>,
) -> Sample {
    let from_us = push.acked_us;
    let to = reached.get(index).copied().flatten();
    until(from_us, to, || {
        let censored = |at: Stamp, cause| Censored { at_least_us: at.at_us().saturating_sub(from_us), cause };
        if let Some(failed) = failed {
            return censored(failed, Cause::Never);
        }
        let later = reached.get(index + 1..).unwrap_or_default().iter().flatten();
        match later.min_by_key(|stamp| stamp.at_us()) {
            Some(overtaken) => censored(*overtaken, Cause::Withdrawn),
            None => source.horizon.censor(from_us, None, false),
        }
    })
}
