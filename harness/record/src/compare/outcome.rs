//! What a comparison says: the document that `harness compare --format json` prints. Its keys are described in `reports/README.md`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::exit_code::ExitCode;
use crate::latency::Percentile;

/// The version of the document. Keys may be added within a version, never renamed or removed.
pub const COMPARISON_VERSION: u32 = 1;

/// When a difference is called one. All conditions must hold: it must be too large for chance, and large enough to matter.
///
/// What gates: the latencies without labels that every run of both sides has, by their p50, and by their p95 where every run has at least
/// [`Thresholds::p95_samples_min`] samples. The rows of single groups are shown and never gate: they are where to look, not what to judge,
/// and a correction for all of them would leave nothing to find.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Thresholds {
    /// The probability, in each direction, of calling any gated row of two equal sides different by chance alone. Five runs a side have 252
    /// exchanges of labels, of which this allows 4; four have 70, so their smallest `p` is 0.014; three have 20 and 0.05, which is not enough.
    /// At 0.016 twenty pairs of equal sides have more than one false alarm in 4 % of all series of twenty, at benchstat's 0.025 a side in 9 %.
    pub p_max: f64,
    /// The sides must differ by at least this factor.
    pub ratio_min: f64,
    /// And by at least this many milliseconds: differences within the harness's own accuracy are not the system's.
    pub difference_ms_min: f64,
    /// The 95th percentile of fewer samples than this is their maximum, one object's luck: it is shown and does not gate.
    pub p95_samples_min: u64,
    /// A row is called the same only where its interval shows that it has not changed by this factor or more; otherwise it is inconclusive.
    pub ratio_excluded: f64,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// A scatter from run to run (a standard deviation, relative) that is added to what was seen, in quadrature, so that runs that agree by luck
    /// do not turn a small difference into a certain one (Tusher, Tibshirani and Chu, PNAS 98, 2001, add a constant for the same reason).
    pub scatter_min: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            p_max: 0.016,
            ratio_min: 1.10,
            difference_ms_min: 10.0,
            p95_samples_min: 20,
            ratio_excluded: 1.20,
            confidence: 0.95,
            scatter_min: 0.03,
        }
    }
}

/// The outcome for a latency, or for the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Change {
    /// Slower.
    Regression,
    /// No change that matters, as far as the runs show.
    Same,
    /// Faster.
    Better,
    /// The runs do not decide.
    Inconclusive,
}

impl Change {
    /// `regression`, `same`, `better` or `inconclusive`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The exit code of `harness compare`.
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::Regression => ExitCode::Failed,
            Self::Inconclusive => ExitCode::Inconclusive,
            Self::Same | Self::Better => ExitCode::Passed,
        }
    }
}

/// What an answer rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Enough runs on both sides for the permutation test.
    Permutation,
    /// Too few runs for it, or one on a side: the scatter that was seen, as a t or prediction interval. The answer is at most "differs by more
    /// than the noise that was seen".
    Noise,
    /// No noise is known: one run a side, or runs that cannot be compared.
    Unknown,
}

/// The runs of one side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SideRuns {
    /// Ids of the runs that were compared.
    pub runs: Vec<String>,
    /// Runs that were left out, each with why.
    pub left_out: Vec<String>,
}

/// One side of a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RowSide {
    /// Runs with at least one sample.
    pub runs: usize,
    /// Samples over all runs, the censored ones included.
    pub samples: u64,
    /// Censored samples over all runs.
    pub censored: u64,
    /// Runs in which the percentile falls on a sample without an end.
    pub runs_beyond: usize,
    /// The geometric mean of the runs' percentiles; the median of them where some are only bounds.
    #[serde(rename = "ms")]
    pub figure: Option<Percentile>,
    /// Scatter from run to run: the relative standard deviation of the runs' percentiles; `None` with one run or with bounds.
    pub scatter: Option<f64>,
}

/// One percentile of one latency in one group, before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The latency's name.
    pub latency: String,
    /// The group: empty for all samples.
    pub labels: BTreeMap<String, String>,
    /// Which percentile.
    pub percentile: u8,
    /// Before.
    pub before: RowSide,
    /// After.
    pub after: RowSide,
    /// After over before; `None` where a run has only a bound, or none of the latency.
    pub ratio: Option<f64>,
    /// The interval of the ratio; `None` where no noise is known.
    pub interval: Option<[f64; 2]>,
    /// Whether it takes part in the verdict.
    pub gated: bool,
    /// The probability of so large a difference by chance in any gated row, in the direction of the difference; `None` for rows that are only
    /// shown, and where no noise is known.
    pub p: Option<f64>,
    /// The outcome; `None` for rows that are only shown.
    pub change: Option<Change>,
    /// Why, where the figures do not say it; may be empty.
    pub why: String,
}

/// Two sides of one scenario, before (A) and after (B).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// [`COMPARISON_VERSION`].
    pub version: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The runs before.
    pub before: SideRuns,
    /// The runs after.
    pub after: SideRuns,
    /// What the answer rests on.
    pub basis: Basis,
    /// The thresholds that were used.
    pub thresholds: Thresholds,
    /// Every percentile of every latency and group of either side; those that gate first.
    pub rows: Vec<Row>,
    /// What differs between the sides besides the latencies.
    pub differences: Vec<String>,
    /// `regression` when a gated row is one; `inconclusive` when no gated row could be judged, and with [`Basis::Permutation`] when less than half
    /// could; otherwise `better` when one is, or `same`.
    pub change: Change,
    /// The answer in a sentence.
    pub reason: String,
    /// What to do to get a better answer; empty where there is nothing to do.
    pub advice: String,
    /// [`Change::exit_code`].
    pub exit_code: ExitCode,
}

impl Comparison {
    /// The rows that take part in the verdict.
    pub fn gated(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.gated)
    }
}

/// The comparisons of every scenario that both sides have: what `harness compare` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparisons {
    /// [`COMPARISON_VERSION`].
    pub version: u32,
    /// The first of `regression`, `inconclusive`, `better` and `same` that any of them is.
    pub change: Change,
    /// [`Change::exit_code`].
    pub exit_code: ExitCode,
    /// One for each scenario.
    pub comparisons: Vec<Comparison>,
    /// Scenarios that only one side has.
    pub not_compared: Vec<String>,
}

impl Comparisons {
    /// From the comparisons of single scenarios; none at all is inconclusive.
    pub fn new(comparisons: Vec<Comparison>, not_compared: Vec<String>) -> Self {
        let any = |change| comparisons.iter().any(|comparison| comparison.change == change);
        let order = [Change::Regression, Change::Inconclusive, Change::Better, Change::Same];
        let change = order.into_iter().find(|change| any(*change)).unwrap_or(Change::Inconclusive);
        Self { version: COMPARISON_VERSION, change, exit_code: change.exit_code(), comparisons, not_compared }
    }
}
