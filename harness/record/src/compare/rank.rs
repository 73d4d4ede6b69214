//! The Mann-Whitney U test.

use crate::latency::Samples;

/// What the test says of two sets of samples, A before and B after.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankTest {
    /// The U statistic of B: pairs in which B is the larger, ties as halves.
    pub u: f64,
    /// The probability of a difference so large by chance, two-sided.
    pub p: f64,
    /// The probability that a sample of B is larger than one of A, ties as halves (Vargha and Delaney's A): 0.5 is no difference,
    /// 1 is every sample of B larger than every one of A.
    pub effect: f64,
}

/// Mann-Whitney U with the normal approximation, corrected for ties and continuity (Hollander, Wolfe, Chicken, Nonparametric
/// Statistical Methods, 4.1). A rank test needs no shape of distribution and takes censored samples as they are:
/// larger than all measured ones, equal among themselves. `None` where either side is empty.
///
/// Samples of one run are not independent of each other (pods wait for the same node), so `p` is smaller than it deserves:
/// a verdict must ask for a size of the difference too.
pub fn rank_test(a: &Samples, b: &Samples) -> Option<RankTest> {
    let (count_a, count_b) = (a.count() as f64, b.count() as f64);
    if count_a == 0.0 || count_b == 0.0 {
        return None;
    }
    let values = |samples: &Samples, of_b: bool| -> Vec<(u64, bool)> {
        let censored = samples.censored.iter().map(|_| u64::MAX);
        samples.measured_us.iter().copied().chain(censored).map(|us| (us, of_b)).collect()
    };
    let mut all = values(a, false);
    all.extend(values(b, true));
    all.sort_unstable();
    let (mut rank_sum_b, mut ties, mut before) = (0.0, 0.0, 0.0);
    for tied in all.chunk_by(|x, y| x.0 == y.0) {
        let size = tied.len() as f64;
        let rank = before + (size + 1.0) / 2.0;
        rank_sum_b += rank * tied.iter().filter(|(_, of_b)| *of_b).count() as f64;
        ties += size * size * size - size;
        before += size;
    }
    let u = rank_sum_b - count_b * (count_b + 1.0) / 2.0;
    let all = count_a + count_b;
    let mean = count_a * count_b / 2.0;
    let variance = if all > 1.0 { count_a * count_b / 12.0 * (all + 1.0 - ties / (all * (all - 1.0))) } else { 0.0 };
    let p = if variance > 0.0 {
        let z = ((u - mean).abs() - 0.5).max(0.0) / variance.sqrt();
        libm::erfc(z / std::f64::consts::SQRT_2).clamp(0.0, 1.0)
    } else {
        1.0
    };
    Some(RankTest { u, p, effect: u / (count_a * count_b) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{Cause, Censored};
    use proptest::prelude::*;

    fn samples(values: &[u64]) -> Samples {
        Samples::new(values.to_vec(), Vec::new())
    }

    /// By hand: of 24 pairs 23 are larger; mean 12, variance 4 * 6 * 11 / 12 = 22, z = (11 - 0.5) / sqrt(22) = 2.2386,
    /// two tails of the normal distribution beyond it: 0.02518.
    #[test]
    fn agrees_with_the_formula() {
        let test = rank_test(&samples(&[1, 2, 3, 4, 5, 7]), &samples(&[6, 8, 9, 11])).unwrap();
        assert_eq!(test.u, 23.0);
        assert!((test.p - 0.025_18).abs() < 1e-5, "{}", test.p);
        assert!((test.effect - 23.0 / 24.0).abs() < 1e-12);
    }

    #[test]
    fn all_equal_is_no_difference() {
        let test = rank_test(&samples(&[5; 20]), &samples(&[5; 20])).unwrap();
        assert_eq!((test.p, test.effect), (1.0, 0.5));
    }

    #[test]
    fn censored_are_the_largest() {
        let never = Censored { at_least_us: 1, cause: Cause::Never };
        let test = rank_test(&samples(&[1_000_000; 10]), &Samples::new(Vec::new(), vec![never; 10])).unwrap();
        assert_eq!(test.effect, 1.0);
        assert!(test.p < 0.001);
    }

    proptest! {
        #[test]
        fn u_counts_pairs(a in prop::collection::vec(0_u64..20, 1..30), b in prop::collection::vec(0_u64..20, 1..30)) {
            let pairs: f64 = a.iter().flat_map(|a| b.iter().map(move |b| match b.cmp(a) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            })).sum();
            let test = rank_test(&samples(&a), &samples(&b)).unwrap();
            prop_assert!((test.u - pairs).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&test.p));
            let back = rank_test(&samples(&b), &samples(&a)).unwrap();
            prop_assert!((test.effect + back.effect - 1.0).abs() < 1e-9);
            prop_assert!((test.p - back.p).abs() < 1e-9);
        }
    }
}
