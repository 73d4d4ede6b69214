//! How long something takes: a distribution, and text durations such as `1m30s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time that is written as text with units: `5s`, `1m30s`, `250ms`. Never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Span(pub Duration);

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(Duration::ZERO);

    /// A span of whole milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    /// A span of whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }
}

impl From<Duration> for Span {
    fn from(value: Duration) -> Self {
        Self(value)
    }
}

impl From<Span> for Duration {
    fn from(value: Span) -> Self {
        value.0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SignedDuration::try_from(self.0) {
            Ok(d) => write!(f, "{d:#}"),
            Err(_) => write!(f, "{}s", self.0.as_secs()),
        }
    }
}

/// The text is not a duration with units.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a duration such as 5s, 1m30s or 250ms: {reason}")]
pub struct SpanError {
    text: String,
    reason: String,
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason: String| SpanError { text: text.to_owned(), reason };
        let parsed: SignedDuration = text.trim().parse().map_err(|e: jiff::Error| refuse(e.to_string()))?;
        Duration::try_from(parsed).map(Span).map_err(|_| refuse("it is negative".to_owned()))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// How long a leg of a VM's life takes.
///
/// JSON and YAML: `{"constant":"5s"}`, `{"lognormal":{"median":"5s","p95":"9s"}}`, `{"samples":["4s","6s","11s"]}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Distribution {
    /// Always the same.
    Constant(Span),
    /// Lognormal, given by its median and its 95th percentile. `p95` must not be below `median`, `median` not zero.
    Lognormal {
        /// Half of the draws are below.
        median: Span,
        /// 95 of 100 draws are below.
        p95: Span,
    },
    /// One of these measured samples, each equally likely. Must not be empty.
    Samples(Vec<Span>),
}

/// The 95th percentile of the standard normal distribution.
const Z95: f64 = 1.644_853_626_951_472_2;

/// A draw is cut at this length, so that a typing error cannot make a VM boot for years.
const LONGEST_DRAW: Duration = Duration::from_secs(7 * 24 * 3600);

impl Distribution {
    /// No time at all.
    pub const fn zero() -> Self {
        Self::Constant(Span::ZERO)
    }

    /// Checks what the type cannot: medians, percentiles, empty samples.
    ///
    /// # Errors
    /// A sentence that names what is wrong.
    pub fn validate(&self) -> Result<(), String> {
        match self {
            Self::Constant(_) => Ok(()),
            Self::Lognormal { median, .. } if median.0.is_zero() => {
                Err("lognormal: median must be above 0s; write constant: 0s for no delay".to_owned())
            }
            Self::Lognormal { median, p95 } if p95 < median => {
                Err(format!("lognormal: p95 ({p95}) is below the median ({median})"))
            }
            Self::Lognormal { .. } => Ok(()),
            Self::Samples(samples) if samples.is_empty() => Err("samples: at least one duration is needed".to_owned()),
            Self::Samples(_) => Ok(()),
        }
    }

    /// One draw. Takes exactly two words' worth of numbers for a lognormal, one for samples, none for a constant;
    /// each draw has a generator of its own, so the count never matters to another.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> Duration {
        let drawn = match self {
            Self::Constant(span) => span.0,
            Self::Lognormal { median, p95 } => {
                let m = median.0.as_secs_f64();
                let sigma = (p95.0.as_secs_f64() / m).ln() / Z95;
                let seconds = m * (sigma * standard_normal(rng)).exp();
                Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_DRAW)
            }
            Self::Samples(samples) => {
                if samples.is_empty() {
                    Duration::ZERO
                } else {
                    samples[rng.random_range(0..samples.len())].0
                }
            }
        };
        drawn.min(LONGEST_DRAW)
    }
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
    fn spans_read_and_print_the_same_text() {
        for text in ["5s", "1m 30s", "1m30s", "250ms", "2h", "0s"] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span, "{text}");
        }
        assert_eq!("1m30s".parse::<Span>().unwrap(), Span::from_secs(90));
        assert!("-3s".parse::<Span>().unwrap_err().to_string().contains("negative"));
        assert!("5".parse::<Span>().is_err());
    }

    #[test]
    fn the_wire_format_is_externally_tagged() {
        let d: Distribution = serde_json::from_str(r#"{"lognormal":{"median":"5s","p95":"9s"}}"#).unwrap();
        assert_eq!(d, Distribution::Lognormal { median: Span::from_secs(5), p95: Span::from_secs(9) });
        let s: Distribution = serde_json::from_str(r#"{"samples":["4s","250ms"]}"#).unwrap();
        assert_eq!(s, Distribution::Samples(vec![Span::from_secs(4), Span::from_millis(250)]));
        assert_eq!(serde_json::to_string(&Distribution::zero()).unwrap(), r#"{"constant":"0s"}"#);
    }

    #[test]
    fn a_lognormal_has_the_median_and_the_p95_it_was_given() {
        let d = Distribution::Lognormal { median: Span::from_secs(5), p95: Span::from_secs(9) };
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut draws: Vec<f64> = (0..20_000).map(|_| d.draw(&mut rng).as_secs_f64()).collect();
        draws.sort_by(f64::total_cmp);
        assert!((draws[10_000] - 5.0).abs() < 0.1, "median {}", draws[10_000]);
        assert!((draws[19_000] - 9.0).abs() < 0.25, "p95 {}", draws[19_000]);
    }

    #[test]
    fn impossible_distributions_are_refused() {
        let bad = [
            r#"{"lognormal":{"median":"0s","p95":"9s"}}"#,
            r#"{"lognormal":{"median":"9s","p95":"5s"}}"#,
            r#"{"samples":[]}"#,
        ];
        for text in bad {
            let d: Distribution = serde_json::from_str(text).unwrap();
            assert!(d.validate().is_err(), "{text}");
        }
    }
}
