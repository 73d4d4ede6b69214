//! From values to positions, and where the marks of an axis stand.

/// How an axis of latencies is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Division {
    Linear,
    Logarithmic,
}

/// A map from microseconds to x. Never degenerate: an empty domain is one microsecond wide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeScale {
    from_us: u64,
    to_us: u64,
    left: f64,
    right: f64,
    division: Division,
}

/// Steps of an axis of time below which 1, 2, 5 are used, in microseconds.
const ROUND_STEPS_US: [u64; 14] = [
    10_000_000,
    20_000_000,
    30_000_000,
    60_000_000,
    120_000_000,
    300_000_000,
    600_000_000,
    900_000_000,
    1_800_000_000,
    3_600_000_000,
    7_200_000_000,
    14_400_000_000,
    28_800_000_000,
    86_400_000_000,
];

/// The smallest round step (1, 2 or 5 times a power of ten; minutes and hours above) that divides `range_us` into at most `parts`.
pub(crate) fn step_us(range_us: u64, parts: u64) -> u64 {
    let parts = parts.max(1);
    let fits = |step: &u64| range_us.div_ceil(*step) <= parts;
    let decimal = (0..7).flat_map(|power| [1, 2, 5].map(|n| n * 10_u64.pow(power)));
    let last = ROUND_STEPS_US[ROUND_STEPS_US.len() - 1];
    decimal
        .filter(|step| *step < ROUND_STEPS_US[0])
        .chain(ROUND_STEPS_US)
        .find(fits)
        .unwrap_or_else(|| range_us.div_ceil(parts).div_ceil(last).max(1) * last)
}

impl TimeScale {
    pub(crate) fn linear(to_us: u64, left: f64, right: f64) -> Self {
        Self { from_us: 0, to_us: to_us.max(1), left, right, division: Division::Linear }
    }

    pub(crate) fn logarithmic(from_us: u64, to_us: u64, left: f64, right: f64) -> Self {
        let from_us = from_us.max(1);
        let to_us = to_us.max(from_us + 1);
        Self { from_us, to_us, left, right, division: Division::Logarithmic }
    }

    /// For samples from `min_us` by `median_us` to `max_us`: linear from 0, unless the slowest are so far out that the
    /// others would be one line at the left edge.
    pub(crate) fn for_latencies(min_us: u64, median_us: u64, max_us: u64, left: f64, right: f64) -> Self {
        if min_us > 0 && max_us / 30 > median_us {
            Self::logarithmic(min_us, max_us, left, right)
        } else {
            Self::linear(max_us, left, right)
        }
    }

    pub(crate) fn is_logarithmic(&self) -> bool {
        self.division == Division::Logarithmic
    }

    pub(crate) fn end_us(&self) -> u64 {
        self.to_us
    }

    /// The position; values outside are moved to the edge.
    pub(crate) fn x(&self, us: u64) -> f64 {
        let us = us.clamp(self.from_us, self.to_us) as f64;
        let (from, to) = (self.from_us as f64, self.to_us as f64);
        let part = match self.division {
            Division::Linear => (us - from) / (to - from),
            Division::Logarithmic => (us / from).ln() / (to / from).ln(),
        };
        self.left + part * (self.right - self.left)
    }

    /// Round moments on the axis, about `parts` of them, and the step's 10 for logarithmic ones.
    pub(crate) fn ticks_us(&self, parts: u64) -> Vec<u64> {
        match self.division {
            Division::Linear => {
                let step = step_us(self.to_us - self.from_us, parts);
                (0..=self.to_us / step).map(|n| n * step).collect()
            }
            Division::Logarithmic => {
                let inside = |us: &u64| (self.from_us..=self.to_us).contains(us);
                let all = (0..19).flat_map(|power| [1, 2, 5].map(|n| n * 10_u64.pow(power)));
                let all: Vec<u64> = all.filter(inside).collect();
                if all.len() as u64 <= parts {
                    return all;
                }
                (0..19).map(|power| 10_u64.pow(power)).filter(inside).collect()
            }
        }
    }
}

/// A map from counts to y, 0 at the bottom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CountScale {
    max: u64,
    top: f64,
    bottom: f64,
}

impl CountScale {
    pub(crate) fn new(max: u64, top: f64, bottom: f64) -> Self {
        Self { max: max.max(1), top, bottom }
    }

    pub(crate) fn y(&self, value: u64) -> f64 {
        self.bottom - (value as f64 / self.max as f64) * (self.bottom - self.top)
    }

    /// Round whole numbers, about `parts` of them.
    pub(crate) fn ticks(&self, parts: u64) -> Vec<u64> {
        let step = (0..19)
            .flat_map(|power| [1, 2, 5].map(|n| n * 10_u64.pow(power)))
            .find(|step| self.max / step <= parts)
            .unwrap_or(self.max);
        (0..=self.max / step).map(|n| n * step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case(90_000_000, 8, 20_000_000)]
    #[case(60_000_000, 6, 10_000_000)]
    #[case(400_000_000, 8, 60_000_000)]
    #[case(9_000_000, 5, 2_000_000)]
    #[case(0, 5, 1)]
    fn steps_are_round(#[case] range_us: u64, #[case] parts: u64, #[case] step: u64) {
        assert_eq!(step_us(range_us, parts), step);
    }

    #[test]
    fn far_outliers_make_the_axis_logarithmic() {
        assert!(TimeScale::for_latencies(1_000, 2_000, 500_000, 0.0, 1.0).is_logarithmic());
        assert!(!TimeScale::for_latencies(1_000, 2_000, 8_000, 0.0, 1.0).is_logarithmic());
        assert!(!TimeScale::for_latencies(0, 0, 0, 0.0, 1.0).is_logarithmic());
    }

    proptest! {
        #[test]
        fn every_position_is_finite_and_inside(from in 0_u64..1 << 50, to in 0_u64..1 << 50, at in any::<u64>(), log in any::<bool>()) {
            let scale = if log { TimeScale::logarithmic(from, to, 10.0, 90.0) } else { TimeScale::linear(to, 10.0, 90.0) };
            let x = scale.x(at);
            prop_assert!(x.is_finite() && (10.0..=90.0).contains(&x), "{}", x);
        }

        #[test]
        fn axes_have_a_few_ticks(to in 0_u64..1 << 50, max in 0_u64..1 << 50) {
            let times = TimeScale::linear(to, 0.0, 1.0).ticks_us(8);
            prop_assert!((1..=9).contains(&times.len()), "{:?}", times);
            let counts = CountScale::new(max, 0.0, 1.0).ticks(5);
            prop_assert!((1..=6).contains(&counts.len()), "{:?}", counts);
        }
    }
}
