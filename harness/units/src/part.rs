//! Parts of a whole, which are written `50%` or `0.5`.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::ScalarType;
use crate::scalar::{ScalarError, as_text, scalar};

/// The part that a text says, in hundredths: `50%` and `0.5` are 50. `None` for a whole number, which says no part.
fn hundredths(text: &str) -> Option<f64> {
    let (number, scale) = match text.strip_suffix('%') {
        Some(percent) => (percent, 1.0),
        None if text.contains('.') => (text, 100.0),
        None => return None,
    };
    let number = number.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.map(|number| number * scale)
}

/// A whole number of hundredths.
fn percent(text: &str) -> Option<u32> {
    let hundredths = hundredths(text)?;
    let whole = hundredths.round();
    // 0.29 * 100 is a little less than 29.
    ((hundredths - whole).abs() < 1e-9 && whole <= f64::from(u32::MAX)).then_some(whole as u32)
}

/// A part, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(pub f64);

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self(1.0);
}

impl Default for Share {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl FromStr for Share {
    type Err = ScalarError;

    fn from_str(text: &str) -> Result<Self, ScalarError> {
        let trimmed = text.trim();
        let number = match trimmed.strip_suffix('%') {
            Some(_) => hundredths(trimmed).map(|hundredths| hundredths / 100.0),
            None => trimmed.parse().ok(),
        };
        let number = number.filter(|number| (0.0..=1.0).contains(number));
        number.map(Self).ok_or_else(|| ScalarError { text: text.to_owned(), kind: ScalarType::Share })
    }
}

/// As a percentage: `25%`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded where 0.07 * 100 is a little more than 7.
        write!(f, "{}%", (self.0 * 1e8).round() / 1e6)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

scalar!(Share, Share, "A part of a whole: 25% or 0.25.");

/// A whole number of hundredths, which may be more than 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(pub u32);

impl FromStr for Percent {
    type Err = ScalarError;

    fn from_str(text: &str) -> Result<Self, ScalarError> {
        let trimmed = text.trim();
        // A whole number is in percent, as the names of its keys say.
        let number = percent(trimmed).or_else(|| trimmed.parse().ok());
        number.map(Self).ok_or_else(|| ScalarError { text: text.to_owned(), kind: ScalarType::Percent })
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

scalar!(Percent, Percent, "A percentage: 75%, 0.75 or 75.");

/// A number, or a part of a whole: `3` or `20%`, as Kubernetes writes it in disruption budgets.
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
        let trimmed = text.trim();
        // `1.0` would be all of them to one reader and a single one to another.
        let is_clear = trimmed.ends_with('%') || hundredths(trimmed).is_none_or(|part| part > 0.0 && part < 100.0);
        let part = percent(trimmed).filter(|percent| is_clear && *percent <= 100).map(Self::Percent);
        let amount = part.or_else(|| trimmed.parse().ok().map(Self::Count));
        amount.ok_or_else(|| ScalarError { text: text.to_owned(), kind: ScalarType::Amount })
    }
}

as_text!(Amount);
scalar!(Amount, Amount, "A whole number or a part: 3, 20% or 0.2.");

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("50%", "0.5", 0.5)]
    #[case("100%", "1", 1.0)]
    #[case("0%", "0", 0.0)]
    #[case("12.5%", "0.125", 0.125)]
    fn a_share_has_two_notations(#[case] percent: &str, #[case] number: &str, #[case] part: f64) {
        assert_eq!(percent.parse(), Ok(Share(part)));
        assert_eq!(number.parse(), Ok(Share(part)));
        assert_eq!(Share(part).to_string(), percent);
    }

    #[rstest]
    #[case("75%", 75)]
    #[case("0.75", 75)]
    #[case("75", 75)]
    #[case("0.29", 29)]
    #[case("150%", 150)]
    #[case("1.5", 150)]
    #[case("1.0", 100)]
    #[case("1", 1)]
    fn a_percentage_has_three_notations(#[case] text: &str, #[case] percent: u32) {
        assert_eq!(text.parse(), Ok(Percent(percent)));
    }

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
    #[case("0.5", Amount::Percent(50))]
    #[case("0.29", Amount::Percent(29))]
    #[case("1", Amount::Count(1))]
    #[case("100%", Amount::Percent(100))]
    fn an_amount_has_the_notations_of_a_part(#[case] text: &str, #[case] amount: Amount) {
        assert_eq!(text.parse(), Ok(amount));
    }

    #[rstest]
    #[case("101%")]
    #[case("-1")]
    #[case("some")]
    #[case("1.5")]
    #[case("1.0")]
    #[case("0.0")]
    #[case("0.125")]
    #[case("12.5%")]
    fn other_amounts_are_refused(#[case] text: &str) {
        assert!(text.parse::<Amount>().is_err());
    }

    #[rstest]
    #[case("101%")]
    #[case("-0.5")]
    #[case("2")]
    #[case("half")]
    #[case("NaN")]
    fn other_shares_are_refused(#[case] text: &str) {
        assert!(text.parse::<Share>().is_err());
    }

    #[test]
    fn a_number_of_a_file_keeps_its_point() {
        // As text, 1.0 was 1: of a percentage a hundredth instead of all.
        assert_eq!(serde_json::from_str::<Percent>("1.0").unwrap(), Percent(100));
        assert_eq!(serde_json::from_str::<Percent>("1").unwrap(), Percent(1));
        assert!(serde_json::from_str::<Amount>("1.0").is_err());
        assert_eq!(serde_json::from_str::<Share>("1.0").unwrap(), Share::WHOLE);
    }
}
