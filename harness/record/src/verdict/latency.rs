//! Do percentiles stay below their limits?
//!
//! Each percentile is known as an interval: what it is when every censored sample is larger than all that were measured, and
//! what it is when those that might still have ended did so when they were last seen. A limit above both holds, one
//! below both does not, and one between them is inconclusive. In a run that was cut further samples are missing: they may move any
//! percentile but the maximum, which can only grow.

use std::collections::BTreeMap;

use harness_plan::{Action, GroupBy, LatencyLimits, LatencyName, Plan, Workload};

use super::outcome::{CheckOutcome, Evidence, Verdict};
use super::window::Windows;
use crate::latency::{Cause, Groups, Percentile, Samples, collect_within};
use crate::text;

/// Groups that are shown.
const SHOWN: usize = 4;

/// One limit in one group.
struct Finding {
    verdict: Verdict,
    /// The share of the limit, in thousandths: of findings with equal verdict the worst are shown.
    permille: u64,
    text: String,
}

pub(super) fn check(asked: &LatencyLimits, evidence: &Evidence<'_>) -> CheckOutcome {
    let (groups, windows) = match asked.phases.as_slice() {
        [] => (groups(asked, evidence.groups, evidence), Windows::of_run(evidence)),
        phases => {
            let windows = Windows::of(phases, evidence);
            let spans: Vec<(u64, u64)> = windows.all.iter().map(|window| (window.from_us, window.to_us)).collect();
            (groups(asked, &collect_within(&spans, evidence.source), evidence), windows)
        }
    };
    let mut findings: Vec<Finding> =
        groups.iter().flat_map(|(group, samples)| group_findings(group, samples, asked, &windows)).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse((finding.verdict, finding.permille)));
    let verdict = findings.first().map_or(Verdict::Inconclusive, |finding| finding.verdict);
    // All failures, and of the passes those closest to their limit.
    let shown = if verdict == Verdict::Pass { asked.percentiles().count().max(1) } else { findings.len() };
    let texts: Vec<String> = findings
        .into_iter()
        .filter(|finding| finding.verdict == verdict)
        .take(shown)
        .map(|finding| finding.text)
        .collect();
    let observed = if texts.is_empty() { "no samples".to_owned() } else { text::first_few(&texts, SHOWN) };
    // Deadlines are the percentiles' own matter: what missed them is censored.
    let observed = if verdict == Verdict::Inconclusive { windows.observed(observed, false) } else { observed.into() };
    CheckOutcome { verdict, observed, limit: asked.describe_limits(), evidence: sizes(&groups) }
}

/// The groups that are expected to have samples, with or without any: an empty group is a doubt, not a pass.
fn groups(asked: &LatencyLimits, collected: &Groups, evidence: &Evidence<'_>) -> BTreeMap<String, Samples> {
    let Some(by) = asked.by else {
        let all = collected.all(asked.of).cloned().unwrap_or_default();
        return BTreeMap::from([(String::new(), all)]);
    };
    let plan = evidence.source.plan;
    let used = plan.workloads.iter().filter(|workload| workload.replicas_peak > 0 && is_gated(workload));
    let expected: Vec<String> = match by {
        // Some latencies concern a part of the nodes and workloads only, and a phase may: to a group without samples it did not happen.
        _ if is_of_some(asked.of) || !asked.phases.is_empty() => Vec::new(),
        GroupBy::Workload if asked.of == LatencyName::Autoscaled => {
            used.filter(|workload| workload.autoscale.is_some()).map(|workload| workload.name.clone()).collect()
        }
        GroupBy::Workload => used.map(|workload| workload.name.clone()).collect(),
        GroupBy::Nodepool => used.map(|workload| workload.class.clone()).collect(),
        GroupBy::Object => changed(plan),
        GroupBy::InstanceType | GroupBy::CapacityType | GroupBy::Zone | GroupBy::Kustomization => Vec::new(),
    };
    let mut groups: BTreeMap<String, Samples> = expected.into_iter().map(|value| (value, Samples::default())).collect();
    groups.extend(collected.by(asked.of, by).map(|(value, samples)| (value.to_owned(), samples.clone())));
    if by == GroupBy::Workload {
        groups.retain(|name, _| plan.workloads.iter().find(|known| known.name == *name).is_none_or(is_gated));
    }
    groups
}

/// Objects that the plan changes and that a controller is expected to restore.
fn changed(plan: &Plan) -> Vec<String> {
    let changes = plan.actions().filter_map(|planned| match &planned.action {
        Action::Change(change) if !change.stays => change.object.clone(),
        _ => None,
    });
    changes.collect()
}

/// Whether the pods of a workload are awaited: the others are shown and not judged.
fn is_gated(workload: &Workload) -> bool {
    workload.awaited && !workload.stays_pending
}

fn is_of_some(name: LatencyName) -> bool {
    use LatencyName as Name;
    matches!(name, Name::NodeReplaced | Name::NodeFill | Name::NodeIdle | Name::WorkloadRecovered)
}

fn group_findings(group: &str, samples: &Samples, asked: &LatencyLimits, windows: &Windows<'_>) -> Vec<Finding> {
    let front = if group.is_empty() { String::new() } else { format!("{group}: ") };
    let count = samples.count();
    let least = u64::from(asked.samples_min.max(1));
    if count < least {
        let text = if count == 0 {
            format!("{front}no samples")
        } else {
            format!("{front}{} of at least {least}", text::count(count, "sample"))
        };
        return vec![Finding { verdict: Verdict::Inconclusive, permille: 0, text }];
    }
    let mut findings: Vec<Finding> = Vec::new();
    for (percent, key, limit) in asked.percentiles() {
        let limit_us = limit.as_micros();
        let Some(at_most) = samples.percentile(percent) else { continue };
        let at_least_us = samples.percentile_at_least_us(percent).unwrap_or(u64::MAX);
        let verdict = match at_most {
            Percentile::Measured(us) if us <= limit_us => windows.judge_always(true),
            _ if at_least_us > limit_us && percent == 100 => windows.judge_always(false),
            _ if at_least_us > limit_us => windows.judge_at_the_end(false),
            _ => Verdict::Inconclusive,
        };
        let permille = u128::from(at_most.micros()) * 1_000 / u128::from(limit_us.max(1));
        findings.push(Finding {
            verdict,
            permille: u64::try_from(permille).unwrap_or(u64::MAX),
            text: if at_least_us == u64::MAX {
                format!("{front}{key} not reached (sample censored)")
            } else {
                format!("{front}{key} {}", text::percentile(at_most))
            },
        });
    }
    if let Some(most) = asked.censored.map(u64::from) {
        let open = samples.censored.iter().filter(|it| it.cause == Cause::Open).count() as u64;
        let certain = samples.never() + if windows.are_whole() { open } else { 0 };
        let all = samples.censored.len() as u64;
        let verdict = match () {
            () if certain > most => windows.judge_always(false),
            () if all > most => Verdict::Inconclusive,
            () => windows.judge_always(true),
        };
        findings.push(Finding { verdict, permille: 0, text: format!("{front}{all} of {count} censored") });
    }
    findings
}

fn sizes(groups: &BTreeMap<String, Samples>) -> String {
    let size = |samples: &Samples| match samples.censored.len() {
        0 => text::count(samples.count(), "sample"),
        censored => format!("{}, {censored} censored", text::count(samples.count(), "sample")),
    };
    let texts: Vec<String> = groups
        .iter()
        .map(|(group, samples)| if group.is_empty() { size(samples) } else { format!("{group} ({})", size(samples)) })
        .collect();
    text::first_few(&texts, 12)
}
