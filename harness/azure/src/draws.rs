//! Draws: named generators derived from one seed, and durations drawn from distributions.
//!
//! Each draw has a generator of its own, derived from what the draw is for. One more draw somewhere never shifts
//! another, and the order in which calls happen to arrive does not matter.

use std::time::Duration;

use harness_simulation::Distribution;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use sha2::{Digest, Sha256};

/// The generator of one purpose: `name` is what is drawn (`boot`, `fault/ID`), `owner` for whom (a node pool), `ordinal` which time.
pub fn child(seed: u64, name: &str, owner: &str, ordinal: u64) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    for part in [name, owner] {
        // Lengths keep ("ab","c") and ("a","bc") apart.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(ordinal.to_le_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// Whether something that happens in `share` of cases happens in this one.
pub fn happens(seed: u64, name: &str, owner: &str, ordinal: u64, share: f64) -> bool {
    share >= 1.0 || child(seed, name, owner, ordinal).random::<f64>() < share
}

/// The 95th percentile of the standard normal distribution.
const Z95: f64 = 1.644_853_626_951_472_2;

/// A draw is cut at this length, so that a typing error does not let a VM boot for years.
const LONGEST_DRAW: Duration = Duration::from_secs(7 * 24 * 3600);

/// One draw. Takes exactly two words' worth of numbers for a lognormal, one for samples, none for a constant;
/// each draw has a generator of its own, so the count never matters to another.
pub(crate) fn draw(distribution: &Distribution, rng: &mut ChaCha8Rng) -> Duration {
    let drawn = match distribution {
        Distribution::Constant(span) => span.as_duration(),
        Distribution::Lognormal { median, p95 } => {
            let m = median.as_duration().as_secs_f64();
            let sigma = (p95.as_duration().as_secs_f64() / m).ln() / Z95;
            let seconds = m * (sigma * standard_normal(rng)).exp();
            Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_DRAW)
        }
        Distribution::Samples(samples) => {
            if samples.is_empty() {
                Duration::ZERO
            } else {
                samples[rng.random_range(0..samples.len())].as_duration()
            }
        }
    };
    drawn.min(LONGEST_DRAW)
}

/// Box-Muller, with the half-open interval turned so that the logarithm never sees 0.
fn standard_normal(rng: &mut ChaCha8Rng) -> f64 {
    let u1: f64 = 1.0 - rng.random::<f64>();
    let u2: f64 = rng.random();
    (-2.0 * u1.ln()).sqrt() * (std::f64::consts::TAU * u2).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn draws_do_not_depend_on_what_else_is_drawn(seed: u64, ordinal in 0u64..10_000, others in 0u64..50) {
            let alone = child(seed, "boot", "web", ordinal).random::<u64>();
            for other in 0..others {
                let _ = child(seed, "boot", "web", other).random::<u64>();
                let _ = child(seed, "accept", "web", ordinal).random::<u64>();
            }
            prop_assert_eq!(alone, child(seed, "boot", "web", ordinal).random::<u64>());
        }

        #[test]
        fn purposes_do_not_share_draws(seed: u64, ordinal in 0u64..10_000) {
            let boot = child(seed, "boot", "web", ordinal).random::<u64>();
            prop_assert_ne!(boot, child(seed, "ready", "web", ordinal).random::<u64>());
            prop_assert_ne!(boot, child(seed, "boot", "batch", ordinal).random::<u64>());
            prop_assert_ne!(boot, child(seed, "bootw", "eb", ordinal).random::<u64>());
            prop_assert_ne!(boot, child(seed, "boot", "web", ordinal + 1).random::<u64>());
        }
    }

    #[test]
    fn a_seed_means_the_same_numbers_for_ever() {
        // Golden values: a change here changes the meaning of every recorded seed.
        let draws = [0, 1, 2].map(|n| child(7, "boot", "web", n).random::<u64>());
        assert_eq!(draws, [2_279_580_498_389_146_896, 13_643_765_462_068_635_648, 7_331_634_911_184_994_504]);
        let share = (0..10_000).filter(|n| happens(7, "fault/x", "web", *n, 0.3)).count();
        assert!((2_850..3_150).contains(&share), "{share}");
    }

    #[test]
    fn a_lognormal_has_the_median_and_the_p95_it_was_given() {
        let distribution = Distribution::lognormal_secs(5, 9);
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut draws: Vec<f64> = (0..20_000).map(|_| draw(&distribution, &mut rng).as_secs_f64()).collect();
        draws.sort_by(f64::total_cmp);
        assert!((draws[10_000] - 5.0).abs() < 0.1, "median {}", draws[10_000]);
        assert!((draws[19_000] - 9.0).abs() < 0.25, "p95 {}", draws[19_000]);
    }
}
