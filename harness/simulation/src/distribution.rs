//! A distribution of durations.

use harness_units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use harness_yaml::Problem;

/// How long something takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Distribution {
    /// Always the same.
    Constant(Span),
    /// Lognormal, given by two of its percentiles.
    Lognormal {
        /// The 50th percentile, above 0s.
        median: Span,
        /// The 95th percentile, above the median.
        p95: Span,
    },
    /// Measured values, drawn with replacement; at least one.
    Samples(Vec<Span>),
}

impl Distribution {
    /// No time at all.
    pub const ZERO: Self = Self::Constant(Span::ZERO);

    /// A lognormal distribution, given in whole seconds.
    pub const fn lognormal_secs(median: u64, p95: u64) -> Self {
        Self::Lognormal { median: Span::from_secs(median), p95: Span::from_secs(p95) }
    }

    /// What the type cannot rule out.
    pub fn problems(&self) -> Vec<Problem> {
        match self {
            Self::Constant(_) => Vec::new(),
            Self::Lognormal { median, .. } if *median == Span::ZERO => {
                let hint = "a lognormal duration is above 0s; write `constant: 0s` for none";
                vec![Problem::new(&["lognormal", "median"], "the median is 0s", hint)]
            }
            Self::Lognormal { median, p95 } if p95 <= median => {
                let message = format!("the 95th percentile ({p95}) is not above the median ({median})");
                vec![Problem::new(&["lognormal", "p95"], message, "raise p95, or write `constant: ...`")]
            }
            Self::Lognormal { .. } => Vec::new(),
            Self::Samples(samples) if samples.is_empty() => {
                vec![Problem::new(&["samples"], "there are no samples to draw from", "give at least one duration")]
            }
            Self::Samples(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn the_wire_format_is_externally_tagged() {
        let read = |text: &str| serde_json::from_str::<Distribution>(text).unwrap();
        assert_eq!(read(r#"{"lognormal":{"median":"5s","p95":"9s"}}"#), Distribution::lognormal_secs(5, 9));
        let samples = Distribution::Samples(vec![Span::from_secs(4), Span::from_millis(250)]);
        assert_eq!(read(r#"{"samples":["4s","250ms"]}"#), samples);
        assert_eq!(serde_json::to_string(&Distribution::ZERO).unwrap(), r#"{"constant":"0s"}"#);
    }

    #[rstest]
    #[case(r#"{"lognormal":{"median":"0s","p95":"9s"}}"#, "lognormal.median: the median is 0s")]
    #[case(
        r#"{"lognormal":{"median":"9s","p95":"5s"}}"#,
        "lognormal.p95: the 95th percentile (5s) is not above the median (9s)"
    )]
    #[case(r#"{"samples":[]}"#, "samples: there are no samples")]
    fn impossible_distributions_are_refused(#[case] text: &str, #[case] problem: &str) {
        let distribution: Distribution = serde_json::from_str(text).unwrap();
        let problems = distribution.problems();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].to_string().starts_with(problem), "{}", problems[0]);
    }
}
