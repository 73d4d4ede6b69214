//! Scenarios that were run several times: how their latencies differ from run to run.

use harness_record::compare::{LatencySpread, MeasuredRun, spread};
use harness_record::verdict::Verdict;
use serde::{Deserialize, Serialize};

use crate::several::{EntryOutcome, SuiteEntry};
use crate::text;

/// One scenario that ran more than once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepeatedScenario {
    /// The scenario's name.
    pub scenario: String,
    /// The names of its runs, as in `scenarios[]`, in their order.
    pub runs: Vec<String>,
    /// How many of them passed.
    pub passed: usize,
    /// p50 and p95 of every latency over all samples, run by run.
    pub latencies: Vec<LatencySpread>,
}

/// Those of the runs whose scenario ran more than once, in the order of their first.
pub fn repeated(all: &[SuiteEntry<'_>]) -> Vec<RepeatedScenario> {
    let mut groups: Vec<(&str, Vec<(&SuiteEntry<'_>, MeasuredRun)>)> = Vec::new();
    for entry in all {
        let EntryOutcome::Ran(_, result) = entry.outcome else { continue };
        let run = (entry, MeasuredRun::from(result));
        let name = scenario_of(entry.name);
        match groups.iter_mut().find(|(scenario, runs)| {
            *scenario == name && runs.iter().all(|it| it.1.info.scenario == run.1.info.scenario)
        }) {
            Some((_, runs)) => runs.push(run),
            None => groups.push((name, vec![run])),
        }
    }
    groups.retain(|(_, runs)| runs.len() > 1);
    let group = |(scenario, runs): (&str, Vec<(&SuiteEntry<'_>, MeasuredRun)>)| {
        let (entries, runs): (Vec<&SuiteEntry<'_>>, Vec<MeasuredRun>) = runs.into_iter().unzip();
        RepeatedScenario {
            scenario: scenario.to_owned(),
            runs: entries.iter().map(|entry| entry.name.to_owned()).collect(),
            passed: entries.iter().filter(|entry| entry.word().1 == Verdict::Pass).count(),
            latencies: spread(&runs),
        }
    };
    groups.into_iter().map(group).collect()
}

/// The name without the number of the run: `scale-burst` of `scale-burst.2`.
fn scenario_of(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((scenario, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => scenario,
        _ => name,
    }
}

/// A line of the tables for people.
pub(crate) struct SpreadLine {
    /// `pod_ready p50`.
    pub(crate) name: String,
    pub(crate) median: String,
    /// Smallest and largest of the runs.
    pub(crate) range: String,
    pub(crate) scatter: String,
}

impl RepeatedScenario {
    /// `scale-burst: 5 runs, 5 passed`.
    pub(crate) fn title(&self) -> String {
        format!("{}: {}, {} passed", self.scenario, text::counted(self.runs.len() as u64, "run"), self.passed)
    }

    /// The p50 of every latency, and the p95 where it is another figure.
    pub(crate) fn lines(&self) -> Vec<SpreadLine> {
        let p50 = |of: &LatencySpread| self.latencies.iter().find(|it| it.latency == of.latency && it.percentile == 50);
        let differs = |it: &&LatencySpread| it.percentile == 50 || p50(it).is_none_or(|p50| p50.by_run != it.by_run);
        self.latencies.iter().filter(differs).map(line).collect()
    }
}

fn line(spread: &LatencySpread) -> SpreadLine {
    let mut sorted: Vec<_> = spread.by_run.iter().copied().flatten().collect();
    sorted.sort_by_key(|value| (value.is_beyond(), value.micros()));
    SpreadLine {
        name: format!("{} p{}", spread.latency, spread.percentile),
        median: text::percentile(spread.median),
        range: format!("{} to {}", text::percentile(sorted.first().copied()), text::percentile(sorted.last().copied())),
        scatter: spread
            .scatter
            .map_or_else(|| text::NONE.to_owned(), |scatter| format!("\u{b1}{:.1}%", scatter * 100.0)),
    }
}
