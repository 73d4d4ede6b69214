//! Where the scheduler puts pods, beyond their class: how they are spread, and beside or apart from which others they run.

use std::borrow::Cow;

use harness_yaml::{BESIDE_KEY, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Names, one_or_many};

/// A part of the cluster, by a label of its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// `topology.kubernetes.io/zone`.
    Zone,
    /// `kubernetes.io/hostname`.
    Node,
    /// `karpenter.sh/capacity-type`.
    CapacityType,
}

impl Topology {
    /// The label of the nodes.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Zone => "topology.kubernetes.io/zone",
            Self::Node => "kubernetes.io/hostname",
            Self::CapacityType => "karpenter.sh/capacity-type",
        }
    }
}

/// How pods are spread. With nothing but the topology it is written as that: `zone`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Over what.
    pub over: Topology,
    /// By how many pods two parts may differ.
    pub max_skew: u32,
    /// Whether pods are bound where it does not hold (`ScheduleAnyway`).
    pub soft: bool,
}

impl From<Topology> for Spread {
    fn from(over: Topology) -> Self {
        Self { over, max_skew: 1, soft: false }
    }
}

/// [`Spread`] as a file has it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SpreadMap {
    /// Over what.
    over: Topology,
    /// By how many pods two of them may differ (default: 1).
    #[serde(default = "crate::defaults::one", skip_serializing_if = "is_one")]
    #[schemars(range(min = 1))]
    max_skew: u32,
    /// Bind pods where the skew does not hold too (`ScheduleAnyway`). The provisioner then creates no node for the spread alone (default:
    /// false).
    #[serde(default, skip_serializing_if = "is_false")]
    soft: bool,
}

fn is_one(value: &u32) -> bool {
    *value == 1
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Serialize for Spread {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { over, max_skew, soft } = *self;
        match (max_skew, soft) {
            (1, false) => over.serialize(serializer),
            _ => SpreadMap { over, max_skew, soft }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Spread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> serde::de::Visitor<'de> for Forms {
            type Value = Spread;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("zone, node, capacity-type, or a mapping with `over`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Spread, E> {
                Topology::deserialize(serde::de::value::StrDeserializer::new(text)).map(Spread::from)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Spread, A::Error> {
                let read = SpreadMap::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Spread { over: read.over, max_skew: read.max_skew, soft: read.soft })
            }
        }
        deserializer.deserialize_any(Forms)
    }
}

/// How pods are spread, in every respect. One alone is written without a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpreadList(pub Vec<Spread>);

impl SpreadList {
    /// Whether pods are not spread at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the types cannot rule out, with paths from the value.
    pub fn problems(&self) -> Vec<Problem> {
        let none = |(index, spread): (usize, &Spread)| {
            let index = index.to_string();
            let path: &[&str] = if self.0.len() == 1 { &["maxSkew"] } else { &[&index, "maxSkew"] };
            let message = "two parts always differ by a pod where the number is odd";
            (spread.max_skew == 0).then(|| Problem::new(path, message, "give at least 1"))
        };
        self.0.iter().enumerate().filter_map(none).collect()
    }
}

impl Serialize for SpreadList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        one_or_many::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for SpreadList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_or_many::deserialize(deserializer, "zone, node, capacity-type, a mapping with `over`, or a list").map(Self)
    }
}

impl JsonSchema for SpreadList {
    fn schema_name() -> Cow<'static, str> {
        "Spread".into()
    }

    /// `over` is the key of the variant, and the others stand beside it.
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (topology, map) = (generator.subschema_for::<Topology>(), SpreadMap::json_schema(generator));
        let mut beside = map.get("properties").cloned().unwrap_or_default();
        if let Some(keys) = beside.as_object_mut() {
            keys.remove("over");
        }
        let one = serde_json::json!({BESIDE_KEY: beside, "oneOf": [topology, map]});
        schemars::json_schema!({
            "description": "Over what pods are spread: zone, node, capacity-type, or a mapping with `over`; or a list of that.",
            BESIDE_KEY: beside,
            "oneOf": [topology, map, {"type": "array", "items": one, "minItems": 1}],
        })
    }
}

/// A rule about the pods beside which pods run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Affinity {
    /// Beside them or apart from them.
    pub kind: AffinityKind,
    /// The workload whose pods these are; it may be the workload itself.
    pub workload: String,
    /// In the same zone, on the same node, on nodes of the same capacity type.
    pub over: Topology,
    /// Bind pods where the rule does not hold too (default: false).
    #[serde(default, skip_serializing_if = "is_false")]
    pub soft: bool,
}

/// Beside or apart from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AffinityKind {
    /// In the same part of the cluster (`podAffinity`).
    Beside,
    /// In another part of it (`podAntiAffinity`).
    ApartFrom,
}

impl Affinity {
    /// What the types cannot rule out, with paths from the value.
    pub fn problems(&self, names: &Names<'_>) -> Vec<Problem> {
        names.workload(&["workload"], &self.workload)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    #[rstest]
    #[case::one_topology(json!("zone"), 1)]
    #[case::one_mapping(json!({"over": "capacity-type", "soft": true}), 1)]
    #[case::several(json!(["zone", {"over": "node", "maxSkew": 2}]), 2)]
    fn a_spread_is_written_as_it_is_read(#[case] text: Value, #[case] count: usize) {
        let spread: SpreadList = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(spread.0.len(), count);
        assert_eq!(serde_json::to_value(&spread).unwrap(), text);
    }

    #[test]
    fn a_spread_over_something_unknown_says_what_is_known() {
        let error = serde_json::from_value::<SpreadList>(json!("region")).unwrap_err().to_string();
        assert!(error.contains("`zone`, `node`, `capacity-type`"), "{error}");
    }
}
