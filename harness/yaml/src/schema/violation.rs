//! What can be wrong with a value.

use super::Schema;
use crate::{Entry, Kind, Node, suggest};

/// One way in which a value does not hold to its schema. Schemas are without references.
#[derive(Debug)]
#[expect(missing_docs, reason = "a field is named by what it holds")]
pub enum Violation<'a> {
    /// There is nothing where a value is expected.
    Null,
    /// The value has another type.
    Type(&'a Schema),
    /// The value is none of those that are possible.
    NotListed(Vec<String>),
    /// The text is none of those that are possible. A list of texts is possible too.
    NoList(Vec<String>),
    /// The map has a key that the schema does not know.
    UnknownKey { entry: &'a Entry, known: Vec<&'a str>, schema: &'a Schema },
    /// A key that must be there is not.
    MissingKey { key: &'a str, schema: Option<&'a Schema> },
    /// The number is out of range.
    Range(&'a Schema),
    /// The text is too short or too long.
    Length(usize, &'a Schema),
    /// The text does not match the pattern.
    Pattern(&'a str, &'a Schema),
    /// The text is not a time, as RFC 3339 writes it.
    Time,
    /// The list or map has too few or too many entries.
    Count { count: usize, min: Option<usize>, max: Option<usize> },
    /// The list has two items of the same identity; this is the second one.
    Duplicate { item: &'a Node, identity: String },
    /// A variant that needs a value stands alone.
    VariantWithoutValue(&'a Schema),
    /// A variant that takes no value has one.
    VariantWithValue(&'a Entry),
    /// A map without the key of a variant.
    NoVariant(Vec<&'a str>),
    /// A map with the keys of two variants. Whether it is an item of a list, or could be one.
    SecondVariant { first: &'a Entry, second: &'a Entry, in_list: bool },
}

impl Violation<'_> {
    /// What is wrong, in the words that suit every dialect. `what` names the value.
    pub fn message(&self, what: &str, node: &Node) -> String {
        match self {
            Self::Null => format!("{what} has no value"),
            Self::Type(schema) => {
                format!("{what} is {}, where {} is expected", node.describe(), schema.describe_types())
            }
            Self::NotListed(_) | Self::NoList(_) | Self::Pattern(..) => match &node.kind {
                Kind::Text(text) => format!("{what} cannot be `{text}`"),
                _ => format!("{what} cannot be {}", node.describe()),
            },
            Self::UnknownKey { entry, .. } => format!("unknown key `{}` in {what}", entry.key),
            Self::MissingKey { key, .. } => format!("{what} lacks `{key}`"),
            Self::Range(_) => format!("{what} is {}", node.scalar().unwrap_or_default()),
            Self::Length(0, _) | Self::Count { count: 0, .. } => format!("{what} is empty"),
            Self::Length(length, _) => format!("{what} has {}", counted(*length, "character", "characters")),
            Self::Time => format!("{what} is `{}`, which is not a time", node.scalar().unwrap_or_default()),
            Self::Count { count, min, max } => {
                let bound = match (min, max) {
                    (Some(min), _) if count < min => format!("fewer than {min}"),
                    (_, max) => format!("more than {}", max.unwrap_or(usize::MAX)),
                };
                format!("{what} has {}, {bound}", counted(*count, "entry", "entries"))
            }
            Self::Duplicate { identity, .. } => format!("{what} has `{identity}` twice"),
            Self::VariantWithoutValue(_) => format!("`{}` needs a value", node.scalar().unwrap_or_default()),
            Self::VariantWithValue(entry) => format!("`{}` takes no value", entry.key),
            Self::NoVariant(_) => format!("{what} must have exactly one key"),
            Self::SecondVariant { first, second, .. } => {
                format!("{what} has `{}` beside `{}`: it must have exactly one key", second.key, first.key)
            }
        }
    }

    /// What to do about it, in the words that suit every dialect.
    pub fn hint(&self, node: &Node) -> String {
        match self {
            Self::Null => "give one, or leave the key out".to_owned(),
            Self::Type(schema) => format!("write {}", schema.describe_types()),
            Self::NotListed(known) => match node.scalar() {
                Some(text) => suggest::hint(&text, known.iter().map(String::as_str)),
                None => format!("it is one of {}", known.join(", ")),
            },
            Self::NoList(known) => {
                let text = node.scalar().unwrap_or_default();
                let known = known.iter().map(String::as_str);
                match suggest::closest(&text, known.clone()) {
                    Some(_) => suggest::hint(&text, known),
                    None => {
                        let names: Vec<String> = known.map(|name| format!("`{name}`")).collect();
                        format!("write a list, `[{text}]`, or {}", names.join(" or "))
                    }
                }
            }
            Self::UnknownKey { known, .. } if known.is_empty() => "write {}".to_owned(),
            Self::UnknownKey { entry, known, .. } => suggest::hint(&entry.key, known.iter().copied()),
            Self::MissingKey { key, .. } => format!("add `{key}`"),
            Self::Range(schema) => match (schema.minimum, schema.maximum) {
                (Some(min), Some(max)) => format!("write a number from {min} to {max}"),
                (Some(min), None) => format!("write a number from {min}"),
                (None, max) => format!("write a number up to {}", max.unwrap_or(f64::MAX)),
            },
            Self::Length(_, schema) => match (schema.min_length.unwrap_or(0), schema.max_length) {
                (min, Some(max)) => format!("write {min} to {max} characters"),
                (min, None) => format!("write at least {}", counted(min, "character", "characters")),
            },
            Self::Pattern(pattern, _) => format!("write a value that matches {pattern}"),
            Self::Time => "write it like 2026-01-31T12:00:00Z".to_owned(),
            Self::Count { count, min: Some(min), .. } if count < min => format!("write at least {min}"),
            Self::Count { .. } => "remove some".to_owned(),
            Self::Duplicate { .. } => "keep one of them".to_owned(),
            Self::VariantWithoutValue(_) => format!("write `{}: ...`", node.scalar().unwrap_or_default()),
            Self::VariantWithValue(entry) => format!("write `{}` alone", entry.key),
            Self::NoVariant(names) => format!("it is one of {}", names.join(", ")),
            Self::SecondVariant { in_list: true, .. } => "give each an item of its own".to_owned(),
            Self::SecondVariant { .. } => "keep one of them".to_owned(),
        }
    }
}

fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}
