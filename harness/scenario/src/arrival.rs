//! When each pod is requested.

use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use sha2::{Digest, Sha256};

use harness_plan::Arrival;

/// The generator of one purpose, derived from the seed by name, so that one more draw somewhere never shifts another. The same
/// derivation as in the simulated Azure.
pub(crate) fn child(seed: u64, name: &str, owner: &str) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    for part in [name, owner] {
        // Lengths keep ("ab", "c") and ("a", "bc") apart.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(0_u64.to_le_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// An upper bound of the time from the first moment to the last of `count` arrivals.
pub(crate) fn length(arrival: &Arrival, count: u32) -> Duration {
    let seconds = match arrival {
        // The moments of a Poisson process with a given count fill this time and no more.
        Arrival::Poisson { per_second } => f64::from(count) / per_second.0,
        _ => match count.checked_sub(1) {
            Some(last) => moment(arrival, last, count),
            None => 0.0,
        },
    };
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// The moments of `count` arrivals in microseconds from the first possible one, in order. `None` for a burst.
pub(crate) fn moments(arrival: &Arrival, count: u32, rng: &mut ChaCha8Rng) -> Option<Vec<u64>> {
    match arrival {
        Arrival::Burst => None,
        // Given how many arrive in a stretch of time, the moments of a Poisson process are independent and uniform over it. So
        // the count is exact, the rate is right, and the last arrival has a bound that can be checked against the phase.
        Arrival::Poisson { per_second } => {
            let stretch = f64::from(count) / per_second.0;
            let mut moments: Vec<u64> = (0..count).map(|_| micros(rng.random::<f64>() * stretch)).collect();
            moments.sort_unstable();
            Some(moments)
        }
        _ => Some((0..count).map(|index| micros(moment(arrival, index, count))).collect()),
    }
}

fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}

/// Seconds from the start to the arrival with this index, for arrivals without chance: where the rate's integral reaches the index.
fn moment(arrival: &Arrival, index: u32, count: u32) -> f64 {
    let index = f64::from(index);
    match arrival {
        Arrival::Burst | Arrival::Poisson { .. } => 0.0,
        Arrival::Constant { per_second } => index / per_second.0,
        Arrival::Ramp { from_per_second, to_per_second } => {
            let (from, to) = (from_per_second.0, to_per_second.0);
            let total = 2.0 * f64::from(count) / (from + to);
            // from t + (to - from) t^2 / (2 total) = index, in the form that does not cancel when both rates are alike.
            2.0 * index / (from + (from * from + 2.0 * index * (to - from) / total).max(0.0).sqrt())
        }
        Arrival::Steps(steps) => {
            let mut start = 0.0;
            let mut arrived = 0.0;
            for (number, step) in steps.iter().enumerate() {
                let rate = step.per_second.0;
                let lasts = step.duration.as_duration().as_secs_f64();
                if index < arrived + rate * lasts || number + 1 == steps.len() {
                    return start + (index - arrived) / rate;
                }
                start += lasts;
                arrived += rate * lasts;
            }
            start
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_plan::RateStep;
    use harness_units::Rate;
    use harness_units::Span;
    use proptest::prelude::*;

    fn rates() -> impl Strategy<Value = Arrival> {
        let rate = || (0.1_f64..200.0).prop_map(Rate);
        let step = (rate(), 1_u64..30)
            .prop_map(|(per_second, seconds)| RateStep { per_second, duration: Span::from_secs(seconds) });
        prop_oneof![
            rate().prop_map(|per_second| Arrival::Constant { per_second }),
            (rate(), rate())
                .prop_map(|(from_per_second, to_per_second)| Arrival::Ramp { from_per_second, to_per_second }),
            prop::collection::vec(step, 1..5).prop_map(Arrival::Steps),
            rate().prop_map(|per_second| Arrival::Poisson { per_second }),
        ]
    }

    proptest! {
        #[test]
        fn moments_are_as_many_as_asked_in_order_and_in_time(arrival in rates(), count in 0_u32..500, seed: u64) {
            let moments = moments(&arrival, count, &mut child(seed, "arrivals", "x")).unwrap();
            prop_assert_eq!(moments.len(), count as usize);
            prop_assert!(moments.is_sorted());
            let bound = length(&arrival, count).as_micros() + 1;
            prop_assert!(moments.last().is_none_or(|last| u128::from(*last) <= bound));
        }

        #[test]
        fn a_constant_rate_is_that_rate(rate in 0.1_f64..200.0, count in 2_u32..500) {
            let arrival = Arrival::Constant { per_second: Rate(rate) };
            let moments = moments(&arrival, count, &mut child(0, "arrivals", "x")).unwrap();
            let seconds = moments[count as usize - 1] as f64 / 1e6;
            prop_assert!((f64::from(count - 1) / seconds / rate - 1.0).abs() < 1e-3);
        }

        #[test]
        fn a_ramp_has_asked_for_as_many_pods_as_its_rate_adds_up_to(from in 0.5_f64..50.0, to in 0.5_f64..50.0, count in 1_u32..500) {
            let arrival = Arrival::Ramp { from_per_second: Rate(from), to_per_second: Rate(to) };
            let moments = moments(&arrival, count, &mut child(0, "arrivals", "x")).unwrap();
            let total = 2.0 * f64::from(count) / (from + to);
            for (index, at) in moments.iter().enumerate() {
                let at = *at as f64 / 1e6;
                let so_far = from * at + (to - from) * at * at / (2.0 * total);
                prop_assert!((so_far - index as f64).abs() < 1e-3, "{so_far} {index}");
            }
        }
    }

    #[test]
    fn a_poisson_process_has_its_rate_and_exponential_gaps() {
        let arrival = Arrival::Poisson { per_second: Rate(10.0) };
        let moments = moments(&arrival, 20_000, &mut child(7, "arrivals", "x")).unwrap();
        let gaps: Vec<f64> = moments.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let deviation = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        assert!((mean - 0.1).abs() < 0.002, "{mean}");
        // The mark of exponential gaps: they deviate as much as they are long.
        assert!((deviation / mean - 1.0).abs() < 0.05, "{deviation} {mean}");
    }

    #[test]
    fn steps_change_the_rate_when_they_say() {
        let step = |rate, seconds| RateStep { per_second: Rate(rate), duration: Span::from_secs(seconds) };
        let arrival = Arrival::Steps(vec![step(1.0, 10), step(10.0, 2)]);
        let moments = moments(&arrival, 40, &mut child(0, "arrivals", "x")).unwrap();
        let second =
            |from: u64, to: u64| moments.iter().filter(|at| (from * 1_000_000..to * 1_000_000).contains(*at)).count();
        assert_eq!(second(0, 10), 10);
        assert_eq!(second(10, 12), 20);
        // The last rate continues: 10 more pods in a second.
        assert_eq!(second(12, 13), 10);
    }

    #[test]
    fn a_seed_means_the_same_draws_for_ever() {
        // Golden values: a change here changes what every recorded seed means.
        let mut rng = child(7, "arrivals", "web");
        let draws: Vec<u32> = (0..3).map(|_| rng.random_range(0..1000)).collect();
        assert_eq!(draws, [676, 216, 501]);
        assert_ne!(child(7, "arrivals", "web").random::<u64>(), child(7, "arrivals", "cache").random::<u64>());
        assert_ne!(child(7, "arrivals", "web").random::<u64>(), child(8, "arrivals", "web").random::<u64>());
    }
}
