//! Did each workload always run in enough zones?

use std::collections::BTreeMap;

use harness_plan::Zones;

use super::outcome::{CheckOutcome, Evidence, Findings, Verdict};
use super::window::{Window, Windows};
use crate::steps::{Steps, pieces};
use crate::text;

/// The first moment of a phase at which the Ready pods of a workload ran in the fewest zones.
#[derive(Debug, PartialEq, Eq)]
struct Fewest<'a> {
    at_us: u64,
    zones: Vec<&'a str>,
    /// Ready pods on nodes whose zone is not known.
    unknown: i64,
}

/// The first moment of a phase at which the Ready pods of a workload were spread most unevenly.
#[derive(Debug, PartialEq, Eq)]
struct Widest<'a> {
    at_us: u64,
    skew: i64,
    /// Ready pods by zone.
    pods: Vec<(&'a str, i64)>,
    /// Ready pods on nodes whose zone is not known.
    unknown: i64,
}

pub(super) fn check(check: &Zones, evidence: &Evidence<'_>) -> CheckOutcome {
    let Zones { workloads, at_least, max_skew, phases } = check;
    let windows = Windows::of(phases, evidence);
    let mut verdict = windows.judge_always(true);
    let (mut observed, mut shown) = (Findings::default(), Vec::new());
    // Pods in zones that are not known may be where they are missing.
    let mut add = |workload: &str, found: String, unknown: i64| {
        if unknown > 0 {
            let found = format!("{found} and {} in unknown zones", text::count(unknown.unsigned_abs(), "pod"));
            observed.about(workload, found);
            Verdict::Inconclusive
        } else {
            observed.about(workload, found);
            Verdict::Fail
        }
    };
    let mut absent = Vec::new();
    for workload in workloads.names() {
        let ready = ready_by_zone(workload, evidence);
        for window in &windows.all {
            let Some(Fewest { at_us, zones, unknown }) = fewest(&ready, window) else {
                absent.push((workload, window.phase));
                continue;
            };
            let at = text::duration(at_us);
            if let Some(least) = at_least {
                let count = zones.len() as u64;
                if count < u64::from(*least) {
                    verdict = verdict.and(add(workload, format!("{} at {at}", text::count(count, "zone")), unknown));
                }
                let zones = if zones.is_empty() { "none".to_owned() } else { zones.join(" ") };
                shown.push(format!("{workload} in {}: {zones} at {at}", window.phase));
            }
            if let Some(most) = max_skew {
                let Widest { at_us, skew, pods, unknown } = widest(&ready, window);
                let pods: Vec<String> = pods.iter().map(|(zone, count)| format!("{zone} {count}")).collect();
                let spread = format!("skew {skew} ({}) at {}", pods.join(", "), text::duration(at_us));
                if skew > i64::from(*most) {
                    verdict = verdict.and(add(workload, spread.clone(), unknown));
                }
                shown.push(format!("{workload} in {}: {spread}", window.phase));
            }
        }
    }
    for (workload, phase) in absent {
        verdict = verdict.and(Verdict::Inconclusive);
        observed.about(workload, format!("no pod was Ready in {phase}"));
    }
    if observed.is_empty() && !shown.is_empty() {
        observed.push(if at_least.is_some() { "always enough" } else { "always even enough" });
    }
    let which = if at_least.is_some() { "fewest" } else { "widest" };
    let shown = if shown.is_empty() { String::new() } else { format!("{which}: {}; ", text::first_few(&shown, 6)) };
    let least = at_least.map(|least| format!("Ready pods in at least {}", text::count(least, "zone")));
    let most = max_skew.map(|most| format!("a skew over zones of at most {most}"));
    CheckOutcome {
        verdict,
        observed: windows.observed(observed, verdict == Verdict::Fail),
        limit: least.into_iter().chain(most).collect::<Vec<_>>().join(", "),
        evidence: format!("{shown}in {}", windows.described()),
    }
}

/// Of the zones in which a pod of the workload was Ready at any moment of the phase.
fn widest<'a>(ready: &BTreeMap<&'a str, Steps>, window: &Window<'_>) -> Widest<'a> {
    let functions: Vec<&Steps> = ready.values().collect();
    let moments: Vec<u64> =
        pieces(&functions, window.from_us, window.to_us).into_iter().map(|(from_us, _)| from_us).collect();
    let ran = |steps: &Steps| moments.iter().any(|at_us| steps.at(*at_us) > 0);
    let zones: Vec<(&'a str, &Steps)> = ready
        .iter()
        .filter(|(zone, steps)| !zone.is_empty() && ran(steps))
        .map(|(zone, steps)| (*zone, steps))
        .collect();
    let at = |at_us: &u64| {
        let pods: Vec<(&str, i64)> = zones.iter().map(|(zone, steps)| (*zone, steps.at(*at_us))).collect();
        let counts = || pods.iter().map(|(_, count)| *count);
        let skew = counts().max().unwrap_or(0) - counts().min().unwrap_or(0);
        Widest { at_us: *at_us, skew, pods, unknown: ready.get("").map_or(0, |ready| ready.at(*at_us)) }
    };
    let first = Widest { at_us: window.from_us, skew: 0, pods: Vec::new(), unknown: 0 };
    moments.iter().map(at).fold(
        first,
        |widest, next| {
            if next.skew > widest.skew || widest.pods.is_empty() { next } else { widest }
        },
    )
}

/// The number of Ready pods of a workload over time, by the zone of their nodes; the empty name is that of nodes without a known one.
fn ready_by_zone<'a>(workload: &str, evidence: &Evidence<'a>) -> BTreeMap<&'a str, Steps> {
    let source = evidence.source;
    let (timelines, pods) = (source.timelines, &source.timelines.pods);
    let mut changes: BTreeMap<&str, Vec<(u64, i64)>> = BTreeMap::new();
    for span in source.readiness.all() {
        let Some(pod) = pods.all.get(span.pod as usize) else { continue };
        if timelines.names.text(pod.workload) != workload {
            continue;
        }
        let zone = timelines.names.text(source.join.placed_of_pod(pod).zone);
        let end = (span.to_us < u64::MAX).then_some((span.to_us, -1));
        changes.entry(zone).or_default().extend([(span.from_us, 1)].into_iter().chain(end));
    }
    changes.into_iter().map(|(zone, changes)| (zone, Steps::from_changes(changes))).collect()
}

/// `None` where no pod was Ready at any moment.
fn fewest<'a>(ready: &BTreeMap<&'a str, Steps>, window: &Window<'_>) -> Option<Fewest<'a>> {
    let functions: Vec<&Steps> = ready.values().collect();
    let at = |at_us: u64| {
        let there = |(zone, ready): (&&'a str, &Steps)| (!zone.is_empty() && ready.at(at_us) > 0).then_some(*zone);
        let unknown = ready.get("").map_or(0, |ready| ready.at(at_us));
        Fewest { at_us, zones: ready.iter().filter_map(there).collect(), unknown }
    };
    let moments: Vec<Fewest<'a>> =
        pieces(&functions, window.from_us, window.to_us).into_iter().map(|(from_us, _)| at(from_us)).collect();
    let any = moments.iter().any(|moment| moment.unknown > 0 || !moment.zones.is_empty());
    moments.into_iter().min_by_key(|moment| (moment.zones.len(), moment.at_us)).filter(|_| any)
}

#[cfg(test)]
mod tests {
    use super::super::window::Watched;
    use super::*;
    use rstest::rstest;

    fn window() -> Window<'static> {
        Window { phase: "hold", from_us: 10, to_us: 50, watched: Watched::ToItsEnd }
    }

    #[rstest]
    #[case::spread(&[("a", 1, 60), ("b", 2, 60)], Some((10, 2)))]
    #[case::one_zone_is_lost_for_a_moment(&[("a", 1, 60), ("b", 2, 20), ("b", 30, 60)], Some((20, 1)))]
    #[case::another_pod_keeps_the_zone(&[("a", 1, 60), ("b", 2, 20), ("b", 15, 60)], Some((10, 2)))]
    #[case::a_pod_of_an_unknown_zone_counts_for_none(&[("a", 1, 60), ("", 2, 60)], Some((10, 1)))]
    #[case::a_loss_after_the_phase(&[("a", 1, 60), ("b", 2, 55)], Some((10, 2)))]
    #[case::no_pod(&[("a", 60, 70)], None)]
    fn the_moment_with_the_fewest_zones_counts(
        #[case] spans: &[(&'static str, u64, u64)],
        #[case] expected: Option<(u64, usize)>,
    ) {
        let mut changes: BTreeMap<&str, Vec<(u64, i64)>> = BTreeMap::new();
        for (zone, from_us, to_us) in spans {
            changes.entry(zone).or_default().extend([(*from_us, 1), (*to_us, -1)]);
        }
        let ready = changes.into_iter().map(|(zone, changes)| (zone, Steps::from_changes(changes))).collect();
        let found = fewest(&ready, &window()).map(|found| (found.at_us, found.zones.len()));
        assert_eq!(found, expected);
    }

    #[rstest]
    #[case::even(&[("a", 1, 60), ("b", 2, 60)], (10, 0))]
    #[case::two_in_one_zone(&[("a", 1, 60), ("a", 20, 60), ("b", 2, 60)], (20, 1))]
    #[case::a_zone_that_is_lost_counts_with_none(&[("a", 1, 60), ("a", 1, 60), ("b", 2, 30)], (30, 2))]
    #[case::a_zone_of_another_phase_does_not_count(&[("a", 1, 60), ("a", 1, 60), ("b", 55, 60)], (10, 0))]
    fn the_moment_with_the_widest_skew_counts(
        #[case] spans: &[(&'static str, u64, u64)],
        #[case] expected: (u64, i64),
    ) {
        let mut changes: BTreeMap<&str, Vec<(u64, i64)>> = BTreeMap::new();
        for (zone, from_us, to_us) in spans {
            changes.entry(zone).or_default().extend([(*from_us, 1), (*to_us, -1)]);
        }
        let ready = changes.into_iter().map(|(zone, changes)| (zone, Steps::from_changes(changes))).collect();
        let found = widest(&ready, &window());
        assert_eq!((found.at_us, found.skew), expected);
    }
}
