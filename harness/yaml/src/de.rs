//! Deserialization of a [`Node`], so that what has been read once with its places is read into types from there.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use crate::{Entry, Kind, Located, Mark, Node};

/// The name by which [`Located`] asks this deserializer for the place of its value.
const LOCATED: &str = "$harness_yaml::Located";

/// Reads a value into a type.
///
/// # Errors
/// What does not fit, and where.
pub fn from_node<'de, T: Deserialize<'de>>(node: &'de Node) -> Result<T, ReadError> {
    T::deserialize(Reader(node))
}

/// Why a value cannot be read into a type.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// Where the innermost value that does not fit stands.
    pub mark: Mark,
    /// Why it does not fit.
    pub message: String,
    placed: bool,
}

impl ReadError {
    fn at(mut self, mark: Mark) -> Self {
        if !self.placed {
            (self.mark, self.placed) = (mark, true);
        }
        self
    }
}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { mark: Mark::START, message: message.to_string(), placed: false }
    }
}

#[derive(Clone, Copy)]
struct Reader<'de>(&'de Node);

impl<'de> Reader<'de> {
    fn unexpected<V: Visitor<'de>>(self, expected: &V) -> ReadError {
        let message = format!("{} is here, where {} is expected", self.0.describe(), expected as &dyn de::Expected);
        <ReadError as de::Error>::custom(message).at(self.0.mark)
    }

    fn any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.0.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Number(value, text) => match (text.parse::<u64>(), text.parse::<i64>()) {
                (Ok(whole), _) => visitor.visit_u64(whole),
                (_, Ok(whole)) => visitor.visit_i64(whole),
                _ => visitor.visit_f64(*value),
            },
            Kind::Text(text) => visitor.visit_borrowed_str(text),
            Kind::List(items) => visitor.visit_seq(Items(items.iter())),
            Kind::Map(entries) => visitor.visit_map(Entries { rest: entries.iter(), value: None }),
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.any(visitor).map_err(|error| error.at(self.0.mark))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0.kind {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let read = match name {
            LOCATED => visitor.visit_seq(Placed { node: self.0, next: 0 }),
            _ => visitor.visit_newtype_struct(self),
        };
        read.map_err(|error| error.at(self.0.mark))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let read = match &self.0.kind {
            Kind::Text(text) => visitor.visit_enum(StrDeserializer::<ReadError>::new(text)),
            Kind::Map(entries) => match entries.as_slice() {
                [entry] => visitor.visit_enum(Variant(entry)),
                _ => Err(self.unexpected(&visitor)),
            },
            _ => Err(self.unexpected(&visitor)),
        };
        read.map_err(|error| error.at(self.0.mark))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        self.0.next().map(|node| seed.deserialize(Reader(node))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries<'de> {
    rest: std::slice::Iter<'de, Entry>,
    value: Option<&'de Node>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        let Some(entry) = self.rest.next() else { return Ok(None) };
        self.value = Some(&entry.value);
        let key = StrDeserializer::<ReadError>::new(&entry.key);
        seed.deserialize(key).map(Some).map_err(|error| error.at(entry.key_mark))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        match self.value.take() {
            Some(node) => seed.deserialize(Reader(node)),
            None => Err(de::Error::custom("a value was requested before its key")),
        }
    }
}

/// A map of one entry: the key is the variant, the value what it holds.
struct Variant<'de>(&'de Entry);

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ReadError> {
        let key = StrDeserializer::<ReadError>::new(&self.0.key);
        let variant = seed.deserialize(key).map_err(|error| error.at(self.0.key_mark))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = ReadError;

    /// `revert: {}` is how a variant without a value is written where others have one.
    fn unit_variant(self) -> Result<(), ReadError> {
        match &self.0.value.kind {
            Kind::Null => Ok(()),
            Kind::Map(entries) if entries.is_empty() => Ok(()),
            _ => Err(<ReadError as de::Error>::custom("`{}` is expected here").at(self.0.value.mark)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        seed.deserialize(Reader(&self.0.value))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        Reader(&self.0.value).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, ReadError> {
        Reader(&self.0.value).deserialize_any(visitor)
    }
}

/// A value, then its place: what [`Located`] is made of.
struct Placed<'de> {
    node: &'de Node,
    next: u8,
}

impl<'de> SeqAccess<'de> for Placed<'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let mark = self.node.mark;
        let part = self.next;
        self.next += 1;
        let number = |number: u64| number.into_deserializer();
        match part {
            0 => seed.deserialize(Reader(self.node)),
            1 => seed.deserialize(number(u64::from(mark.line))),
            2 => seed.deserialize(number(u64::from(mark.column))),
            3 => seed.deserialize(number(mark.offset as u64)),
            4 => seed.deserialize(number(mark.length as u64)),
            5 => seed.deserialize(number(u64::from(mark.source))),
            _ => return Ok(None),
        }
        .map(Some)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    enum Shape {
        Point,
        Circle { radius: f64 },
        Named(String),
        Many(Vec<u32>),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Drawing {
        name: Located<String>,
        shapes: Vec<Located<Shape>>,
        #[serde(default)]
        any: BTreeMap<String, serde_json::Value>,
        #[serde(default)]
        scale: Option<f64>,
    }

    fn read(text: &str) -> Result<Drawing, ReadError> {
        let documents = crate::documents(text).unwrap();
        from_node(&documents[0])
    }

    #[test]
    fn values_know_their_places() {
        let drawing =
            read("name: a\nshapes:\n  - point\n  - circle: {radius: 2}\n  - named: b\n  - many: [1, 2]\n").unwrap();
        assert_eq!((drawing.name.mark.line, drawing.name.mark.column), (1, 7));
        let lines: Vec<u32> = drawing.shapes.iter().map(|shape| shape.mark.line).collect();
        assert_eq!(lines, [3, 4, 5, 6]);
        let shapes: Vec<Shape> = drawing.shapes.into_iter().map(|shape| shape.value).collect();
        assert_eq!(
            shapes,
            [Shape::Point, Shape::Circle { radius: 2.0 }, Shape::Named("b".to_owned()), Shape::Many(vec![1, 2])]
        );
    }

    #[test]
    fn what_is_json_stays_json() {
        let drawing = read("name: a\nshapes: []\nany: {n: 1, x: 0.5, t: yes, l: [true, null]}\n").unwrap();
        let expected = serde_json::json!({"n": 1, "x": 0.5, "t": "yes", "l": [true, null]});
        assert_eq!(serde_json::to_value(drawing.any).unwrap(), expected);
    }

    #[test]
    fn what_does_not_fit_is_refused_at_its_place() {
        for (text, line, column, message) in [
            ("name: a\nshapes:\n  - circle: {radius: far}\n", 3, 22, "invalid type: string \"far\""),
            ("name: a\nshapes:\n  - square: {}\n", 3, 5, "unknown variant `square`"),
            ("name: [a]\nshapes: []\n", 1, 7, "invalid type"),
            ("name: a\nshapes: []\ncolour: red\n", 3, 1, "unknown field `colour`"),
            ("name: a\n", 1, 1, "missing field `shapes`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.message.contains(message), "{error}");
            assert_eq!((error.mark.line, error.mark.column), (line, column), "{error}");
        }
    }
}
