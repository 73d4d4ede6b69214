//! The walk over a schema and a value.

use super::{Schema, Type, Violation};
use crate::{Entry, Kind, Mark, Node};

/// What differs between the uses of JSON Schema.
pub trait Dialect {
    /// Whether `null`, where a value of this schema may stand, is read as a key that is not there. Otherwise it is a violation.
    fn null_is_absent(&self, schema: &Schema) -> bool;

    /// Whether an entry of a map is not checked at all.
    fn skips(&self, _map: &Place<'_>, _entry: &Entry) -> bool {
        false
    }

    /// Called for every value but `null`, before it is checked. Returns whether the dialect has checked it by itself.
    fn visit(&mut self, _at: &Place<'_>, _schema: &Schema) -> bool {
        false
    }

    /// The length of a text.
    fn length(&self, text: &str) -> usize {
        text.chars().count()
    }

    /// Called for everything that is wrong.
    fn report(&mut self, at: &Place<'_>, violation: Violation<'_>);
}

/// A value, and the way to it.
pub struct Place<'a> {
    /// The value.
    pub node: &'a Node,
    parent: Option<(&'a Place<'a>, Step<'a>)>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a Entry),
    Item(usize),
}

impl<'a> Place<'a> {
    fn under(&'a self, entry: &'a Entry) -> Self {
        Self { node: &entry.value, parent: Some((self, Step::Key(entry))) }
    }

    /// Whether this is the whole document.
    pub fn is_root(&self) -> bool {
        self.parent.is_none()
    }

    /// The key under which the value stands; `None` for an item and for the document.
    pub fn entry(&self) -> Option<&'a Entry> {
        match self.parent {
            Some((_, Step::Key(entry))) => Some(entry),
            _ => None,
        }
    }

    /// Whether it is an item of a list.
    fn is_item(&self) -> bool {
        matches!(self.parent, Some((_, Step::Item(_))))
    }

    /// The keys on the way to the value, the nearest first.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> {
        std::iter::successors(Some(self), |place| place.parent.map(|(parent, _)| parent))
            .filter_map(|place| place.entry().map(|entry| entry.key.as_str()))
    }

    /// The place of a single value, else that of its key: a reader can look at a key, not at a whole map.
    pub fn mark(&self) -> Mark {
        match self.entry() {
            Some(entry) if self.node.scalar().is_none() => entry.key_mark,
            _ => self.node.mark,
        }
    }

    /// `spec.template.list[3].key`; empty for the document.
    pub fn path(&self) -> String {
        match self.parent {
            None => String::new(),
            Some((parent, Step::Key(entry))) if parent.is_root() => entry.key.clone(),
            Some((parent, Step::Key(entry))) => format!("{}.{}", parent.path(), entry.key),
            Some((parent, Step::Item(index))) => format!("{}[{index}]", parent.path()),
        }
    }

    /// The value by its key, in backticks, or as an item of a list. `document` names the whole.
    pub fn name(&self, document: &str) -> String {
        match self.parent {
            None => document.to_owned(),
            Some((_, Step::Key(entry))) => format!("`{}`", entry.key),
            Some((parent, Step::Item(index))) => format!("item {} of {}", index + 1, parent.name(document)),
        }
    }
}

/// Checks a document against its schema: everything that is wrong, each with its place.
pub fn walk(schema: &Schema, document: &Node, dialect: &mut impl Dialect) {
    Walk { root: schema, dialect }.value(&Place { node: document, parent: None }, schema);
}

struct Walk<'s, 'd, D> {
    root: &'s Schema,
    dialect: &'d mut D,
}

/// One way to write a value that has several.
enum Variant<'s> {
    Name(&'s str),
    Keyed(&'s str, &'s Schema),
    List(&'s Schema),
}

impl<'s> Variant<'s> {
    fn name(&self) -> Option<&'s str> {
        match self {
            Self::Name(name) | Self::Keyed(name, _) => Some(name),
            Self::List(_) => None,
        }
    }
}

impl<'s, D: Dialect> Walk<'s, '_, D> {
    fn value(&mut self, at: &Place<'_>, schema: &'s Schema) {
        let schema = self.root.resolve(schema);
        if at.node.kind == Kind::Null {
            if !self.dialect.null_is_absent(schema) {
                self.dialect.report(at, Violation::Null);
            }
        } else if self.dialect.visit(at, schema) {
        } else if !schema.one_of.is_empty() || schema.constant.is_some() {
            self.union(at, schema);
        } else if !schema.admits(at.node) {
            self.dialect.report(at, Violation::Type(schema));
        } else {
            match &at.node.kind {
                Kind::Map(entries) => self.map(at, entries, schema),
                Kind::List(items) => self.list(at, items, schema),
                Kind::Null | Kind::Bool(_) | Kind::Number(..) | Kind::Text(_) => self.scalar(at, schema),
            }
        }
    }

    fn map(&mut self, at: &Place<'_>, entries: &[Entry], schema: &'s Schema) {
        for entry in entries {
            if self.dialect.skips(at, entry) {
                continue;
            }
            match schema.field(&entry.key) {
                Some(inner) => self.value(&at.under(entry), inner),
                None if schema.takes_any_field() => {}
                None => self.dialect.report(at, Violation::UnknownKey { entry, known: schema.keys(), schema }),
            }
        }
        for key in &schema.required {
            let declared = schema.properties.get(key);
            let described = declared.map(|inner| self.root.resolve(inner));
            let absent = || described.is_none_or(|inner| self.dialect.null_is_absent(inner) && !inner.nullable);
            let there = at.node.get(key).is_some_and(|value| value.kind != Kind::Null || !absent());
            if !there && declared.is_none_or(|inner| inner.default.is_none()) {
                let schema = declared.map(|inner| self.described(inner));
                self.dialect.report(at, Violation::MissingKey { key, schema });
            }
        }
        self.count(at, entries.len(), schema.min_properties, schema.max_properties);
    }

    fn list(&mut self, at: &Place<'_>, items: &[Node], schema: &'s Schema) {
        self.count(at, items.len(), schema.min_items, schema.max_items);
        if let Some(inner) = schema.items.as_deref() {
            for (index, node) in items.iter().enumerate() {
                self.value(&Place { node, parent: Some((at, Step::Item(index))) }, inner);
            }
        }
        for (index, item) in items.iter().enumerate() {
            let Some(identity) = schema.identity(item) else { continue };
            if items[..index].iter().any(|earlier| schema.identity(earlier).as_ref() == Some(&identity)) {
                self.dialect.report(at, Violation::Duplicate { item, identity });
            }
        }
    }

    fn count(&mut self, at: &Place<'_>, count: usize, min: Option<usize>, max: Option<usize>) {
        if min.is_some_and(|min| count < min) || max.is_some_and(|max| count > max) {
            self.dialect.report(at, Violation::Count { count, min, max });
        }
    }

    fn scalar(&mut self, at: &Place<'_>, schema: &'s Schema) {
        let Some(text) = at.node.scalar() else { return };
        let known: Vec<String> = schema.values.iter().map(plain).collect();
        if !known.is_empty() && !known.contains(&text) {
            self.dialect.report(at, Violation::NotListed(known));
        }
        if let Some(value) = at.node.number() {
            let range = schema.minimum.unwrap_or(f64::MIN)..=schema.maximum.unwrap_or(f64::MAX);
            if !range.contains(&value) {
                self.dialect.report(at, Violation::Range(schema));
            }
        } else if at.node.text().is_some() {
            let length = self.dialect.length(&text);
            let (min, max) = (schema.min_length.unwrap_or(0), schema.max_length.unwrap_or(usize::MAX));
            if !(min..=max).contains(&length) {
                self.dialect.report(at, Violation::Length(length, schema));
            }
        }
        // The pattern of a quantity is applied to its text, which may look like a number.
        let pattern = schema.pattern.as_ref().filter(|_| schema.types().is_empty() || schema.takes(Type::String));
        if let Some(pattern) = pattern.filter(|pattern| !pattern.matches(&text)) {
            self.dialect.report(at, Violation::Pattern(&pattern.text, schema));
        }
        if schema.format.as_deref() == Some("date-time") && text.parse::<jiff::Timestamp>().is_err() {
            self.dialect.report(at, Violation::Time);
        }
    }

    /// A value that is written in one of several ways, with what may stand beside the key of the variant.
    fn union(&mut self, at: &Place<'_>, schema: &'s Schema) {
        let variants = self.variants(schema);
        let names = || variants.iter().filter_map(Variant::name);
        match &at.node.kind {
            Kind::Text(text) => match variants.iter().find(|variant| variant.name() == Some(text)) {
                Some(Variant::Keyed(_, inner)) => {
                    self.dialect.report(at, Violation::VariantWithoutValue(self.described(inner)));
                }
                Some(Variant::Name(_)) => {}
                Some(Variant::List(_)) | None => {
                    let known: Vec<String> = names().map(str::to_owned).collect();
                    let violation = if self.takes_texts(&variants) {
                        Violation::NoList(known)
                    } else {
                        Violation::NotListed(known)
                    };
                    self.dialect.report(at, violation);
                }
            },
            Kind::Map(entries) => {
                let (beside, own): (Vec<&Entry>, Vec<&Entry>) =
                    entries.iter().partition(|entry| schema.beside.contains_key(&entry.key));
                for entry in beside {
                    self.value(&at.under(entry), &schema.beside[&entry.key]);
                }
                let known: Vec<&str> = names().chain(schema.beside.keys().map(String::as_str)).collect();
                let mut of_variants: Vec<&Entry> = Vec::new();
                for entry in &own {
                    match variants.iter().find(|variant| variant.name() == Some(&entry.key)) {
                        Some(variant) => {
                            of_variants.push(*entry);
                            match variant {
                                Variant::Keyed(_, inner) => self.value(&at.under(entry), inner),
                                Variant::Name(_) | Variant::List(_) => {
                                    self.dialect.report(at, Violation::VariantWithValue(entry));
                                }
                            }
                        }
                        None => {
                            let known = known.clone();
                            self.dialect.report(at, Violation::UnknownKey { entry, known, schema });
                        }
                    }
                }
                match of_variants.as_slice() {
                    // An unknown key may be a mistyped one of a variant.
                    [] if own.is_empty() => self.dialect.report(at, Violation::NoVariant(names().collect())),
                    [] | [_] => {}
                    [first, second, ..] => {
                        let in_list = at.is_item() || variants.iter().any(|one| matches!(one, Variant::List(_)));
                        self.dialect.report(at, Violation::SecondVariant { first, second, in_list });
                    }
                }
            }
            Kind::List(items) => {
                let list = variants.iter().find_map(|variant| match variant {
                    Variant::List(schema) => Some(*schema),
                    Variant::Name(_) | Variant::Keyed(..) => None,
                });
                match list {
                    Some(schema) => self.list(at, items, schema),
                    None => self.dialect.report(at, Violation::NotListed(names().map(str::to_owned).collect())),
                }
            }
            Kind::Null | Kind::Bool(_) | Kind::Number(..) => {
                self.dialect.report(at, Violation::NotListed(names().map(str::to_owned).collect()));
            }
        }
    }

    fn variants(&self, schema: &'s Schema) -> Vec<Variant<'s>> {
        let mut found = Vec::new();
        let alternatives = if schema.one_of.is_empty() { std::slice::from_ref(schema) } else { &schema.one_of };
        for alternative in alternatives {
            let alternative = self.root.resolve(alternative);
            if !alternative.one_of.is_empty() {
                found.extend(self.variants(alternative));
                continue;
            }
            let names = alternative.constant.iter().chain(&alternative.values).filter_map(|name| name.as_str());
            found.extend(names.map(Variant::Name));
            if alternative.takes(Type::Array) {
                found.push(Variant::List(alternative));
            }
            let keyed = alternative.properties.iter().filter(|(key, _)| !schema.beside.contains_key(*key));
            found.extend(keyed.map(|(key, inner)| Variant::Keyed(key, inner)));
        }
        found
    }

    /// Whether a list of any texts is among the variants.
    fn takes_texts(&self, variants: &[Variant<'s>]) -> bool {
        variants.iter().any(|variant| match variant {
            Variant::List(Schema { items: Some(items), .. }) => {
                let items = self.root.resolve(items);
                items.types() == [Type::String] && items.values.is_empty()
            }
            Variant::List(_) | Variant::Name(_) | Variant::Keyed(..) => false,
        })
    }

    /// The schema itself where it says what it is about, else what it refers to.
    fn described(&self, schema: &'s Schema) -> &'s Schema {
        if schema.description.is_some() { schema } else { self.root.resolve(schema) }
    }
}

/// A value of an `enum` as it is written.
fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde::Deserialize;

    const SCHEMA: &str = r##"
        $defs:
          word: {description: a word, type: string, minLength: 2, maxLength: 4}
          way:
            x-harness-beside: {after: {type: integer}}
            oneOf:
              - {const: straight}
              - {type: object, properties: {turn: {description: left or right, enum: [left, right]}}}
              - {type: array, minItems: 1, items: {$ref: "#/$defs/word"}}
        type: object
        required: [word]
        properties:
          word: {$ref: "#/$defs/word"}
          size: {type: integer, minimum: 1, maximum: 9}
          since: {type: string, format: date-time}
          share: {x-kubernetes-int-or-string: true, pattern: "^[0-9]+%?$"}
          way: {$ref: "#/$defs/way"}
          one:
            oneOf:
              - {type: object, properties: {a: {type: integer}}}
              - {type: object, properties: {b: {type: integer}}}
          names:
            oneOf:
              - {const: all}
              - {type: array, items: {type: string}}
          set: {type: array, uniqueItems: true, items: {type: string}}
          pairs: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a], maxItems: 2, items: {type: object}}
          labels: {type: object, maxProperties: 1, additionalProperties: {type: string}}
        additionalProperties: false
    "##;

    /// The violations as lines.
    struct Lines<const NULL_IS_ABSENT: bool>(Vec<String>);

    impl<const NULL_IS_ABSENT: bool> Dialect for Lines<NULL_IS_ABSENT> {
        fn null_is_absent(&self, _: &Schema) -> bool {
            NULL_IS_ABSENT
        }

        fn report(&mut self, at: &Place<'_>, violation: Violation<'_>) {
            let message = violation.message(&at.name("it"), at.node);
            self.0.push(format!("{} {message}; {}", at.path(), violation.hint(at.node)));
        }
    }

    fn violations<const NULL_IS_ABSENT: bool>(text: &str) -> Vec<String> {
        let document = |text: &str| crate::documents(text).unwrap().remove(0);
        let json: serde_json::Value = crate::from_node(&document(SCHEMA)).unwrap();
        let mut lines = Lines::<NULL_IS_ABSENT>(Vec::new());
        walk(&Schema::deserialize(json).unwrap(), &document(text), &mut lines);
        lines.0
    }

    #[rstest]
    #[case("{word: ab, size: 9, since: 2026-01-31T12:00:00Z, share: 7, set: [a, b], pairs: [{a: 1}, {a: 2}]}", &[])]
    #[case("{word: ab, way: straight}", &[])]
    #[case("{word: ab, way: {turn: left, after: 3}}", &[])]
    #[case("{word: ab, way: [ab, cd]}", &[])]
    #[case("[]", &[" it is a list, where a map is expected; write a map"])]
    #[case("{}", &[" it lacks `word`; add `word`"])]
    #[case("{word: a}", &["word `word` has 1 character; write 2 to 4 characters"])]
    #[case("{word: ab, wrod: cd}", &[" unknown key `wrod` in it; did you mean `word`?"])]
    #[case("{word: ab, size: 10}", &["size `size` is 10; write a number from 1 to 9"])]
    #[case("{word: ab, size: 1.5}", &["size `size` is the number 1.5, where a whole number is expected; write a whole number"])]
    #[case("{word: ab, since: now}", &["since `since` is `now`, which is not a time; write it like 2026-01-31T12:00:00Z"])]
    #[case("{word: ab, share: a lot}", &["share `share` cannot be `a lot`; write a value that matches ^[0-9]+%?$"])]
    #[case("{word: ab, share: []}", &["share `share` is a list, where a whole number or a text is expected; write a whole number or a text"])]
    #[case("{word: ab, set: [a, b, a]}", &["set `set` has `a` twice; keep one of them"])]
    #[case("{word: ab, pairs: [{a: 1}, {a: 1, b: 2}, {}]}", &["pairs `pairs` has 3 entries, more than 2; remove some", "pairs `pairs` has `1` twice; keep one of them"])]
    #[case("{word: ab, labels: {a: b, c: 1}}", &["labels.c `c` is the number 1, where a text is expected; write a text", "labels `labels` has 2 entries, more than 1; remove some"])]
    #[case("{word: ab, way: left}", &["way `way` cannot be `left`; write a list, `[left]`, or `straight` or `turn`"])]
    #[case("{word: ab, way: turn}", &["way `turn` needs a value; write `turn: ...`"])]
    #[case("{word: ab, way: {straight: 1}}", &["way `straight` takes no value; write `straight` alone"])]
    #[case("{word: ab, way: {turn: up}}", &["way.turn `turn` cannot be `up`; it is one of left, right"])]
    #[case("{word: ab, way: {after: soon}}", &["way.after `after` is the text `soon`, where a whole number is expected; write a whole number", "way `way` must have exactly one key; it is one of straight, turn"])]
    #[case("{word: ab, way: {turn: left, aftr: 3}}", &["way unknown key `aftr` in `way`; did you mean `after`?"])]
    #[case("{word: ab, way: {turn: left, straight: 3}}", &["way `straight` takes no value; write `straight` alone", "way `way` has `straight` beside `turn`: it must have exactly one key; give each an item of its own"])]
    #[case("{word: ab, one: {a: 1, b: 2}}", &["one `one` has `b` beside `a`: it must have exactly one key; keep one of them"])]
    #[case("{word: ab, names: ab}", &["names `names` cannot be `ab`; write a list, `[ab]`, or `all`"])]
    #[case("{word: ab, names: All}", &["names `names` cannot be `All`; did you mean `all`?"])]
    #[case("{word: ab, way: {turn: left, trun: left}}", &["way unknown key `trun` in `way`; did you mean `turn`?"])]
    #[case("{word: ab, way: []}", &["way `way` is empty; write at least 1"])]
    #[case("{word: ab, way: [a]}", &["way[0] item 1 of `way` has 1 character; write 2 to 4 characters"])]
    fn what_is_wrong_is_found(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(violations::<false>(text), expected);
    }

    #[test]
    fn null_is_a_violation_or_a_key_that_is_not_there() {
        let null = "word `word` has no value; give one, or leave the key out";
        assert_eq!(violations::<false>("{word: null}"), [null]);
        assert_eq!(violations::<true>("{word: null}"), [" it lacks `word`; add `word`"]);
        assert!(violations::<true>("{word: ab, size: null}").is_empty());
    }
}
