//! The clock of a run: microseconds since its start, monotonic.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// How often both clocks are read at the start. A reading takes less than a microsecond; a busy machine interrupts few of them.
const READINGS: usize = 32;

/// The run's clock. Cheap to copy; every copy counts from the same instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunClock {
    started: Instant,
    /// `CLOCK_MONOTONIC` at `started`, to place stamps of other processes of this machine.
    started_ns: u64,
    started_at: Timestamp,
}

impl RunClock {
    /// Starts now.
    ///
    /// The two clocks are read one after the other, and an interruption between shifts the stamps of other processes for the whole run. Of
    /// several readings the one with the shortest gap counts.
    pub(crate) fn start() -> Self {
        let read = || {
            let before_ns = harness_azure::clock::monotonic_ns();
            let started = Instant::now();
            let gap_ns = harness_azure::clock::monotonic_ns().saturating_sub(before_ns);
            (gap_ns, before_ns + gap_ns / 2, started)
        };
        let first = read();
        let (_, started_ns, started) =
            (1..READINGS).map(|_| read()).fold(first, |best, one| if one.0 < best.0 { one } else { best });
        Self { started, started_ns, started_at: Timestamp::now() }
    }

    /// Wall time of the start.
    pub(crate) fn started_at(self) -> Timestamp {
        self.started_at
    }

    /// Microseconds since the start.
    pub(crate) fn now_us(self) -> u64 {
        self.us_of(Instant::now())
    }

    /// Microseconds from the start to an instant; 0 for an earlier one.
    pub(crate) fn us_of(self, instant: Instant) -> u64 {
        micros(instant.saturating_duration_since(self.started))
    }

    /// Microseconds from the start to a `CLOCK_MONOTONIC` stamp of another process; 0 for an earlier one.
    pub(crate) fn us_of_monotonic_ns(self, stamp_ns: u64) -> u64 {
        stamp_ns.saturating_sub(self.started_ns) / 1_000
    }

    /// The instant this many microseconds after the start.
    pub(crate) fn instant(self, at_us: u64) -> Instant {
        self.started + Duration::from_micros(at_us)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stamps_of_other_processes_on_its_own_scale() {
        let clock = RunClock::start();
        let before = clock.now_us();
        let other = clock.us_of_monotonic_ns(harness_azure::clock::monotonic_ns());
        let after = clock.now_us();
        assert!(before <= other + 1 && other <= after + 1, "{before} <= {other} <= {after}");
    }

    #[test]
    fn an_instant_has_the_microseconds_that_it_was_made_from() {
        let clock = RunClock::start();
        assert_eq!(clock.us_of(clock.instant(1_234_567)), 1_234_567);
        assert_eq!(clock.us_of_monotonic_ns(0), 0);
    }
}
