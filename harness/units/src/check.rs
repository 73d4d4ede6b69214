//! Whether a text is of a type.

use std::str::FromStr;

use crate::{Amount, Bytes, Factor, Millicores, Percent, Rate, ScalarError, ScalarType, Share, Span};

impl ScalarType {
    /// Checks that a text is of this type.
    ///
    /// # Errors
    /// Says what the text is not.
    pub fn check(self, text: &str) -> Result<(), ScalarError> {
        fn reads<T: FromStr>(text: &str) -> bool {
            text.parse::<T>().is_ok()
        }
        let holds = match self {
            Self::Duration => reads::<Span>(text),
            Self::Count => reads::<u32>(text.trim()),
            Self::Share => reads::<Share>(text),
            Self::Percent => reads::<Percent>(text),
            Self::Factor => reads::<Factor>(text),
            Self::Rate => reads::<Rate>(text),
            Self::Cpu => reads::<Millicores>(text),
            Self::Memory => reads::<Bytes>(text),
            Self::Amount => reads::<Amount>(text),
        };
        if holds { Ok(()) } else { Err(ScalarError { text: text.to_owned(), kind: self }) }
    }
}

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
    #[case(ScalarType::Share, "50%", true)]
    #[case(ScalarType::Percent, "150%", true)]
    #[case(ScalarType::Percent, "0.125", false)]
    #[case(ScalarType::Amount, "0.2", true)]
    #[case(ScalarType::Factor, "0.5", false)]
    #[case(ScalarType::Rate, "0", false)]
    #[case(ScalarType::Rate, "NaN", false)]
    #[case(ScalarType::Cpu, "500m", true)]
    #[case(ScalarType::Memory, "6Gi", true)]
    #[case(ScalarType::Memory, "6 gigs", false)]
    #[case(ScalarType::Amount, "20%", true)]
    #[case(ScalarType::Amount, "120%", false)]
    fn types_hold_what_they_say(#[case] kind: ScalarType, #[case] text: &str, #[case] holds: bool) {
        assert_eq!(kind.check(text).is_ok(), holds);
    }

    #[test]
    fn a_number_and_its_text_are_the_same() {
        assert_eq!(serde_json::from_str::<Millicores>("2").unwrap(), serde_json::from_str("\"2\"").unwrap());
        assert_eq!(serde_json::from_str::<Share>("0.25").unwrap(), Share(0.25));
        assert_eq!(serde_json::from_str::<Amount>("3").unwrap(), Amount::Count(3));
        assert!(serde_json::from_str::<Share>("1.5").unwrap_err().to_string().contains("`1.5` is not a share"));
        assert!(serde_json::from_str::<Span>("30").is_err());
    }
}
