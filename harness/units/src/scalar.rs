//! The types that a parameter of a scenario can have, and what is common to all of them: how they are read, written and described.

use std::fmt;

use serde::de;

/// The key with which a JSON schema names the [`ScalarType`] of a value.
pub const TYPE_KEY: &str = "x-harness-type";

/// The type of a single value in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum ScalarType {
    /// `30s`.
    Duration,
    /// A whole number from 0.
    Count,
    /// `25%` or `0.25`, at most all.
    Share,
    /// `75%`, `0.75` or `75`.
    #[strum(serialize = "percentage")]
    Percent,
    /// At least 1.
    Factor,
    /// Events per second, above 0.
    Rate,
    /// `500m`.
    #[strum(serialize = "CPU quantity")]
    Cpu,
    /// `512Mi`.
    #[strum(serialize = "memory quantity")]
    Memory,
    /// `3`, `20%` or `0.2`.
    #[strum(serialize = "number or percentage")]
    Amount,
}

impl ScalarType {
    /// Its name in the JSON schema and in messages.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What to write.
    pub const fn example(self) -> &'static str {
        match self {
            Self::Duration => "a number with its unit, such as 30s, 1m30s or 250ms",
            Self::Count => "a whole number from 0, such as 40",
            Self::Share => "a part of the whole, such as 25% or 0.25",
            Self::Percent => "a percentage, such as 75% or 0.75",
            Self::Factor => "a number of at least 1, such as 2.5",
            Self::Rate => "a number above 0, such as 5 or 0.5",
            Self::Cpu => "CPU as Kubernetes writes it, such as 500m or 2",
            Self::Memory => "memory as Kubernetes writes it, such as 512Mi or 6Gi",
            Self::Amount => "a whole number or a part of the whole, such as 3, 20% or 0.2",
        }
    }
}

/// A text that is not of a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind}")]
pub struct ScalarError {
    pub(crate) text: String,
    pub(crate) kind: ScalarType,
}

/// YAML makes `cpu: 1` a number and `cpu: 500m` a text; both are read as the text that was written.
pub(crate) struct TextOrNumber(pub(crate) ScalarType);

impl de::Visitor<'_> for TextOrNumber {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.example())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<String, E> {
        Ok(value.to_owned())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<String, E> {
        // With its point: 1.0 is not the whole number 1.
        Ok(format!("{value:?}"))
    }
}

/// Reads a type from text or number by its `FromStr`, and describes it as JSON schema.
macro_rules! scalar {
    ($type:ident, $kind:ident, $json:literal) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = deserializer.deserialize_any($crate::scalar::TextOrNumber($crate::ScalarType::$kind))?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($kind).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": ["string", "number"],
                    "description": $json,
                    ($crate::TYPE_KEY): $crate::ScalarType::$kind.as_str(),
                })
            }
        }
    };
}
pub(crate) use scalar;

/// Writes a type as the text that its `FromStr` reads.
macro_rules! as_text {
    ($type:ident) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}
pub(crate) use as_text;
