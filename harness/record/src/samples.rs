//! Samples of one latency, and what they say when some of them have no end.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::milliseconds::{micros, millis};

/// Why a sample has no measured value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The milestone will not be reached: the object was deleted before it, or a deadline of the plan passed first.
    Never,
    /// The plan itself took the object back before any deadline (a scale-down while the pod was still on its way).
    Withdrawn,
    /// The run ended, or its cleanup began, while the object was on its way.
    Open,
    /// The start or the end of the interval was not seen as it happened, only in a list (after a reconnect).
    Unseen,
}

/// A sample whose end was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Censored {
    /// How long it was followed without an end, in microseconds.
    pub at_least_us: u64,
    /// Why it has no end.
    pub cause: Cause,
}

/// One sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// When its interval starts, microseconds since the run began.
    pub(crate) from_us: u64,
    length: Length,
}

#[derive(Clone, Copy, Debug)]
enum Length {
    Measured(u64),
    Censored(Censored),
}

impl Sample {
    /// An interval whose end was seen.
    pub(crate) fn measured(from_us: u64, to_us: u64) -> Self {
        Self { from_us, length: Length::Measured(to_us.saturating_sub(from_us)) }
    }

    /// An interval whose end was not seen.
    pub(crate) fn censored(from_us: u64, censored: Censored) -> Self {
        Self { from_us, length: Length::Censored(censored) }
    }
}

/// A percentile of samples of which some may be censored. As JSON it is in milliseconds: a number where it was measured,
/// `{"beyond": number}` where only a bound is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Figure", into = "Figure")]
pub enum Percentile {
    /// It is this many microseconds.
    Measured(u64),
    /// It falls on a sample without an end: all that is known is that it is larger than this many microseconds.
    Beyond(u64),
}

impl Percentile {
    /// The value or the bound, in microseconds.
    pub fn micros(self) -> u64 {
        match self {
            Self::Measured(us) | Self::Beyond(us) => us,
        }
    }

    /// Whether it is only a bound.
    pub fn is_beyond(self) -> bool {
        matches!(self, Self::Beyond(_))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Figure {
    Measured(f64),
    Beyond { beyond: f64 },
}

impl From<Percentile> for Figure {
    fn from(percentile: Percentile) -> Self {
        match percentile {
            Percentile::Measured(us) => Self::Measured(millis(us)),
            Percentile::Beyond(us) => Self::Beyond { beyond: millis(us) },
        }
    }
}

impl From<Figure> for Percentile {
    fn from(figure: Figure) -> Self {
        match figure {
            Figure::Measured(ms) => Self::Measured(micros(ms)),
            Figure::Beyond { beyond } => Self::Beyond(micros(beyond)),
        }
    }
}

/// The samples of one latency in one group. Made by [`Samples::new`], which sorts them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// Measured values in microseconds, ascending.
    pub measured_us: Vec<u64>,
    /// Samples without an end, ascending by how long they were followed.
    pub censored: Vec<Censored>,
}

/// What is printed of a latency, in microseconds. All `None` when there is no sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencyStats {
    /// Samples, the censored ones included.
    pub count: u64,
    /// Censored samples.
    pub censored: u64,
    /// The smallest.
    pub min: Option<Percentile>,
    /// The arithmetic mean; with censored samples a lower bound of it.
    pub mean: Option<Percentile>,
    /// The 50th percentile, nearest rank.
    pub p50: Option<Percentile>,
    /// The 90th percentile, nearest rank.
    pub p90: Option<Percentile>,
    /// The 95th percentile, nearest rank.
    pub p95: Option<Percentile>,
    /// The 99th percentile, nearest rank.
    pub p99: Option<Percentile>,
    /// The largest.
    pub max: Option<Percentile>,
}

impl FromIterator<Sample> for Samples {
    fn from_iter<I: IntoIterator<Item = Sample>>(samples: I) -> Self {
        let (mut measured, mut censored) = (Vec::new(), Vec::new());
        for sample in samples {
            match sample.length {
                Length::Measured(us) => measured.push(us),
                Length::Censored(it) => censored.push(it),
            }
        }
        Self::new(measured, censored)
    }
}

impl Samples {
    /// From values in any order.
    pub fn new(mut measured_us: Vec<u64>, mut censored: Vec<Censored>) -> Self {
        measured_us.sort_unstable();
        censored.sort_unstable();
        Self { measured_us, censored }
    }

    /// How many, the censored ones included.
    pub fn count(&self) -> u64 {
        (self.measured_us.len() + self.censored.len()) as u64
    }

    /// The percentile (0 to 100; 0 is the minimum, 100 the maximum) by nearest rank, every censored sample being larger than every
    /// measured one. `None` without samples.
    ///
    /// The bound of [`Percentile::Beyond`] is the largest value known to be below it: the k-th smallest of values that are each at
    /// least so large is at least the k-th smallest of those bounds, and it is larger than everything measured.
    pub fn percentile(&self, percent: u8) -> Option<Percentile> {
        let rank = rank(self.count(), percent)?;
        if let Some(us) = self.measured_us.get(rank) {
            return Some(Percentile::Measured(*us));
        }
        let censored = self.censored.get(rank - self.measured_us.len())?;
        Some(Percentile::Beyond(censored.at_least_us.max(self.measured_us.last().copied().unwrap_or(0))))
    }

    /// The smallest that the percentile can be, in microseconds: those that may still have ended count with the time that they had,
    /// those that never will ([`Cause::Never`]) as infinite (`u64::MAX`). `None` without samples.
    pub fn percentile_at_least_us(&self, percent: u8) -> Option<u64> {
        let rank = rank(self.count(), percent)?;
        let bounds = self.censored.iter().map(|censored| match censored.cause {
            Cause::Never => u64::MAX,
            _ => censored.at_least_us,
        });
        let mut values: Vec<u64> = self.measured_us.iter().copied().chain(bounds).collect();
        values.sort_unstable();
        values.get(rank).copied()
    }

    /// Censored samples that will certainly never end.
    pub fn never(&self) -> u64 {
        self.censored.iter().filter(|censored| censored.cause == Cause::Never).count() as u64
    }

    /// The arithmetic mean, rounded; with censored samples a lower bound.
    pub fn mean(&self) -> Option<Percentile> {
        let count = u128::from(self.count());
        let bounds = self.censored.iter().map(|censored| censored.at_least_us);
        let sum: u128 = self.measured_us.iter().copied().chain(bounds).map(u128::from).sum();
        let mean = (sum + count / 2).checked_div(count)? as u64;
        Some(if self.censored.is_empty() { Percentile::Measured(mean) } else { Percentile::Beyond(mean) })
    }

    /// Everything that is printed.
    pub fn stats(&self) -> LatencyStats {
        LatencyStats {
            count: self.count(),
            censored: self.censored.len() as u64,
            min: self.percentile(0),
            mean: self.mean(),
            p50: self.percentile(50),
            p90: self.percentile(90),
            p95: self.percentile(95),
            p99: self.percentile(99),
            max: self.percentile(100),
        }
    }

    /// The measured values as an HDR histogram; it has no place for censored ones.
    pub fn histogram(&self) -> Histogram<u64> {
        let mut histogram = histogram();
        self.measured_us.iter().for_each(|us| histogram.saturating_record((*us).max(1)));
        histogram
    }
}

/// The largest value that is recorded, a day in microseconds. Larger ones count as this.
const LARGEST_US: u64 = 24 * 3_600 * 1_000_000;

/// An empty histogram of microseconds with 3 significant digits, from 1 us to a day.
pub(crate) fn histogram() -> Histogram<u64> {
    // The bounds are constants that the constructor accepts (a test says so); the fallback keeps this total.
    Histogram::new_with_bounds(1, LARGEST_US, 3).unwrap_or_else(|_| fallback())
}

fn fallback() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "3 digits are within 0..=5, the only condition of `new`")]
    Histogram::new(3).expect("3 digits are within 0..=5")
}

/// Nearest rank, from 0.
fn rank(count: u64, percent: u8) -> Option<usize> {
    let rank = (u128::from(count) * u128::from(percent.min(100))).div_ceil(100).max(1);
    (count > 0).then_some(rank as usize - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_a_day() {
        assert_eq!(histogram().high(), LARGEST_US);
        assert_eq!(histogram().sigfig(), 3);
    }
}
