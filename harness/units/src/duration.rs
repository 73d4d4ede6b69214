//! Durations as people write them: `1m30s`, `250ms`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};

use crate::ScalarType;
use crate::scalar::{ScalarError, as_text, scalar};

/// A length of time with its unit in the text, never negative. Microsecond resolution is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Duration);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// From whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// From whole milliseconds.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// From whole microseconds.
    pub const fn from_micros(microseconds: u64) -> Self {
        Self(Duration::from_micros(microseconds))
    }

    /// As the standard library's type.
    pub const fn as_duration(self) -> Duration {
        self.0
    }

    /// In microseconds; saturates at `u64::MAX`, which is half a million years.
    pub fn as_micros(self) -> u64 {
        u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX)
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl FromStr for Span {
    type Err = ScalarError;

    fn from_str(text: &str) -> Result<Self, ScalarError> {
        let refused = || ScalarError { text: text.to_owned(), kind: ScalarType::Duration };
        let parsed: SignedDuration = text.trim().parse().map_err(|_| refused())?;
        Duration::try_from(parsed).map(Self).map_err(|_| refused())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printer = SpanPrinter::new().designator(Designator::Compact).spacing(Spacing::None);
        f.write_str(&printer.unsigned_duration_to_string(&self.0))
    }
}

as_text!(Span);
scalar!(Span, Duration, "A number with its unit: 30s, 1m30s, 250ms, 2h.");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("30s", 30_000)]
    #[case("1m30s", 90_000)]
    #[case("250ms", 250)]
    #[case("2h", 7_200_000)]
    #[case("0s", 0)]
    fn reads_what_people_write(#[case] text: &str, #[case] milliseconds: u64) {
        assert_eq!(text.parse::<Span>(), Ok(Span::from_millis(milliseconds)));
    }

    #[rstest]
    #[case("30")]
    #[case("-5s")]
    #[case("soon")]
    #[case("")]
    fn refuses_what_has_no_unit_or_sense(#[case] text: &str) {
        assert!(text.parse::<Span>().unwrap_err().to_string().contains("is not a duration"));
    }

    proptest! {
        #[test]
        fn prints_what_it_reads(micros in 0_u64..1 << 50) {
            let span = Span::from_micros(micros);
            prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        }
    }
}
