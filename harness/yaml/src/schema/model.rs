//! The parts of JSON Schema that are in use.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use crate::{Kind, Node};

/// A schema: of a whole document, or of a value in it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the keywords of JSON Schema and OpenAPI, by their own names")]
pub struct Schema {
    #[serde(rename = "$ref")]
    pub reference: Option<String>,
    #[serde(rename = "$defs")]
    pub definitions: BTreeMap<String, Schema>,
    pub description: Option<String>,
    #[serde(rename = "type")]
    types: Types,
    pub properties: BTreeMap<String, Schema>,
    pub additional_properties: Option<Additional>,
    pub items: Option<Box<Schema>>,
    pub required: Vec<String>,
    pub one_of: Vec<Schema>,
    #[serde(rename = "enum")]
    pub values: Vec<Value>,
    #[serde(rename = "const")]
    pub constant: Option<Value>,
    pub pattern: Option<Pattern>,
    pub format: Option<String>,
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    pub min_length: Option<usize>,
    pub max_length: Option<usize>,
    pub min_items: Option<usize>,
    pub max_items: Option<usize>,
    pub min_properties: Option<usize>,
    pub max_properties: Option<usize>,
    pub unique_items: bool,
    pub default: Option<Value>,
    pub nullable: bool,
    /// What may stand beside the key of a variant, see [`crate::Tagged`].
    #[serde(rename = "x-harness-beside")]
    pub beside: BTreeMap<String, Schema>,
    /// A type of a single value that the dialect defines.
    #[serde(rename = "x-harness-type")]
    pub scalar_type: Option<String>,
    #[serde(rename = "x-kubernetes-int-or-string")]
    int_or_string: bool,
    #[serde(rename = "x-kubernetes-preserve-unknown-fields")]
    preserve_unknown_fields: bool,
    #[serde(rename = "x-kubernetes-embedded-resource")]
    embedded_resource: bool,
    #[serde(rename = "x-kubernetes-list-type")]
    list_type: Option<String>,
    #[serde(rename = "x-kubernetes-list-map-keys")]
    list_map_keys: Vec<String>,
    #[serde(rename = "x-kubernetes-validations")]
    pub rules: Vec<Rule>,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the types of JSON Schema")]
pub enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

/// `type`: one, or a list of them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Types {
    One(Type),
    Several(Vec<Type>),
}

impl Default for Types {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

/// `additionalProperties`: a schema, or whether any value may stand there.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "both are said above")]
pub enum Additional {
    Any(bool),
    Schema(Box<Schema>),
}

/// A rule in CEL, the Common Expression Language.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the keys of `x-kubernetes-validations`")]
pub struct Rule {
    pub rule: String,
    pub message: String,
    pub message_expression: String,
    pub field_path: String,
}

/// A regular expression, compiled when it is first used: a document uses few of the many.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
pub struct Pattern {
    /// As the schema has it.
    pub text: String,
    regex: OnceLock<Option<Regex>>,
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self { text, regex: OnceLock::new() }
    }
}

impl Pattern {
    /// Whether a text matches. Go and Rust share the syntax; a pattern that cannot be compiled would match everything, which a test
    /// rules out.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.get_or_init(|| Regex::new(&self.text).ok()).as_ref().is_none_or(|regex| regex.is_match(text))
    }
}

impl Type {
    fn admits(self, node: &Node) -> bool {
        match &node.kind {
            Kind::Null => self == Self::Null,
            Kind::Bool(_) => self == Self::Boolean,
            Kind::Number(value, _) => self == Self::Number || self == Self::Integer && value.fract() == 0.0,
            Kind::Text(_) => self == Self::String,
            Kind::List(_) => self == Self::Array,
            Kind::Map(_) => self == Self::Object,
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean => "true or false",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::String => "a text",
            Self::Array => "a list",
            Self::Object => "a map",
        }
    }
}

impl Schema {
    /// The schema that a reference leads to, or the schema itself; `self` is the root.
    pub fn resolve<'s>(&'s self, schema: &'s Self) -> &'s Self {
        let name = schema.reference.as_deref().and_then(|path| path.strip_prefix("#/$defs/"));
        name.and_then(|name| self.definitions.get(name)).map_or(schema, |target| self.resolve(target))
    }

    /// The types that a value may have; empty where any is right.
    pub fn types(&self) -> &[Type] {
        match &self.types {
            _ if self.int_or_string => &[Type::Integer, Type::String],
            Types::Several(types) if types.is_empty() && !self.properties.is_empty() => &[Type::Object],
            Types::Several(types) => types,
            Types::One(only) => std::slice::from_ref(only),
        }
    }

    /// Whether a value of this type is right.
    pub fn takes(&self, wanted: Type) -> bool {
        self.types().contains(&wanted)
    }

    /// Whether a value has one of the types.
    pub(super) fn admits(&self, node: &Node) -> bool {
        self.types().is_empty() || self.types().iter().any(|admitted| admitted.admits(node))
    }

    /// The types, for a message: `a whole number or a text`.
    pub fn describe_types(&self) -> String {
        // Numbers come first, whatever the order in the schema.
        let mut names: Vec<&str> = self.types().iter().map(|admitted| admitted.describe()).collect();
        names.sort_by_key(|name| !name.contains("number"));
        names.join(" or ")
    }

    /// The schema of a field, declared or additional.
    pub fn field(&self, name: &str) -> Option<&Self> {
        self.properties.get(name).or(match &self.additional_properties {
            Some(Additional::Schema(schema)) => Some(schema),
            _ => None,
        })
    }

    /// The names of the declared fields.
    pub fn keys(&self) -> Vec<&str> {
        self.properties.keys().map(String::as_str).collect()
    }

    /// Whether fields that it does not declare are kept.
    pub fn takes_any_field(&self) -> bool {
        self.preserve_unknown_fields
            || self.embedded_resource
            || matches!(self.additional_properties, Some(Additional::Any(true)))
            // `type: object` with nothing below it: ObjectMeta at the top, which the API server checks by itself.
            || (self.properties.is_empty() && self.additional_properties.is_none())
    }

    /// What an item of a list must not share with another one; `None` where items may be equal.
    pub(super) fn identity(&self, item: &Node) -> Option<String> {
        match self.list_type.as_deref() {
            Some("map") => {
                let values = self.list_map_keys.iter().map(|key| item.get(key).and_then(Node::scalar));
                Some(values.map(Option::unwrap_or_default).collect::<Vec<_>>().join("/"))
            }
            Some("set") => item.scalar(),
            _ if self.unique_items => item.scalar(),
            _ => None,
        }
    }
}
