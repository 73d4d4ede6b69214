//! Draws from distributions of durations.

use std::time::Duration;

use harness_simulation::Distribution;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

/// The 95th percentile of the standard normal distribution.
const Z95: f64 = 1.644_853_626_951_472_2;

/// A draw is cut at this length, so that a typing error cannot make a VM boot for years.
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
    use rand::SeedableRng;

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
