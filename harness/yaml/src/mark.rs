//! Places in a text.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::de::LOCATED;

/// A place in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// From 1; 0 where the place is not known.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Bytes from the start of the text.
    pub offset: usize,
    /// Bytes.
    pub length: usize,
    /// Which of the files that were read together, by its index; 0 where there is one.
    pub source: u16,
}

impl Mark {
    /// The first character of a file.
    pub const START: Self = Self { line: 1, column: 1, offset: 0, length: 0, source: 0 };
}

/// A value and where it stands.
///
/// Equality is that of the value: two scenarios that say the same are the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Located<T> {
    /// What is said.
    pub value: T,
    /// Where.
    pub mark: Mark,
}

impl<T> Located<T> {
    /// A value at a place.
    pub const fn new(value: T, mark: Mark) -> Self {
        Self { value, mark }
    }
}

impl<T: PartialEq> PartialEq for Located<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> std::ops::Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// From a [`crate::Node`] with its place; from any other format with none.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(LOCATED, LocatedVisitor(PhantomData))
    }
}

struct LocatedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for LocatedVisitor<T> {
    type Value = Located<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Located<T>, D::Error> {
        T::deserialize(deserializer).map(|value| Located::new(value, Mark::default()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Located<T>, A::Error> {
        let short = || de::Error::custom("a place has five parts");
        let value = parts.next_element()?.ok_or_else(short)?;
        let mark = Mark {
            line: parts.next_element()?.ok_or_else(short)?,
            column: parts.next_element()?.ok_or_else(short)?,
            offset: parts.next_element()?.ok_or_else(short)?,
            length: parts.next_element()?.ok_or_else(short)?,
            source: parts.next_element()?.ok_or_else(short)?,
        };
        Ok(Located::new(value, mark))
    }
}

impl From<serde_saphyr::Location> for Mark {
    fn from(location: serde_saphyr::Location) -> Self {
        let span = location.span();
        Self {
            line: u32::try_from(location.line()).unwrap_or(u32::MAX),
            column: u32::try_from(location.column()).unwrap_or(u32::MAX),
            offset: usize::try_from(span.byte_offset().unwrap_or(0)).unwrap_or(0),
            length: usize::try_from(span.byte_len().unwrap_or(0)).unwrap_or(0),
            source: 0,
        }
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}
