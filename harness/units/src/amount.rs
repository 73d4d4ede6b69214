//! A number, or a part of a whole.

use std::fmt;
use std::str::FromStr;

use crate::ScalarType;
use crate::scalar::{ScalarError, as_text, scalar};

/// `3` or `20%`, as Kubernetes writes it in disruption budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Amount {
    /// So many.
    Count(u32),
    /// So many of a hundred, at most 100.
    Percent(u32),
}

impl Amount {
    /// The number that this is of a whole, a part rounded up, as Kubernetes and Karpenter round in budgets
    /// (`intstr.GetScaledValueFromIntOrPercent` with roundUp).
    pub fn of(self, whole: u64) -> u64 {
        match self {
            Self::Count(count) => u64::from(count),
            Self::Percent(percent) => (whole * u64::from(percent)).div_ceil(100),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl FromStr for Amount {
    type Err = ScalarError;

    fn from_str(text: &str) -> Result<Self, ScalarError> {
        let text = text.trim();
        let wrong = || ScalarError { text: text.to_owned(), kind: ScalarType::Amount };
        match text.strip_suffix('%') {
            Some(percent) => {
                percent.parse().ok().filter(|percent| *percent <= 100).map(Self::Percent).ok_or_else(wrong)
            }
            None => text.parse().map(Self::Count).map_err(|_| wrong()),
        }
    }
}

as_text!(Amount);
scalar!(Amount, Amount, "A whole number or a percentage up to 100%: 3, 20%.");

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("3", 10, 3)]
    #[case("20%", 10, 2)]
    #[case("20%", 11, 3)]
    #[case("10%", 4, 1)]
    #[case("0%", 4, 0)]
    fn parts_are_rounded_up(#[case] text: &str, #[case] whole: u64, #[case] expected: u64) {
        let amount: Amount = text.parse().unwrap();
        assert_eq!(amount.of(whole), expected);
        assert_eq!(amount.to_string(), text);
    }

    #[rstest]
    #[case("101%")]
    #[case("-1")]
    #[case("some")]
    #[case("1.5")]
    fn other_texts_are_refused(#[case] text: &str) {
        assert!(text.parse::<Amount>().is_err());
    }
}
