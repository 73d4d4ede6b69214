//! Did the processes keep running within their limits?

use harness_plan::Usage;

use super::outcome::{CheckOutcome, Evidence, Verdict};
use super::window::{Windows, named_or_all};
use crate::text;
use crate::timeline::Curve;

/// Moments that are shown.
const SHOWN: usize = 3;

/// What one process used.
struct Used {
    /// Thousandths of a core, averaged over the phases.
    cpu_millicores: f64,
    /// The most resident memory of any sample.
    rss_bytes: u64,
}

pub(super) fn check(limits: &Usage, evidence: &Evidence<'_>) -> CheckOutcome {
    let curves = &evidence.source.timelines.usage;
    let windows = Windows::of(named_or_all(&limits.phases, evidence), evidence);
    let looks: Vec<u64> = curves.looks_us.iter().copied().filter(|at_us| windows.contain(*at_us)).collect();
    let limit = describe_limits(limits);
    // CPU over time needs two samples.
    if looks.len() < 2 {
        let samples = windows.evidence(&[text::count(looks.len(), "sample")], 1);
        return CheckOutcome::inconclusive(windows.observed("the processes were not looked at", false), limit, samples);
    }
    let mut verdict = windows.judge_always(true);
    let (mut observed, mut all) = (Vec::new(), Vec::new());
    for name in &limits.processes {
        let Some(curve) = curves.named(name) else {
            verdict = verdict.and(Verdict::Inconclusive);
            observed.push(format!("{name}: not counted"));
            continue;
        };
        for trouble in troubles(curve, &looks, limits, &windows) {
            verdict = Verdict::Fail;
            observed.push(format!("{name}: {trouble}"));
        }
        all.push((name, used(curve, &windows)));
    }
    let cpu: f64 = all.iter().map(|(_, used)| used.cpu_millicores).sum();
    let memory: u64 = all.iter().map(|(_, used)| used.rss_bytes).sum();
    if let Some(most) = limits.cpu {
        // An average is known when its time is over.
        verdict = verdict.and(windows.judge_at_the_end(cpu <= most.0 as f64));
    }
    if let Some(most) = limits.memory {
        verdict = verdict.and(windows.judge_always(memory <= most.0));
    }
    let figures =
        [limits.cpu.map(|_| format!("CPU {cpu:.0}m")), limits.memory.map(|_| format!("memory {}", mebibytes(memory)))];
    observed.extend(figures.into_iter().flatten());
    if observed.is_empty() {
        observed.push("running all the time".to_owned());
    }
    let each: Vec<String> = all
        .iter()
        .map(|(name, used)| format!("{name} {:.0}m and {}", used.cpu_millicores, mebibytes(used.rss_bytes)))
        .collect();
    let evidence = format!("{}; {}; in {}", each.join(", "), text::count(looks.len(), "sample"), windows.described());
    CheckOutcome { verdict, observed: windows.observed(observed, verdict == Verdict::Fail), limit, evidence }
}

/// When the process did not run, and, where no limit is set, when it was restarted.
fn troubles(curve: &Curve, looks: &[u64], limits: &Usage, windows: &Windows<'_>) -> Vec<String> {
    let there = |at_us: &u64| curve.samples.binary_search_by_key(at_us, |sample| sample.at_us).is_ok();
    let moments = |moments: Vec<u64>| {
        let shown: Vec<String> = moments.into_iter().map(text::duration).collect();
        text::first_few(&shown, SHOWN)
    };
    let missing: Vec<u64> = looks.iter().copied().filter(|at_us| !there(at_us)).collect();
    let restarts: Vec<u64> = curve.restarts_us.iter().copied().filter(|at_us| windows.contain(*at_us)).collect();
    let only_running = limits.cpu.is_none() && limits.memory.is_none();
    let mut troubles = Vec::new();
    if missing.len() == looks.len() {
        troubles.push("never seen".to_owned());
    } else if !missing.is_empty() {
        troubles.push(format!("not there at {}", moments(missing)));
    }
    if only_running && !restarts.is_empty() {
        troubles.push(format!("another process at {}", moments(restarts)));
    }
    troubles
}

fn used(curve: &Curve, windows: &Windows<'_>) -> Used {
    let parts = windows.all.iter().map(|window| curve.cpu_ms(window.from_us, window.to_us));
    let (cpu_ms, covered_us) = parts.fold((0.0, 0), |(cpu, time), (more, longer)| (cpu + more, time + longer));
    let samples = curve.samples.iter().filter(|sample| windows.contain(sample.at_us));
    Used {
        // Milliseconds of CPU in a second are thousandths of a core.
        cpu_millicores: if covered_us == 0 { 0.0 } else { cpu_ms * 1e6 / covered_us as f64 },
        rss_bytes: samples.map(|sample| sample.rss_bytes).max().unwrap_or(0),
    }
}

fn describe_limits(limits: &Usage) -> String {
    let parts = [
        limits.cpu.map(|most| format!("CPU <= {most} on average")),
        limits.memory.map(|most| format!("memory <= {most}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "running all the time".to_owned() } else { parts.join(", ") }
}

fn mebibytes(bytes: u64) -> String {
    format!("{}Mi", bytes.div_ceil(1 << 20))
}
