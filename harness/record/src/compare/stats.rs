//! Student's t, and what two groups of values say of their means.

/// The means of two groups and the scatter within them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TwoGroups {
    /// Mean of the second minus mean of the first.
    pub(super) difference: f64,
    /// The standard deviation within the groups, pooled; `None` where neither has two values.
    pub(super) sd_within: Option<f64>,
    /// Its degrees of freedom.
    pub(super) df: f64,
    /// What turns the standard deviation of one value into that of the difference of the means.
    pub(super) scale: f64,
}

impl TwoGroups {
    /// `None` where a group is empty.
    pub(super) fn of(a: &[f64], b: &[f64]) -> Option<Self> {
        let (mean_a, mean_b) = (mean(a)?, mean(b)?);
        let squares = |values: &[f64], mean: f64| values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let df = (a.len() + b.len()).saturating_sub(2) as f64;
        let within = squares(a, mean_a) + squares(b, mean_b);
        Some(Self {
            difference: mean_b - mean_a,
            sd_within: (df > 0.0).then(|| (within / df).sqrt()),
            df,
            scale: (1.0 / a.len() as f64 + 1.0 / b.len() as f64).sqrt(),
        })
    }

    /// The two-sided interval of the difference at this confidence. `sd_floor` is the scatter that is assumed at least, added in quadrature.
    pub(super) fn interval(&self, confidence: f64, sd_floor: f64) -> Option<[f64; 2]> {
        let half = t_quantile((1.0 - confidence) / 2.0, self.df) * self.sd_within?.hypot(sd_floor) * self.scale;
        Some([self.difference - half, self.difference + half])
    }

    /// The statistic: the difference in its standard deviations. `sd_floor` as above.
    pub(super) fn statistic(&self, sd_floor: f64) -> Option<f64> {
        Some(self.difference / (self.sd_within?.hypot(sd_floor) * self.scale))
    }
}

pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The standard deviation of a sample; `None` for less than two values.
pub(super) fn sd(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

/// The probability that Student's t with `df` degrees of freedom is larger than `t` (DLMF 8.17.3, with the incomplete beta function).
pub(super) fn t_upper_tail(t: f64, df: f64) -> f64 {
    let tail = 0.5 * incomplete_beta(df / 2.0, 0.5, df / (df + t * t));
    if t >= 0.0 { tail } else { 1.0 - tail }
}

/// The value that Student's t exceeds with probability `p`, for `p` below one half: by bisection, since the tail falls monotonically.
pub(super) fn t_quantile(p: f64, df: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while t_upper_tail(high, df) > p && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if t_upper_tail(middle, df) > p {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The regularized incomplete beta function I_x(a, b): the continued fraction DLMF 8.17.22, evaluated from the front (Lentz), on the side
/// where it converges fast.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut c, mut d) = (1.0, 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for step in 1..500 {
        let m = f64::from(step);
        for term in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            fraction *= d * c;
        }
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    let log_front = a * x.ln() + b * (1.0 - x).ln() + libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) - a.ln();
    log_front.exp() * fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// From the closed forms: 1 degree of freedom is the Cauchy distribution (tail 1/2 - atan(t)/pi), 2 degrees have the tail
    /// 1/2 - t / (2 sqrt(2 + t²)).
    #[rstest]
    #[case(1.0)]
    #[case(0.3)]
    #[case(12.0)]
    #[case(-2.5)]
    fn tails_agree_with_the_closed_forms(#[case] t: f64) {
        let cauchy = 0.5 - t.atan() / std::f64::consts::PI;
        assert!((t_upper_tail(t, 1.0) - cauchy).abs() < 1e-12, "{} {cauchy}", t_upper_tail(t, 1.0));
        let two = 0.5 - t / (2.0 * (2.0 + t * t).sqrt());
        assert!((t_upper_tail(t, 2.0) - two).abs() < 1e-12, "{} {two}", t_upper_tail(t, 2.0));
    }

    /// Tables of Student's t: the two-sided 95 % and the one-sided 99.95 % points.
    #[rstest]
    #[case(0.025, 4.0, 2.776)]
    #[case(0.025, 8.0, 2.306)]
    #[case(0.025, 30.0, 2.042)]
    #[case(0.0005, 4.0, 8.610)]
    #[case(0.0005, 8.0, 5.041)]
    fn quantiles_are_those_of_the_tables(#[case] p: f64, #[case] df: f64, #[case] t: f64) {
        assert!((t_quantile(p, df) - t).abs() < 6e-4, "{}", t_quantile(p, df));
    }

    /// By hand: means 2 and 5, squares within 2 + 8 = 10 over 3 degrees of freedom (n = 3 and 2), scale sqrt(1/3 + 1/2).
    #[test]
    fn two_groups_by_hand() {
        let groups = TwoGroups::of(&[1.0, 2.0, 3.0], &[3.0, 7.0]).unwrap();
        assert_eq!((groups.difference, groups.df), (3.0, 3.0));
        let sd = (10.0_f64 / 3.0).sqrt();
        assert!((groups.sd_within.unwrap() - sd).abs() < 1e-12);
        let scale = (5.0_f64 / 6.0).sqrt();
        assert!((groups.statistic(0.0).unwrap() - 3.0 / (sd * scale)).abs() < 1e-12);
        // 3.182 is the two-sided 95 % point with 3 degrees of freedom.
        let [low, high] = groups.interval(0.95, 0.0).unwrap();
        assert!((high - (3.0 + 3.182_4 * sd * scale)).abs() < 1e-3 && (low + high - 6.0).abs() < 1e-9);
    }

    #[test]
    fn one_value_a_side_has_no_scatter() {
        let groups = TwoGroups::of(&[1.0], &[2.0]).unwrap();
        assert_eq!((groups.sd_within, groups.interval(0.95, 0.1), groups.statistic(0.1)), (None, None, None));
        assert_eq!(TwoGroups::of(&[], &[2.0]), None);
    }
}
