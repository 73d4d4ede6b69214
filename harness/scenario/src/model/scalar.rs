//! The types that a parameter can have.

use std::fmt;

use harness_plan::Amount;
use harness_units::{Bytes, Millicores, Span};

/// A type of scalar in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScalarType {
    /// `30s`.
    Duration,
    /// A whole number from 0.
    Count,
    /// From 0 to 1.
    Share,
    /// At least 1.
    Factor,
    /// Events in a second, more than 0.
    Rate,
    /// `500m`.
    Cpu,
    /// `512Mi`.
    Memory,
    /// `3` or `20%`.
    Amount,
}

impl ScalarType {
    /// Every type.
    pub const ALL: [Self; 8] =
        [Self::Duration, Self::Count, Self::Share, Self::Factor, Self::Rate, Self::Cpu, Self::Memory, Self::Amount];

    /// Its name in the JSON schema and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::Count => "count",
            Self::Share => "share",
            Self::Factor => "factor",
            Self::Rate => "rate",
            Self::Cpu => "CPU quantity",
            Self::Memory => "memory quantity",
            Self::Amount => "number or percentage",
        }
    }

    /// What to write.
    pub fn example(self) -> &'static str {
        match self {
            Self::Duration => "a number with its unit, such as 30s, 1m30s or 250ms",
            Self::Count => "a whole number from 0, such as 40",
            Self::Share => "a number from 0 to 1, such as 0.25",
            Self::Factor => "a number of at least 1, such as 2.5",
            Self::Rate => "a number above 0, such as 5 or 0.5",
            Self::Cpu => "CPU as Kubernetes writes it, such as 500m or 2",
            Self::Memory => "memory as Kubernetes writes it, such as 512Mi or 6Gi",
            Self::Amount => "a whole number or a percentage up to 100%, such as 3 or 20%",
        }
    }

    /// Whether a text is of this type.
    ///
    /// # Errors
    /// Says what the text is not.
    pub fn check(self, text: &str) -> Result<(), String> {
        match self {
            Self::Duration => Span::read(text).map(drop),
            Self::Count => u32::read(text).map(drop),
            Self::Share => Share::read(text).map(drop),
            Self::Factor => Factor::read(text).map(drop),
            Self::Rate => Rate::read(text).map(drop),
            Self::Cpu => Millicores::read(text).map(drop),
            Self::Memory => Bytes::read(text).map(drop),
            Self::Amount => Amount::read(text).map(drop),
        }
    }
}

impl fmt::Display for ScalarType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A type that a parameter can stand for.
pub trait Scalar: Sized + Clone {
    /// Which one.
    const TYPE: ScalarType;

    /// Reads what a person wrote.
    ///
    /// # Errors
    /// Says what the text is not.
    fn read(text: &str) -> Result<Self, String>;
}

fn not_a(text: &str, kind: ScalarType) -> String {
    format!("`{text}` is not a {kind}")
}

impl Scalar for Span {
    const TYPE: ScalarType = ScalarType::Duration;

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| not_a(text, Self::TYPE))
    }
}

impl Scalar for Millicores {
    const TYPE: ScalarType = ScalarType::Cpu;

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| not_a(text, Self::TYPE))
    }
}

impl Scalar for Bytes {
    const TYPE: ScalarType = ScalarType::Memory;

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| not_a(text, Self::TYPE))
    }
}

impl Scalar for Amount {
    const TYPE: ScalarType = ScalarType::Amount;

    fn read(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl Scalar for u32 {
    const TYPE: ScalarType = ScalarType::Count;

    fn read(text: &str) -> Result<Self, String> {
        text.trim().parse().map_err(|_| not_a(text, Self::TYPE))
    }
}

macro_rules! number {
    ($name:ident, $kind:ident, $doc:literal, $holds:expr) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
        pub struct $name(pub f64);

        impl Scalar for $name {
            const TYPE: ScalarType = ScalarType::$kind;

            fn read(text: &str) -> Result<Self, String> {
                let holds: fn(f64) -> bool = $holds;
                text.trim()
                    .parse::<f64>()
                    .ok()
                    .filter(|value| value.is_finite() && holds(*value))
                    .map(Self)
                    .ok_or_else(|| not_a(text, Self::TYPE))
            }
        }
    };
}

number!(Share, Share, "A part, from 0 to 1.", |value| (0.0..=1.0).contains(&value));
number!(Factor, Factor, "A factor of at least 1.", |value| value >= 1.0);
number!(Rate, Rate, "Events in a second, more than 0.", |value| value > 0.0);

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(ScalarType::Duration, "30s", true)]
    #[case(ScalarType::Duration, "30", false)]
    #[case(ScalarType::Count, "40", true)]
    #[case(ScalarType::Count, "-1", false)]
    #[case(ScalarType::Count, "4.5", false)]
    #[case(ScalarType::Share, "1", true)]
    #[case(ScalarType::Share, "1.01", false)]
    #[case(ScalarType::Factor, "0.5", false)]
    #[case(ScalarType::Rate, "0", false)]
    #[case(ScalarType::Rate, "NaN", false)]
    #[case(ScalarType::Cpu, "500m", true)]
    #[case(ScalarType::Memory, "6Gi", true)]
    #[case(ScalarType::Memory, "6 gigs", false)]
    fn types_hold_what_they_say(#[case] kind: ScalarType, #[case] text: &str, #[case] holds: bool) {
        assert_eq!(kind.check(text).is_ok(), holds);
    }
}
