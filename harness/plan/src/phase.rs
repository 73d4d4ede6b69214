//! Phases and the conditions that end them.

use std::borrow::Cow;
use std::fmt;

use harness_units::Span;
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::check::{Facts, NotificationPattern, PhaseReached};
use crate::one_or_many;
use crate::{Bounds, EventPattern, Field, OccurrenceKind, PlannedAction, Selection};

/// One step of a run: its actions are sent at their times, then its conditions are awaited or its time is held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// Whether the deadline may pass: the phase is then watched for that long at most, and nobody expects its conditions.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deadline_may_pass: bool,
}

fn is_false(value: &bool) -> bool {
    !value
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
    /// Something has happened this often since the phase started, or an earlier one.
    Happened(HappenedSoFar),
    /// This many NodeClaims are not being deleted.
    Nodes(NodeCount),
    /// This many pods of a workload are Ready.
    ReadyPods(ReadyPods),
    /// The field of an object has the value that it must have.
    Field(Field),
    /// Flux has sent this many notifications since the phase started, or an earlier one.
    Notified(NotifiedSoFar),
    /// Flux has applied the newest revision that the run has pushed, and its health checks have passed: the root Kustomization, by that
    /// very revision.
    InForce,
    /// At least one of these conditions holds.
    Any(Vec<Condition>),
}

/// Events since the start of a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HappenedSoFar {
    /// What is counted.
    #[serde(flatten)]
    pub pattern: EventPattern,
    /// Minimum number (default: 1).
    #[serde(default = "crate::defaults::one")]
    pub at_least: u32,
    /// Since the start of this earlier phase (default: of the phase that waits).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// Notifications since the start of a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotifiedSoFar {
    /// Which notifications are counted.
    #[serde(flatten)]
    pub notification: NotificationPattern,
    /// Minimum number (default: 1).
    #[serde(default = "crate::defaults::one")]
    pub at_least: u32,
    /// Since the start of this earlier phase (default: of the phase that waits).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
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

    /// The conditions that it is made of: itself, or those of which any must hold.
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Any(alternatives) => alternatives.iter().flat_map(Self::parts).collect(),
            one => vec![one],
        }
    }

    /// The events that it counts, and how many of them it waits for.
    pub fn counts(&self) -> Option<(Cow<'_, EventPattern>, u32)> {
        match self {
            Self::Happened(happened) => Some((Cow::Borrowed(&happened.pattern), happened.at_least)),
            Self::Notified(notified) => Some((Cow::Owned(notified.notification.pattern()), notified.at_least)),
            _ => None,
        }
    }

    /// The earlier phase from whose start it counts.
    pub fn since(&self) -> Option<&str> {
        match self {
            Self::Happened(happened) => happened.since.as_deref(),
            Self::Notified(notified) => notified.since.as_deref(),
            _ => None,
        }
    }

    /// Whether it, without its parts, can wait for nodes to be removed because they have nothing to do.
    pub fn awaits_fewer_nodes(&self) -> bool {
        match self {
            Self::NoNodes => true,
            Self::Nodes(nodes) => nodes.bounds.at_most.is_some(),
            Self::Happened(happened) => happened.pattern.what == OccurrenceKind::VmDeleted,
            _ => false,
        }
    }

    /// What the types cannot rule out, with paths from the condition.
    pub fn problems(&self, facts: &Facts<'_>) -> Vec<Problem> {
        let names = &facts.names;
        let since =
            |since: &Option<String>| since.iter().flat_map(|phase| names.phase(&["since"], phase)).collect::<Vec<_>>();
        let found: Vec<Problem> = match self {
            Self::Nodes(nodes) => bounded(nodes.bounds),
            Self::ReadyPods(pods) => pods.problems(facts),
            Self::Happened(HappenedSoFar { pattern, since: from, at_least }) => {
                facts.pattern(pattern).into_iter().chain(since(from)).chain(at_least_once(*at_least)).collect()
            }
            Self::Notified(NotifiedSoFar { since: from, at_least, .. }) => {
                since(from).into_iter().chain(at_least_once(*at_least)).collect()
            }
            Self::Any(alternatives) if alternatives.len() < 2 => {
                vec![Problem::new(&[], "`any` has no alternatives to choose from", "give at least two conditions")]
            }
            Self::Any(alternatives) => numbered(alternatives, facts),
            Self::Settled(span) if *span == Span::ZERO => {
                vec![Problem::new(&[], "`settled` must be longer than 0s", "give a duration above 0s")]
            }
            Self::Field(field) => {
                let unknown = names.object(&["object"], &field.object);
                unknown.into_iter().chain(field.problems()).collect()
            }
            Self::AllPodsReady if !facts.awaits_pods() => {
                let message = "this condition always holds: there are never pods that phases wait for";
                vec![Problem::new(&[], message, "scale workloads up in a phase, or wait for something else")]
            }
            Self::AllPodsReady
            | Self::NoPods
            | Self::NoNodes
            | Self::AllNodesReplaced
            | Self::Settled(_)
            | Self::InForce => Vec::new(),
        };
        found.into_iter().map(|problem| problem.under(self.as_str())).collect()
    }
}

const ALWAYS: &str = "this condition always holds";

/// Bounds that are none, hold always or never.
fn bounded(bounds: Bounds) -> Vec<Problem> {
    match bounds.is_open() {
        true => vec![Problem::new(&[], ALWAYS, "give `atLeast`, `atMost` or both")],
        false => bounds.problems(ALWAYS),
    }
}

/// A wait for nothing.
fn at_least_once(at_least: u32) -> Option<Problem> {
    (at_least == 0).then(|| Problem::new(&["atLeast"], ALWAYS, "give at least 1, which is the default"))
}

impl ReadyPods {
    fn problems(&self, facts: &Facts<'_>) -> Vec<Problem> {
        let Self { workload, bounds } = self;
        let mut found = facts.names.workload(&["workload"], workload);
        if facts.pending.contains(workload.as_str()) {
            let hint = "wait for something else, such as the reason: `happened: {what: reason, ...}`";
            found.push(Problem::new(&["workload"], format!("the pods of `{workload}` stay pending"), hint));
            return found;
        }
        found.extend(facts.without_pods(&["workload"], workload));
        found.extend(bounded(*bounds));
        if found.is_empty() {
            let selection = Selection::one(workload);
            let least = bounds.at_least.unwrap_or(0);
            found.extend(facts.never_so_many(&["atLeast"], &selection, least));
            if least == 0 {
                let more = bounds.at_most.and_then(|most| facts.never_more(&["atMost"], &selection, most));
                found.extend(more.map(|problem| Problem { message: ALWAYS.to_owned(), ..problem }));
            }
        }
        found
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllPodsReady | Self::NoPods | Self::NoNodes | Self::AllNodesReplaced | Self::InForce => {
                f.write_str(self.as_str())
            }
            Self::Settled(span) => write!(f, "settled for {span}"),
            Self::Happened(HappenedSoFar { pattern, at_least, since }) => {
                write!(f, "at least {at_least} x {pattern}{}", counted_from(since.as_deref()))
            }
            Self::Notified(NotifiedSoFar { notification, at_least, since }) => {
                write!(f, "at least {at_least} x {}{}", notification.pattern(), counted_from(since.as_deref()))
            }
            Self::Nodes(nodes) => {
                f.write_str(&nodes.bounds.describe("node"))?;
                nodes.nodepool.as_ref().map_or(Ok(()), |pool| write!(f, " of {pool}"))
            }
            Self::ReadyPods(pods) => write!(f, "{} of {}", pods.bounds.describe("Ready pod"), pods.workload),
            Self::Field(field) => field.fmt(f),
            Self::Any(alternatives) => {
                let alternatives: Vec<String> = alternatives.iter().map(ToString::to_string).collect();
                write!(f, "({})", alternatives.join(" or "))
            }
        }
    }
}

fn counted_from(since: Option<&str>) -> String {
    since.map_or(String::new(), |phase| format!(" since {phase}"))
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
    pub fn problems(&self, facts: &Facts<'_>) -> Vec<Problem> {
        match self.0.as_slice() {
            [one] => one.problems(facts),
            several => numbered(several, facts),
        }
    }

    /// The name of the expectation that a phase reaches them in time.
    pub fn expected_as(&self, phase: &PhaseReached, within: Span) -> String {
        format!("{phase} reaches {self} within {within}")
    }
}

/// The problems of several conditions, each under its index.
fn numbered(conditions: &[Condition], facts: &Facts<'_>) -> Vec<Problem> {
    let of = |(index, condition): (usize, &Condition)| {
        let problems = condition.problems(facts).into_iter();
        problems.map(move |problem| problem.under(index.to_string())).collect::<Vec<_>>()
    };
    conditions.iter().enumerate().flat_map(of).collect()
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
        one_or_many::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Conditions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_or_many::deserialize(deserializer, "a condition or a list of conditions").map(Self)
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
