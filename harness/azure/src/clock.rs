//! The two clocks of a stamp: one for differences, one for people.

use std::sync::OnceLock;
use std::time::Instant;

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

/// The present, where the state at a moment is asked for: no stamp is later.
pub(crate) const PRESENT_NS: u64 = u64::MAX;

impl Stamp {
    /// The present instant on both clocks.
    pub fn now() -> Self {
        Self { monotonic_ns: monotonic_ns(), wall: Timestamp::now() }
    }
}

/// Nanoseconds of `CLOCK_MONOTONIC`, comparable between processes of one machine. On a runtime of tokio whose time is paused (tests) it
/// follows that time, which is comparable within the process only.
pub fn monotonic_ns() -> u64 {
    let before = Instant::now();
    let shown = tokio::time::Instant::now().into_std();
    if before <= shown && shown <= Instant::now() { machine_ns() } else { paused_ns(shown) }
}

/// Counts from one fixed pair of readings, so that differences are exact.
fn paused_ns(shown: Instant) -> u64 {
    static ANCHOR: OnceLock<(Instant, u64)> = OnceLock::new();
    let (instant, ns) = *ANCHOR.get_or_init(|| (Instant::now(), machine_ns()));
    let nanos = |duration: std::time::Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    match shown.checked_duration_since(instant) {
        Some(after) => ns.saturating_add(nanos(after)),
        None => ns.saturating_sub(nanos(instant.saturating_duration_since(shown))),
    }
}

fn machine_ns() -> u64 {
    let t = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("CLOCK_MONOTONIC exists on every Linux");
    // Seconds since boot fit into u64 nanoseconds for 584 years.
    t.tv_sec() as u64 * 1_000_000_000 + t.tv_nsec() as u64
}
