//! `all` or a list of names.

use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// All of them, or those that are named. A plan only names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// `all`.
    #[default]
    All,
    /// `[web, cache]`.
    Named(Vec<String>),
}

impl Selection {
    /// One name.
    pub fn one(name: impl Into<String>) -> Self {
        Self::Named(vec![name.into()])
    }

    /// The names; none for `all`.
    pub fn names(&self) -> &[String] {
        match self {
            Self::All => &[],
            Self::Named(names) => names,
        }
    }

    /// `all workloads`, or the names.
    pub fn describe(&self, what: &str) -> String {
        match self {
            Self::All => format!("all {what}"),
            Self::Named(names) => names.join(", "),
        }
    }

    /// Whether it selects this one.
    pub fn selects(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|one| one == name),
        }
    }
}

impl Serialize for Selection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Named(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Selection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SelectionVisitor)
    }
}

struct SelectionVisitor;

impl<'de> Visitor<'de> for SelectionVisitor {
    type Value = Selection;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`all` or a list of names")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Selection, E> {
        match text {
            "all" => Ok(Selection::All),
            other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Selection, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items)).map(Selection::Named)
    }
}

impl schemars::JsonSchema for Selection {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Selection".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "`all`, or a list of names.",
            "oneOf": [
                {"type": "string", "const": "all"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": true},
            ],
        })
    }
}
