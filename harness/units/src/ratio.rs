//! Numbers that are factors and rates.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::ScalarType;
use crate::scalar::{ScalarError, scalar};

macro_rules! number {
    ($name:ident, $doc:literal, $json:literal, $holds:expr) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
        pub struct $name(pub f64);

        impl FromStr for $name {
            type Err = ScalarError;

            fn from_str(text: &str) -> Result<Self, ScalarError> {
                let holds: fn(f64) -> bool = $holds;
                let number = text.trim().parse::<f64>().ok().filter(|value| value.is_finite() && holds(*value));
                number.map(Self).ok_or_else(|| ScalarError { text: text.to_owned(), kind: ScalarType::$name })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_f64(self.0)
            }
        }

        scalar!($name, $name, $json);
    };
}

number!(Factor, "A factor of at least 1.", "A number of at least 1: 2.5.", |value| value >= 1.0);
number!(Rate, "Events per second, above 0.", "A number above 0: 5, 0.5.", |value| value > 0.0);
