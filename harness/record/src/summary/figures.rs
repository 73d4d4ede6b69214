//! Figures of a summary.

use serde::{Deserialize, Serialize};

use crate::latency::Percentile;

/// Milliseconds, to the microsecond.
pub fn millis(us: u64) -> f64 {
    us as f64 / 1e3
}

/// A figure in milliseconds: a number where it was measured, `{"beyond": number}` where all that is known is that it is larger.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Figure {
    /// It is this.
    Measured(f64),
    /// It is larger than this: it falls on a sample without an end.
    Beyond {
        /// The bound.
        beyond: f64,
    },
}

impl Figure {
    /// The figure or its bound, in microseconds.
    pub fn micros(self) -> u64 {
        let (Self::Measured(ms) | Self::Beyond { beyond: ms }) = self;
        (ms * 1e3).round().max(0.0) as u64
    }
}

impl From<Percentile> for Figure {
    fn from(percentile: Percentile) -> Self {
        match percentile {
            Percentile::Measured(us) => Self::Measured(millis(us)),
            Percentile::Beyond(us) => Self::Beyond { beyond: millis(us) },
        }
    }
}
