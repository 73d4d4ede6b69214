//! The A/A test: how often equal runs are called slower, and how often a phase that is a fifth slower is found.
//!
//! On generated runs (`model`), which takes a second, and on real ones: runs of one scenario are dealt into two sides in
//! twenty ways, so that every pair is of equal runs. For what must be found one side's samples of one latency are made longer.

use harness_record::compare::{Change, Comparison, MeasuredRun, SplitMix64, Thresholds, compare, spread};
use harness_record::latency::Samples;

use crate::model::{Model, STEADY, TYPICAL};

/// The number of pairs.
const PAIRS: u64 = 20;
/// The slowdown of a phase that must be found.
const SLOWER: f64 = 1.2;
/// The latencies that are made slower in turn on real runs: each is one phase, and each run of the scenario has all of them.
const SLOWED: [&str; 3] = ["nodeclaim_registered", "node_provisioning", "node_termination"];

/// The outcome of the pairs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// Pairs of equal sides that were called slower.
    pub(crate) false_regressions: u32,
    /// Pairs of equal sides that were inconclusive.
    pub(crate) inconclusive: u32,
    /// Pairs with a slower phase that were not called slower.
    pub(crate) missed: u32,
}

impl Outcome {
    fn add(&mut self, equal: &Comparison, slower: &Comparison) {
        self.false_regressions += u32::from(equal.change == Change::Regression);
        self.inconclusive += u32::from(equal.change == Change::Inconclusive);
        self.missed += u32::from(slower.change != Change::Regression);
    }
}

/// Generated runs, this many a side.
pub(crate) fn model(runs: u64) -> Outcome {
    let model = Model::new(TYPICAL);
    let mut outcome = Outcome::default();
    for pair in 0..PAIRS {
        let (before, after) = (model.runs(runs, 2 * pair), model.runs(runs, 2 * pair + 1));
        let slower = model.with((pair % STEADY as u64) as usize, SLOWER).runs(runs, 2 * pair + 1);
        outcome
            .add(&compare(&before, &after, Thresholds::default()), &compare(&before, &slower, Thresholds::default()));
    }
    outcome
}

/// Real runs, dealt into two halves.
pub(crate) fn real(runs: &[MeasuredRun]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut random = SplitMix64::new(1);
    for pair in 0..PAIRS as usize {
        let mut dealt = runs.to_vec();
        for at in 0..dealt.len() {
            let other = at + random.below(dealt.len() - at);
            dealt.swap(at, other);
        }
        let (before, after) = dealt.split_at(dealt.len() / 2);
        let name = SLOWED.get(pair % SLOWED.len()).copied().unwrap_or_default();
        let slower: Vec<MeasuredRun> = after.iter().map(|run| slowed(run, name)).collect();
        outcome.add(&compare(before, after, Thresholds::default()), &compare(before, &slower, Thresholds::default()));
    }
    outcome
}

fn slowed(run: &MeasuredRun, name: &str) -> MeasuredRun {
    let mut run = run.clone();
    for latency in run.latencies.iter_mut().filter(|latency| latency.name == name) {
        let measured = latency.samples.measured_us.iter().map(|us| (*us as f64 * SLOWER) as u64);
        latency.samples = Samples::new(measured.collect(), latency.samples.censored.clone());
    }
    run
}

/// The scatter of each latency's p50 from run to run, percent.
pub(crate) fn scatter(runs: &[MeasuredRun]) -> Vec<(String, f64)> {
    let p50 = spread(runs).into_iter().filter(|row| row.percentile == 50);
    p50.filter_map(|row| Some((row.latency, row.scatter? * 100.0))).collect()
}
