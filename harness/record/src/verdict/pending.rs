//! Did the pods that must not run stay Pending, and did a controller say why?

use harness_plan::Pending;

use super::outcome::{CheckOutcome, Evidence, Findings, Verdict};
use super::window::{Window, Windows};
use crate::text;
use crate::timeline::{PodTimeline, Stamp};

/// Names of bound pods that are shown.
const SHOWN: usize = 3;

pub(super) fn check(check: &Pending, evidence: &Evidence<'_>) -> CheckOutcome {
    let says = check.message_contains.as_deref();
    let source = evidence.source;
    let timelines = source.timelines;
    let windows = match check.phases.as_slice() {
        [] => Windows::of_run(evidence),
        phases => Windows::of(phases, evidence),
    };
    let mut verdict = windows.judge_always(true);
    let (mut observed, mut shown) = (Findings::default(), Vec::new());
    for workload in check.workloads.names() {
        let pods = timelines.pods.all.iter().filter(|pod| timelines.names.text(pod.workload) == workload);
        let (mut count, mut bound) = (0_u64, Vec::new());
        for pod in pods {
            if !check.phases.is_empty() && !windows.all.iter().any(|window| waits(pod, window)) {
                continue;
            }
            count += 1;
            let scheduled = pod.scheduled.or(pod.ready);
            if let Some(scheduled) = scheduled.filter(|at| check.phases.is_empty() || windows.contain(at.at_us())) {
                let node = timelines.names.text(pod.node);
                bound.push(format!("{} on {node} at {}", pod.name, text::duration(scheduled.at_us())));
            }
        }
        if !bound.is_empty() {
            verdict = Verdict::Fail;
            let count = text::count(bound.len(), "pod");
            observed.about(workload, format!("{count} bound ({})", text::first_few(&bound, SHOWN)));
            continue;
        }
        if count == 0 {
            verdict = verdict.and(Verdict::Inconclusive);
            observed.about(workload, "no pod was ever there");
            continue;
        }
        let occurrences = &timelines.occurrences;
        match (occurrences.reason_about(workload, says), occurrences.reason_about(workload, None)) {
            (Some(quote), _) => {
                observed.about(workload, format!("{} Pending", text::count(count, "pod")));
                shown.push(quote.to_string());
            }
            (None, Some(quote)) => {
                // The controller may give the right reason with its next try.
                verdict = verdict.and(windows.judge_once(false));
                observed.about(workload, "Pending, for another reason");
                shown.push(quote.to_string());
            }
            (None, None) => {
                verdict = verdict.and(Verdict::Inconclusive);
                observed.about(workload, format!("{} Pending, and no controller said why", text::count(count, "pod")));
            }
        }
    }
    let bound = if check.phases.is_empty() { "never bound" } else { "not bound" };
    let limit = match says {
        Some(says) => format!("{bound}, with a reason that says `{says}`"),
        None => format!("{bound}, with a reason"),
    };
    let shown = if shown.is_empty() { "no reason about these pods".to_owned() } else { text::first_few(&shown, 3) };
    let observed = windows.observed(observed, verdict == Verdict::Fail);
    CheckOutcome { verdict, observed, limit, evidence: shown }
}

/// Whether a pod without a node is there in a phase.
fn waits(pod: &PodTimeline, window: &Window<'_>) -> bool {
    let before_end = |at: Option<Stamp>| at.is_some_and(|at| at.at_us() <= window.to_us);
    let before_start = |at: Option<Stamp>| at.is_some_and(|at| at.at_us() < window.from_us);
    before_end(pod.created.or(pod.unschedulable))
        && !before_start(pod.scheduled.or(pod.ready))
        && !before_start(pod.deletion())
}
