//! One clock for a run: microseconds since it began, monotonic.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// How often both clocks are read at the start. A reading takes less than a microsecond; a busy machine interrupts few of them.
const READINGS: usize = 32;

/// The run's clock. Cheap to copy; every copy counts from the same instant.
#[derive(Clone, Copy, Debug)]
pub struct RunClock {
    began: Instant,
    /// `CLOCK_MONOTONIC` at `began`, to place stamps of other processes of this machine.
    began_ns: u64,
    began_at: Timestamp,
}

impl RunClock {
    /// Begins now.
    ///
    /// The two clocks are read one after the other, and whatever comes between shifts the stamps of other processes for the whole run. Of
    /// several readings the one with the shortest gap counts.
    pub fn begin() -> Self {
        let read = || {
            let before_ns = harness_azure::clock::monotonic_ns();
            let began = Instant::now();
            let gap_ns = harness_azure::clock::monotonic_ns().saturating_sub(before_ns);
            (gap_ns, before_ns + gap_ns / 2, began)
        };
        let first = read();
        let (_, began_ns, began) =
            (1..READINGS).map(|_| read()).fold(first, |best, one| if one.0 < best.0 { one } else { best });
        Self { began, began_ns, began_at: Timestamp::now() }
    }

    /// Wall time of the begin.
    pub fn began_at(self) -> Timestamp {
        self.began_at
    }

    /// Microseconds since the begin.
    pub fn now_us(self) -> u64 {
        self.us_of(Instant::now())
    }

    /// Microseconds from the begin to an instant; 0 for what was before.
    pub fn us_of(self, instant: Instant) -> u64 {
        micros(instant.saturating_duration_since(self.began))
    }

    /// Microseconds from the begin to a `CLOCK_MONOTONIC` stamp of another process; 0 for what was before.
    pub fn us_of_monotonic_ns(self, stamp_ns: u64) -> u64 {
        stamp_ns.saturating_sub(self.began_ns) / 1_000
    }

    /// The instant that is so many microseconds after the begin.
    pub fn instant(self, at_us: u64) -> Instant {
        self.began + Duration::from_micros(at_us)
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
        let clock = RunClock::begin();
        let before = clock.now_us();
        let other = clock.us_of_monotonic_ns(harness_azure::clock::monotonic_ns());
        let after = clock.now_us();
        assert!(before <= other + 1 && other <= after + 1, "{before} <= {other} <= {after}");
    }

    #[test]
    fn instants_and_microseconds_are_two_names_of_the_same_moment() {
        let clock = RunClock::begin();
        assert_eq!(clock.us_of(clock.instant(1_234_567)), 1_234_567);
        assert_eq!(clock.us_of_monotonic_ns(0), 0);
    }
}
