//! Phases and the conditions that end them.

use std::borrow::Cow;
use std::fmt;

use harness_units::Span;
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::check::NotificationPattern;
use crate::{Bounds, EventPattern, Field, Names, PlannedAction};

/// One step of a run: its actions are sent at their times, then its conditions are awaited or its time is held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// Unique within the plan.
    pub name: String,
    /// In the order of their times.
    pub actions: Vec<PlannedAction>,
    /// The conditions that end the phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Conditions>,
    /// The phase's deadline, from its start; always there when `until` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// How long the phase is held, from its start, where it has no condition.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold: Option<Span>,
}

/// A condition that ends a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr, strum::VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Condition {
    /// As many pods are Ready as are asked for, for every workload but those that stay pending.
    AllPodsReady,
    /// No pod of the run is left.
    NoPods,
    /// No Node, no NodeClaim and, where the target can tell, no VM is left.
    NoNodes,
    /// Every NodeClaim that existed when the phase started is gone, and as many pods are Ready as are asked for.
    AllNodesReplaced,
    /// No pod, NodeClaim, Node or VM has reached a milestone for this long.
    Settled(Span),
    /// Something has happened this often since the phase started.
    Happened(HappenedSoFar),
    /// This many NodeClaims are not being deleted.
    Nodes(NodeCount),
    /// This many pods of a workload are Ready.
    ReadyPods(ReadyPods),
    /// The field of an object has the value that it must have.
    Field(Field),
    /// Flux has sent this many notifications since the phase started.
    Notified(NotifiedSoFar),
    /// Flux has applied the newest revision that the run has pushed, and its health checks have passed: the root Kustomization, by that
    /// very revision.
    InForce,
}

/// Events since the start of the phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HappenedSoFar {
    /// What is counted.
    #[serde(flatten)]
    pub pattern: EventPattern,
    /// Minimum number (default: 1).
    #[serde(default = "crate::defaults::one")]
    pub at_least: u32,
}

/// Notifications since the start of the phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotifiedSoFar {
    /// Which notifications are counted.
    #[serde(flatten)]
    pub notification: NotificationPattern,
    /// Minimum number (default: 1).
    #[serde(default = "crate::defaults::one")]
    pub at_least: u32,
}

/// A number of nodes. At least one of the bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeCount {
    /// Only nodes of this NodePool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodepool: Option<String>,
    /// How many.
    #[serde(flatten)]
    pub bounds: Bounds,
}

/// A number of Ready pods. At least one of the bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadyPods {
    /// The workload.
    pub workload: String,
    /// How many.
    #[serde(flatten)]
    pub bounds: Bounds,
}

impl Condition {
    /// The key of the variant.
    pub fn as_str(&self) -> &'static str {
        self.into()
    }

    /// The events that it counts, and how many of them it waits for.
    pub fn counts(&self) -> Option<(Cow<'_, EventPattern>, u32)> {
        match self {
            Self::Happened(happened) => Some((Cow::Borrowed(&happened.pattern), happened.at_least)),
            Self::Notified(notified) => Some((Cow::Owned(notified.notification.pattern()), notified.at_least)),
            Self::AllPodsReady
            | Self::NoPods
            | Self::NoNodes
            | Self::AllNodesReplaced
            | Self::Settled(_)
            | Self::Nodes(_)
            | Self::ReadyPods(_)
            | Self::Field(_)
            | Self::InForce => None,
        }
    }

    /// What the types cannot rule out, with paths from the condition.
    pub fn problems(&self, names: &Names<'_>) -> Vec<Problem> {
        let always = |bounds: Bounds| {
            let found = Problem::new(&[], "this condition always holds", "give `atLeast`, `atMost` or both");
            bounds.is_open().then_some(found)
        };
        let found: Vec<Problem> = match self {
            Self::Nodes(nodes) => always(nodes.bounds).into_iter().collect(),
            Self::ReadyPods(pods) => {
                let unknown = names.workload(&["workload"], &pods.workload);
                always(pods.bounds).into_iter().chain(unknown).collect()
            }
            Self::Happened(happened) => happened.pattern.problems(names),
            Self::Settled(span) if *span == Span::ZERO => {
                vec![Problem::new(&[], "`settled` must be longer than 0s", "give a duration above 0s")]
            }
            Self::Field(field) => {
                let unknown = names.object(&["object"], &field.object);
                unknown.into_iter().chain(field.problems()).collect()
            }
            Self::AllPodsReady
            | Self::NoPods
            | Self::NoNodes
            | Self::AllNodesReplaced
            | Self::Settled(_)
            | Self::Notified(_)
            | Self::InForce => Vec::new(),
        };
        found.into_iter().map(|problem| problem.under(self.as_str())).collect()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllPodsReady | Self::NoPods | Self::NoNodes | Self::AllNodesReplaced | Self::InForce => {
                f.write_str(self.as_str())
            }
            Self::Settled(span) => write!(f, "settled for {span}"),
            Self::Happened(happened) => write!(f, "at least {} x {}", happened.at_least, happened.pattern),
            Self::Notified(notified) => {
                write!(f, "at least {} x {}", notified.at_least, notified.notification.pattern())
            }
            Self::Nodes(nodes) => {
                write!(f, "{} nodes", nodes.bounds)?;
                nodes.nodepool.as_ref().map_or(Ok(()), |pool| write!(f, " of {pool}"))
            }
            Self::ReadyPods(pods) => write!(f, "{} Ready pods of {}", pods.bounds, pods.workload),
            Self::Field(field) => field.fmt(f),
        }
    }
}

/// What ends a phase: conditions that must all hold at once. One alone is written without a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conditions(pub Vec<Condition>);

impl Conditions {
    /// The keys of its conditions.
    pub fn names(&self) -> String {
        self.0.iter().map(Condition::as_str).collect::<Vec<_>>().join(" and ")
    }

    /// What the types cannot rule out, with paths from the value.
    pub fn problems(&self, names: &Names<'_>) -> Vec<Problem> {
        match self.0.as_slice() {
            [one] => one.problems(names),
            several => {
                let of = |(index, condition): (usize, &Condition)| {
                    let problems = condition.problems(names).into_iter();
                    problems.map(move |problem| problem.under(index.to_string())).collect::<Vec<_>>()
                };
                several.iter().enumerate().flat_map(of).collect()
            }
        }
    }
}

impl From<Condition> for Conditions {
    fn from(condition: Condition) -> Self {
        Self(vec![condition])
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, condition) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" and ")?;
            }
            condition.fmt(f)?;
        }
        Ok(())
    }
}

impl Serialize for Conditions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
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
        Condition::deserialize(StrDeserializer::new(text)).map(Conditions::from)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Conditions, A::Error> {
        Condition::deserialize(MapAccessDeserializer::new(map)).map(Conditions::from)
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
    fn schema_name() -> Cow<'static, str> {
        "Conditions".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let condition = generator.subschema_for::<Condition>();
        schemars::json_schema!({
            "description": "A condition, or a list of conditions that must all hold at once.",
            "oneOf": [
                condition,
                {"type": "array", "items": condition, "minItems": 1},
            ],
        })
    }
}
