//! Happenings and the conditions that end phases.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{FieldSpec, NotifiedSpec, Setting};
use harness_plan::{Happening, What};
use harness_units::Span;
use harness_yaml::Located;

/// The condition that ends a phase.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "Until")]
pub enum UntilSpec {
    /// As many pods Ready as are asked for, for every workload but those that stay pending.
    AllPodsReady,
    /// No pod of the run is left.
    NoPods,
    /// No Node, no NodeClaim and, where the target can tell, no VM is left.
    NoNodes,
    /// Every node that was there when the phase began is gone, and as many pods are Ready as are asked for.
    AllNodesReplaced,
    /// Nothing has happened to any pod, node or VM for this long.
    Settled(Setting<Span>),
    /// Something has happened so often since the phase began.
    Happened(Box<HappenedSpec>),
    /// So many nodes.
    Nodes(NodesSpec),
    /// So many Ready pods of a workload.
    ReadyPods(ReadyPodsSpec),
    /// The field of an object is what it must be.
    Field(Box<FieldSpec>),
    /// Flux has sent so many notifications since the phase began.
    Notified(Box<NotifiedSpec>),
    /// Flux has applied the newest revision that was pushed, and its health checks have passed.
    InForce,
}

impl UntilSpec {
    /// Its key as a scenario writes it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::AllPodsReady => "all-pods-ready",
            Self::NoPods => "no-pods",
            Self::NoNodes => "no-nodes",
            Self::AllNodesReplaced => "all-nodes-replaced",
            Self::Settled(_) => "settled",
            Self::Happened(_) => "happened",
            Self::Nodes(_) => "nodes",
            Self::ReadyPods(_) => "ready-pods",
            Self::Field(_) => "field",
            Self::Notified(_) => "notified",
            Self::InForce => "in-force",
        }
    }
}

/// What ends a phase: a condition, or several that must all hold at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions(pub Vec<UntilSpec>);

impl Conditions {
    /// Their keys as a scenario writes them.
    pub fn names(&self) -> String {
        self.0.iter().map(UntilSpec::as_str).collect::<Vec<_>>().join(" and ")
    }
}

impl<'de> Deserialize<'de> for Conditions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConditionsVisitor)
    }
}

struct ConditionsVisitor;

impl<'de> Visitor<'de> for ConditionsVisitor {
    type Value = Conditions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a condition or a list of conditions")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Conditions, E> {
        UntilSpec::deserialize(StrDeserializer::new(text)).map(|condition| Conditions(vec![condition]))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Conditions, A::Error> {
        UntilSpec::deserialize(MapAccessDeserializer::new(map)).map(|condition| Conditions(vec![condition]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Conditions, A::Error> {
        let mut conditions = Vec::new();
        while let Some(condition) = items.next_element()? {
            conditions.push(condition);
        }
        Ok(Conditions(conditions))
    }
}

impl JsonSchema for Conditions {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Conditions".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let condition = generator.subschema_for::<UntilSpec>();
        schemars::json_schema!({
            "description": "A condition, or a list of conditions that must all hold at once.",
            "oneOf": [
                condition,
                {"type": "array", "items": condition, "minItems": 1},
            ],
        })
    }
}

/// Something that happens, how often, and in which phases.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Happened")]
pub struct HappenedSpec {
    /// What happens.
    pub what: What,
    /// Only to pods of this workload.
    #[serde(default)]
    pub workload: Option<Located<String>>,
    /// Only to nodes of this NodePool.
    #[serde(default)]
    pub nodepool: Option<Located<String>>,
    /// Only to nodes of this size, such as Standard_D4s_v3.
    #[serde(default)]
    pub instance_type: Option<String>,
    /// Only to `spot` or `on-demand` nodes.
    #[serde(default)]
    pub capacity_type: Option<String>,
    /// Only in this zone, such as eastus-1 or 1.
    #[serde(default)]
    pub zone: Option<String>,
    /// Only with this code of Azure, or this reason of a controller or of Flux.
    #[serde(default)]
    pub code: Option<String>,
    /// Only where the message contains this.
    #[serde(default)]
    pub says: Option<String>,
    /// Only to the object of this name, such as the Kustomization node-config.
    #[serde(default)]
    pub object: Option<String>,
    /// No less often.
    #[serde(default)]
    pub at_least: Option<Setting<u32>>,
    /// No more often.
    #[serde(default)]
    pub at_most: Option<Setting<u32>>,
    /// Only in these phases (default: in all of them).
    #[serde(default, rename = "in")]
    pub phases: Vec<Located<String>>,
}

impl HappenedSpec {
    /// What is counted, without how often and where.
    pub fn happening(&self) -> Happening {
        let value = |located: &Option<Located<String>>| located.as_ref().map(|name| name.value.clone());
        Happening {
            what: self.what,
            workload: value(&self.workload),
            nodepool: value(&self.nodepool),
            instance_type: self.instance_type.clone(),
            capacity_type: self.capacity_type.clone(),
            zone: self.zone.clone(),
            code: self.code.clone(),
            says: self.says.clone(),
            notification: None,
            object: self.object.clone(),
        }
    }
}

/// A number of nodes. At least one of the bounds.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Nodes")]
pub struct NodesSpec {
    /// Only of this NodePool.
    #[serde(default)]
    pub nodepool: Option<Located<String>>,
    /// No fewer.
    #[serde(default)]
    pub at_least: Option<Setting<u32>>,
    /// No more.
    #[serde(default)]
    pub at_most: Option<Setting<u32>>,
}

/// A number of Ready pods. At least one of the bounds.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ReadyPods")]
pub struct ReadyPodsSpec {
    /// Of this workload.
    pub workload: Located<String>,
    /// No fewer.
    #[serde(default)]
    pub at_least: Option<Setting<u32>>,
    /// No more.
    #[serde(default)]
    pub at_most: Option<Setting<u32>>,
}
