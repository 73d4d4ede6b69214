//! The two clocks of a stamp: one for differences, one for people.

use jiff::Timestamp;
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// One instant, on both clocks.
///
/// Differences are only meaningful on [`Stamp::monotonic_ns`]; [`Stamp::wall`] is for people and for API objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stamp {
    /// Nanoseconds of the machine's `CLOCK_MONOTONIC`. Every process on this machine reads the same clock.
    pub monotonic_ns: u64,
    /// Wall time.
    pub wall: Timestamp,
}

impl Stamp {
    /// The present instant on both clocks.
    pub fn now() -> Self {
        Self { monotonic_ns: monotonic_ns(), wall: Timestamp::now() }
    }

    /// Milliseconds from `earlier` to this stamp on the monotonic clock; 0 when `earlier` is later.
    pub fn ms_since(&self, earlier: &Stamp) -> f64 {
        self.monotonic_ns.saturating_sub(earlier.monotonic_ns) as f64 / 1e6
    }
}

/// Nanoseconds of `CLOCK_MONOTONIC`, comparable between processes of one machine.
pub fn monotonic_ns() -> u64 {
    let t = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("CLOCK_MONOTONIC exists on every Linux");
    // Seconds since boot fit into u64 nanoseconds for 584 years.
    t.tv_sec() as u64 * 1_000_000_000 + t.tv_nsec() as u64
}
