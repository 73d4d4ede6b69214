//! Did every pod that was Ready stay Ready?

use harness_plan::Uninterrupted;

use super::outcome::{CheckOutcome, Evidence, Findings, Verdict};
use super::window::Windows;
use crate::text;

/// Names of interrupted pods that are shown.
const SHOWN: usize = 4;

pub(super) fn check(check: &Uninterrupted, evidence: &Evidence<'_>) -> CheckOutcome {
    let Uninterrupted { workloads, phases } = check;
    let source = evidence.source;
    let timelines = source.timelines;
    let windows = Windows::of(phases, evidence);
    let mut verdict = windows.judge_always(true);
    let (mut observed, mut shown, mut there) = (Findings::default(), Vec::new(), Vec::new());
    for workload in workloads.names() {
        let name = timelines.names.get(workload).filter(|name| !name.is_none());
        for window in &windows.all {
            let ready = source.readiness.all().iter().filter(|span| {
                let pod = timelines.pods.all.get(span.pod as usize);
                pod.is_some_and(|pod| Some(pod.workload) == name)
                    && span.from_us <= window.from_us
                    && span.to_us > window.from_us
            });
            let (mut count, mut interrupted) = (0_u64, Vec::new());
            for span in ready {
                count += 1;
                if span.to_us <= window.to_us {
                    let pod = timelines.pods.all.get(span.pod as usize);
                    let deleted = pod.and_then(|pod| pod.deletion()).is_some_and(|stamp| stamp.at_us() == span.to_us);
                    let how = if deleted { "went" } else { "was not Ready any more" };
                    let pod = pod.map_or("", |pod| &pod.name);
                    interrupted.push(format!("{pod} {how} at {}", text::duration(span.to_us)));
                }
            }
            if count == 0 {
                verdict = verdict.and(Verdict::Inconclusive);
                observed.about(workload, format!("no pod was Ready when {} began", window.phase));
                continue;
            }
            there.push(format!("{workload} {count} when {} began", window.phase));
            if interrupted.is_empty() {
                continue;
            }
            verdict = Verdict::Fail;
            observed.about(workload, format!("{} of {} interrupted", interrupted.len(), text::count(count, "pod")));
            shown.extend(interrupted);
        }
    }
    if observed.is_empty() && !there.is_empty() {
        observed.push("none interrupted".to_owned());
    }
    let ready =
        if there.is_empty() { "no pod was Ready".to_owned() } else { format!("Ready: {}", text::first_few(&there, 6)) };
    let shown = if shown.is_empty() { String::new() } else { format!("{}; ", text::first_few(&shown, SHOWN)) };
    CheckOutcome {
        verdict,
        observed: windows.observed(observed, verdict == Verdict::Fail),
        limit: "every Ready pod stays Ready".to_owned(),
        evidence: format!("{shown}{ready}; in {}", windows.described()),
    }
}
