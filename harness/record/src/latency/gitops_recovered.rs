//! How long Flux takes to recover once the cause of its failure is repaired.
//!
//! A repair is a push after a Kustomization has failed at an earlier revision, the end of a fault of the Git server, or the start of a
//! Flux controller. A Kustomization has recovered when it is healthy at the newest revision of that moment, or at a later one. The end of a
//! fault or the start of a controller while the newest revision is in force repairs nothing, and does not make a sample.

use harness_plan::{Action, LatencyName};

use super::gitops::labels;
use super::groups::Grouping;
use super::source::{Source, until};
use crate::event::Reached;
use crate::timeline::{FluxStep, Push, ROOT, Stamp, pushes};

pub(super) fn collect(source: &Source<'_>, into: &mut Grouping<'_>) {
    let gitops = &source.timelines.gitops;
    let pushes = pushes(&source.timelines.actions);
    let mut add = |kustomization: &str, from_us: u64, to: Option<Stamp>| {
        let sample = until(from_us, to, || source.horizon.censor(from_us, None, false));
        into.add(LatencyName::GitopsRecovered, Some(&labels(kustomization, source)), sample);
    };
    for kustomization in gitops.kustomizations() {
        let steps: Vec<&FluxStep> = gitops.steps_of(kustomization).collect();
        for (index, push) in pushes.iter().enumerate() {
            if has_failed(&steps, pushes.get(..index).unwrap_or_default(), push.acked_us) {
                let newer = pushes.get(index..).unwrap_or_default();
                add(kustomization, push.acked_us, healthy(&steps, newer));
            }
        }
    }
    let steps: Vec<&FluxStep> = gitops.steps_of(ROOT).collect();
    for from_us in repairs(source) {
        let newest = pushes.partition_point(|push| push.acked_us <= from_us).saturating_sub(1);
        let newer = pushes.get(newest..).unwrap_or_default();
        let to = healthy(&steps, newer);
        if to.is_none_or(|to| to.at_us() > from_us) && !newer.is_empty() {
            add(ROOT, from_us, to);
        }
    }
}

/// When faults of the Git server ended and controllers of Flux started: the moment of the acknowledgement.
fn repairs(source: &Source<'_>) -> Vec<u64> {
    let repairs = |action: &Action| match action {
        Action::ClearGitFaults(_) => true,
        Action::StartComponent(component) => component.applies_trees(),
        _ => false,
    };
    let done = source.timelines.actions.of_plan().filter(|(_, planned)| repairs(planned));
    done.filter_map(|(action, _)| action.acked_us).collect()
}

/// Whether the last report up to a moment is a failure at one of these revisions.
fn has_failed(steps: &[&FluxStep], earlier: &[Push<'_>], at_us: u64) -> bool {
    let mut reported = steps.iter().filter(|step| step.at.at_us() <= at_us);
    let last = reported.rfind(|step| matches!(step.reached, Reached::Failed | Reached::Healthy));
    last.is_some_and(|step| step.reached == Reached::Failed && earlier.iter().any(|push| *push.commit == *step.commit))
}

/// The first time that one of these revisions was healthy.
fn healthy(steps: &[&FluxStep], of: &[Push<'_>]) -> Option<Stamp> {
    let healthy = steps.iter().filter(|step| step.reached == Reached::Healthy);
    let of_these = healthy.filter(|step| of.iter().any(|push| *push.commit == *step.commit));
    of_these.map(|step| step.at).min_by_key(|stamp| stamp.at_us())
}
