//! HDR histograms.

use hdrhistogram::Histogram;

/// The largest value that is recorded, a day in microseconds. Larger ones count as this.
const LARGEST_US: u64 = 24 * 3_600 * 1_000_000;

/// An empty histogram of microseconds with 3 significant digits, from 1 us to a day.
pub fn histogram() -> Histogram<u64> {
    // The bounds are constants that the constructor accepts (a test says so); the fallback keeps this total.
    Histogram::new_with_bounds(1, LARGEST_US, 3).unwrap_or_else(|_| fallback())
}

fn fallback() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "3 digits are within 0..=5, the only condition of `new`")]
    Histogram::new(3).expect("3 digits are within 0..=5")
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
