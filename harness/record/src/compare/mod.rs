//! Comparison of two sides of one scenario, each of one or more runs.
//!
//! The unit is the *run*. The samples of one run share that run's luck: a busy moment of the machine, one slow batch, the order in which
//! the controller took the nodes. 143 nodes of one run are not 143 witnesses, so each run contributes one value to each row (a percentile
//! of one latency), and only the scatter of these values from run to run says how large a difference may be by chance.
//!
//! What is tested: ratios, that is differences of the logarithms of the per-run percentiles. What gates: see [`Thresholds`].
//!
//! - Enough runs for [`Basis::Permutation`] (four a side by default): the labels "before" and "after" are exchanged between the runs in every
//!   possible way, and the largest statistic over all gated rows is kept each time (Westfall and Young, Resampling-Based Multiple Testing,
//!   1993, the single-step maxT procedure). A row's `p` is the share of exchanges whose largest statistic is at least the row's own. That is
//!   exact for any distribution of the noise, covers all gated rows together whatever their dependence, and needs no seed.
//! - Fewer runs, but at least one side with two: [`Basis::Noise`]. Student's t with the scatter within the sides, Bonferroni over the gated
//!   rows. With one run against several this is the prediction interval for one more run of the baseline. The answer is no more than "differs
//!   by more than the noise that was seen".
//! - One run a side: no noise is known, and everything is inconclusive ([`Basis::Unknown`]).
//!
//! A difference also has to matter: [`Thresholds::ratio_min`] and [`Thresholds::difference_ms_min`].

mod differ;
mod judge;
mod outcome;
mod permute;
mod random;
mod rows;
mod run;
mod spread;
mod stats;

pub use judge::compare;
pub use outcome::{Basis, COMPARISON_VERSION, Change, Comparison, Comparisons, Row, RowSide, SideRuns, Thresholds};
pub use random::SplitMix64;
pub use run::{MeasuredLatency, MeasuredRun, NotOneRun};
pub use spread::{LatencySpread, spread};
