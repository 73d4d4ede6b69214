//! Samples of one latency, and what can be said of them when some never came.

/// Why a sample has no measured value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The milestone will not be reached: the object went without it, or a deadline of the plan passed first.
    Never,
    /// The plan itself took the object back before any deadline (a scale-down while the pod was still on its way).
    Withdrawn,
    /// The run ended, or its cleanup began, while the object was on its way.
    Open,
    /// Begin or end of the interval was not seen as it happened, only in a list (after a reconnect).
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

/// A percentile of samples of which some may be censored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Percentile {
    /// It is this many microseconds.
    Measured(u64),
    /// It falls on a sample that never came: all that is known is that it is larger than this many microseconds.
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

/// The samples of one latency in one group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// Measured values in microseconds, ascending.
    pub measured_us: Vec<u64>,
    /// Those that never came, ascending by how long they were followed.
    pub censored: Vec<Censored>,
}

/// What is printed of a latency, in microseconds. All `None` when there is no sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
