//! One item of `expect`: what must hold, and how reports call it.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::value::EnumAccessDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, VariantAccess, Visitor};
use serde_json::{Value, json};

use super::ExpectationSpec;
use harness_yaml::BESIDE_KEY;
use harness_yaml::Located;

/// Something that must hold, with the name that reports give it.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// In the words of whoever asks; where there is none, what is checked is the name.
    pub title: Option<String>,
    /// What it belongs to: it stands before the name, and is the class of the test case in JUnit.
    pub group: Option<String>,
    /// What is checked.
    pub check: Located<ExpectationSpec>,
}

impl std::ops::Deref for Expected {
    type Target = Located<ExpectationSpec>;

    fn deref(&self) -> &Self::Target {
        &self.check
    }
}

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let item = Located::<Item>::deserialize(deserializer)?;
        let Item { title, group, check } = item.value;
        Ok(Self { title, group, check: Located::new(check, item.mark) })
    }
}

/// The item as it stands in the file: a map with the key of one check, and the two beside it.
struct Item {
    title: Option<String>,
    group: Option<String>,
    check: ExpectationSpec,
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with what is checked, and perhaps `title` and `group`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        let (mut title, mut group, mut check) = (None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "title" => title = Some(map.next_value()?),
                "group" => group = Some(map.next_value()?),
                _ if check.is_some() => {
                    return Err(de::Error::custom(format!("`{key}` is a second check: give it an item of its own")));
                }
                _ => {
                    let variant = EnumAccessDeserializer::new(Keyed { key, map: &mut map });
                    check = Some(ExpectationSpec::deserialize(variant)?);
                }
            }
        }
        let check = check.ok_or_else(|| de::Error::custom("nothing is checked"))?;
        Ok(Item { title, group, check })
    }
}

/// A variant whose key has been read, and whose value comes next.
struct Keyed<'a, A> {
    key: String,
    map: &'a mut A,
}

impl<'de, 'a, A: MapAccess<'de>> EnumAccess<'de> for Keyed<'a, A> {
    type Error = A::Error;
    type Variant = Content<'a, A>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Content<'a, A>), A::Error> {
        let key = seed.deserialize(self.key.into_deserializer())?;
        Ok((key, Content(self.map)))
    }
}

/// The value of a variant.
struct Content<'a, A>(&'a mut A);

impl<'de, A: MapAccess<'de>> VariantAccess<'de> for Content<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.next_value()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        self.0.next_value_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(Visited(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(Visited(visitor))
    }
}

/// Hands a value to the visitor of a variant.
struct Visited<V>(V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Visited<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        deserializer.deserialize_any(self.0)
    }
}

impl JsonSchema for Expected {
    fn schema_name() -> Cow<'static, str> {
        ExpectationSpec::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = ExpectationSpec::json_schema(generator);
        let text = |description: &str| json!({"type": "string", "minLength": 1, "description": description});
        let beside = json!({
            "title": text("What reports call it (default: what is checked, with its limits)."),
            "group": text("What it belongs to: it stands before the name, and is the class of the test case in JUnit."),
        });
        if let Some(alternatives) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
            let properties = alternatives.iter_mut().filter_map(|one| one.get_mut("properties")?.as_object_mut());
            for properties in properties {
                properties.extend(beside.as_object().cloned().unwrap_or_default());
            }
        }
        schema.insert(BESIDE_KEY.to_owned(), beside);
        schema
    }
}

#[cfg(test)]
mod tests {
    use crate::{PlanInputs, Scenario};
    use harness_plan::Profile;
    use harness_yaml::Diagnostic;

    fn parsed(items: &str) -> Result<Scenario, Vec<Diagnostic>> {
        let text = format!(
            "apiVersion: harness/v1\nkind: Scenario\nname: s\nquestion: Does it?\nneeds: [gitops]\notherClasses: ignored\n\
             phases: [{{name: wait, for: 1s}}]\nexpect:\n{items}"
        );
        crate::parse("s.yaml", &text)
    }

    #[test]
    fn the_words_of_the_scenario_are_the_name() {
        let items = "  - {title: it runs, group: installation, usage: {processes: [kwok]}}\n  - usage: {processes: [etcd]}\n    group: other\n";
        let scenario = parsed(items).unwrap();
        let tree = harness_tree::read_tree("node-config", &harness_tree::builtin_node_config()).unwrap();
        let inputs = PlanInputs { profile: Profile::Smoke, seed: 1, overrides: &[], tree: &tree, skus: &[] };
        let plan = crate::plan(&scenario, &inputs).unwrap();
        let named: Vec<_> = plan.expectations.iter().map(|one| (one.name.as_str(), one.group.as_deref())).collect();
        let expected =
            [("installation: it runs", Some("installation")), ("other: etcd run all the time", Some("other"))];
        assert_eq!(named, expected);
    }

    #[test]
    fn an_item_checks_one_thing() {
        for (items, why) in [
            ("  - {title: a, usage: {processes: [kwok]}, quota: {}}\n", "exactly one key"),
            ("  - {title: a}\n", "exactly one key"),
            ("  - {title: [a], usage: {processes: [kwok]}}\n", "`title` is a list"),
            ("  - {titel: a, usage: {processes: [kwok]}}\n", "exactly one key"),
            ("  - {group: a, usage: {processes: [nobody]}}\n", "no process is named `nobody`"),
        ] {
            let problems = parsed(items).unwrap_err();
            assert!(problems.iter().any(|problem| problem.message.contains(why)), "{items}: {problems:#?}");
        }
    }
}
