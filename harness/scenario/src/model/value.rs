//! Values that may be parameters.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::scalar::Scalar;
use harness_yaml::Located;

/// A value or the parameter that it is taken from.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<T> {
    /// As it stands in the file.
    Literal(T),
    /// `$name`: a reference to a parameter, not a substitution of text.
    Parameter(String),
}

/// A value with its place.
pub type Setting<T> = Located<Value<T>>;

/// The key with which the JSON schema names the type of a value, for the structure check.
pub(crate) const TYPE_KEY: &str = "x-harness-type";

/// The parameter that a text refers to.
pub(crate) fn reference(text: &str) -> Option<&str> {
    text.strip_prefix('$')
}

impl<'de, T: Scalar> Deserialize<'de> for Value<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor(PhantomData))
    }
}

struct ValueVisitor<T>(PhantomData<T>);

impl<T: Scalar> Visitor<'_> for ValueVisitor<T> {
    type Value = Value<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {} or a $parameter", T::TYPE)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value<T>, E> {
        match reference(text) {
            Some(name) => Ok(Value::Parameter(name.to_owned())),
            None => T::read(text).map(Value::Literal).map_err(E::custom),
        }
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value<T>, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value<T>, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value<T>, E> {
        self.visit_str(&value.to_string())
    }
}

impl<T: Scalar> schemars::JsonSchema for Value<T> {
    fn schema_name() -> Cow<'static, str> {
        let mut name: String = T::TYPE.as_str().split(' ').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        name.push_str("OrParameter");
        name.into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": ["string", "number"],
            "description": format!("{}; or $name, a parameter of this type.", capital(T::TYPE.example())),
            (TYPE_KEY): T::TYPE.as_str(),
        })
    }
}

fn capital(text: &str) -> String {
    text[..1].to_uppercase() + &text[1..]
}
