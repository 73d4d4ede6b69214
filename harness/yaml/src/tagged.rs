//! A map with the key of one variant, and further keys beside it: `{throttle: {retryAfter: 5s}, for: 20s}`.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::value::{EnumAccessDeserializer, MapDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, VariantAccess,
    Visitor,
};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// The key under which the JSON schema of a [`Tagged`] describes what may stand beside the key of the variant.
pub const BESIDE_KEY: &str = "x-harness-beside";

/// What may stand beside the key of a variant.
pub trait Beside: Serialize + DeserializeOwned + JsonSchema {
    /// Its keys.
    const KEYS: &'static [&'static str];
}

/// A variant `E`, and `B` beside it, in one map.
///
/// `serde(flatten)` does the same, but lets unknown keys pass and loses the places of values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tagged<E, B> {
    /// The variant.
    pub variant: E,
    /// What stands beside it.
    pub beside: B,
}

impl<E: Serialize, B: Beside> Serialize for Tagged<E, B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a, E, B> {
            #[serde(flatten)]
            variant: &'a E,
            #[serde(flatten)]
            beside: &'a B,
        }
        Flat { variant: &self.variant, beside: &self.beside }.serialize(serializer)
    }
}

impl<'de, E: Deserialize<'de>, B: Beside> Deserialize<'de> for Tagged<E, B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TaggedVisitor(PhantomData))
    }
}

struct TaggedVisitor<E, B>(PhantomData<(E, B)>);

impl<'de, E: Deserialize<'de>, B: Beside> Visitor<'de> for TaggedVisitor<E, B> {
    type Value = Tagged<E, B>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map with one key beside {}", B::KEYS.join(", "))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tagged<E, B>, A::Error> {
        let (mut variant, mut beside) = (None, Vec::new());
        while let Some(key) = map.next_key::<String>()? {
            if B::KEYS.contains(&key.as_str()) {
                beside.push((key, map.next_value::<Value>()?));
            } else if variant.is_some() {
                return Err(de::Error::custom(format!("`{key}` is a second one: give it an item of its own")));
            } else {
                variant = Some(E::deserialize(EnumAccessDeserializer::new(Keyed { key, map: &mut map }))?);
            }
        }
        let variant = variant.ok_or_else(|| de::Error::custom("it has no key that says what it is"))?;
        let beside = MapDeserializer::<_, serde_json::Error>::new(beside.into_iter());
        let beside = B::deserialize(beside).map_err(de::Error::custom)?;
        Ok(Tagged { variant, beside })
    }
}

/// A variant whose key has been read, and whose value is next.
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

    /// `clearGitFaults: {}` is how a variant without a value is written here.
    fn unit_variant(self) -> Result<(), A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        self.0.next_value::<Option<Nothing>>().map(drop)
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

impl<E: JsonSchema, B: Beside> JsonSchema for Tagged<E, B> {
    fn schema_name() -> Cow<'static, str> {
        E::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = E::json_schema(generator);
        let beside = B::json_schema(generator).get("properties").cloned().unwrap_or_default();
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
