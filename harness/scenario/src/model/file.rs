//! The top of the file: its head, its parameters and its phases.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::WorkloadSpec;
use harness_plan::{
    Action, Capability, Conditions, Gitops, Group, LabelledCheck, NamespaceQuota, Nothing, ObjectAddress, Profile,
    Published, TimedAction, TreeEdit,
};
use harness_simulation::{Behaviour, Fault};
use harness_units::Span;
use harness_yaml::Located;

/// A scenario: one question, how it is put to a cluster, and what must hold.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Scenario of the harness", rename = "Scenario")]
pub struct ScenarioFile {
    /// The version of this format.
    pub api_version: ApiVersion,
    /// What this file is.
    pub kind: FileKind,
    /// The scenario's name: lower-case letters, digits and hyphens. `harness run NAME` finds a built-in scenario by it.
    #[schemars(regex(pattern = r"^[a-z]([-a-z0-9]{0,40}[a-z0-9])?$"))]
    pub name: Located<String>,
    /// The question that the scenario answers, in one sentence; the first line of every report.
    #[schemars(length(min = 1))]
    pub question: Located<String>,
    /// What it is about; `harness list` sorts by it (default: scaling).
    #[serde(default = "scaling")]
    pub group: Group,
    /// What the target must offer. A target that lacks one of them makes the run inconclusive.
    #[serde(default)]
    pub needs: Vec<Located<Capability>>,
    /// Named values, referred to as `$name` wherever a number with or without a unit is expected: a count, duration, share, percentage,
    /// factor, rate, or a quantity of CPU or memory. The type is that of the place of use. Names, texts, manifests, patches and the values
    /// of fields take none.
    #[serde(default)]
    pub parameters: BTreeMap<String, ParameterSpec>,
    /// The node configuration that is applied first, unless `--node-config` names another (default: node-config, the example tree).
    #[serde(default = "example_tree")]
    pub node_config: Located<String>,
    /// What is changed in the tree before it is applied, whichever tree it is: this is how a scenario sets up budgets or a pool of its own.
    #[serde(default)]
    pub amend: Vec<TreeEdit>,
    /// How the run uses Git and Flux.
    #[serde(default)]
    pub gitops: Option<Gitops>,
    /// What the pods of the run may request together: a ResourceQuota of their namespace.
    #[serde(default)]
    pub namespace_quota: Option<NamespaceQuota>,
    /// How the simulated Azure behaves. Targets with a real Azure ignore it, and the report says so.
    #[serde(default)]
    pub azure: Behaviour,
    /// Have the run listen for notifications: `webhook: {}`. In the tree and in commits, `{webhook}` becomes its address
    /// (`http://127.0.0.1:PORT`) when they are pushed; give each Provider a path of its own, `"{webhook}/errors"`.
    #[serde(default)]
    pub webhook: Option<Nothing>,
    /// Deployments of identical pods, each for one node class. On a tree without a class of that name the workload is left
    /// out, and `otherClasses` decides what is run there.
    #[serde(default)]
    pub workloads: BTreeMap<String, WorkloadSpec>,
    /// Objects of the cluster that are looked at, by a name of this scenario: what `field`, `changes` and `change` are about.
    #[serde(default)]
    pub objects: BTreeMap<String, ObjectAddress>,
    /// What to do with the NodePools that no workload names (default: derived). This is what lets a scenario run on any tree.
    #[serde(default)]
    pub other_classes: OtherClasses,
    /// What is done, in order. A phase starts when the one before it has ended.
    #[schemars(length(min = 1))]
    pub phases: Vec<PhaseSpec>,
    /// What must hold in the end. That each phase with `until` reaches its condition in time is expected without being said.
    #[serde(default)]
    pub expect: Vec<Located<LabelledCheck>>,
    /// Figures that others have published for the same thing; reports show them beside those of the run.
    #[serde(default)]
    pub published: Vec<Published>,
}

impl ScenarioFile {
    /// Every action of the phases, in their order.
    pub(crate) fn actions(&self) -> impl Iterator<Item = &Located<TimedAction>> {
        self.phases.iter().flat_map(|phase| &phase.actions)
    }

    /// Every fault of Azure: those from the start, and those that the phases set.
    pub(crate) fn faults(&self) -> impl Iterator<Item = &Fault> {
        let set = self.actions().filter_map(|action| match &action.variant {
            Action::AzureFault(asked) => Some(&asked.fault),
            _ => None,
        });
        self.azure.faults.iter().chain(set)
    }

    /// The scenario as it is in a profile: without the phases of others, and without what is expected of those.
    pub(crate) fn in_profile(&self, profile: Profile) -> Self {
        let mut model = self.clone();
        model.phases.retain(|phase| phase.profiles.is_empty() || phase.profiles.contains(&profile));
        let left_out = |name: &str| {
            self.phases.iter().any(|phase| phase.name.value == name)
                && !model.phases.iter().any(|phase| phase.name.value == name)
        };
        model.expect.retain(|expectation| !expectation.variant.scope().all_phases().any(left_out));
        model
    }
}

fn scaling() -> Group {
    Group::Scaling
}

fn example_tree() -> Located<String> {
    Located::new("node-config".to_owned(), harness_yaml::Mark::default())
}

/// The version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The first.
    #[serde(rename = "harness/v1")]
    V1,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum FileKind {
    /// A scenario.
    Scenario,
}

/// A parameter: its value in each profile. Its type is that of the places where `$name` stands.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParameterSpec {
    /// The value where the profile has none of its own.
    pub default: Located<ParameterText>,
    /// The value in `--profile smoke`.
    #[serde(default)]
    pub smoke: Option<Located<ParameterText>>,
    /// The value in `--profile full`.
    #[serde(default)]
    pub full: Option<Located<ParameterText>>,
    /// What it means, for `harness list`.
    #[serde(default)]
    pub description: Option<String>,
}

/// A parameter's value as it was written; which type it must have depends on where the parameter is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterText(pub String);

impl<'de> Deserialize<'de> for ParameterText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalars;
        impl serde::de::Visitor<'_> for Scalars {
            type Value = ParameterText;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number or a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<ParameterText, E> {
                Ok(ParameterText(text.to_owned()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<ParameterText, E> {
                Ok(ParameterText(value.to_string()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<ParameterText, E> {
                Ok(ParameterText(value.to_string()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<ParameterText, E> {
                Ok(ParameterText(value.to_string()))
            }
        }
        deserializer.deserialize_any(Scalars)
    }
}

impl JsonSchema for ParameterText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ParameterText".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["string", "number"]})
    }
}

/// What to do with NodePools that no workload names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OtherClasses {
    /// Derive a workload for each: node selector and tolerations so that its pods fit this pool and no other, and a request of about
    /// a seventh of a middle-sized node of the pool, so that several pods share a node.
    #[default]
    Derived,
    /// Leave them alone.
    Ignored,
}

/// One step: its actions are sent, then its condition is awaited (`until` and `within`) or its time is held (`for`).
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PhaseSpec {
    /// Unique in the scenario: lower-case letters, digits and hyphens.
    #[schemars(regex(pattern = r"^[a-z]([-a-z0-9]{0,40}[a-z0-9])?$"))]
    pub name: Located<String>,
    /// Only in these profiles (default: in every one). Expectations that name a phase are left out with it.
    #[serde(default)]
    pub profiles: Vec<Profile>,
    /// What is done, each `after` its time from the start of the phase.
    #[serde(default, rename = "do")]
    pub actions: Vec<Located<TimedAction>>,
    /// The condition that ends the phase, or a list of them that must all hold at once. It needs `within`.
    #[serde(default)]
    pub until: Option<Located<Conditions>>,
    /// The deadline of `until`, from the start of the phase. There is no default: a wait without a limit is not a test.
    #[serde(default)]
    pub within: Option<Located<Span>>,
    /// How long the phase lasts, where it has no condition.
    #[serde(default, rename = "for")]
    pub hold: Option<Located<Span>>,
    /// The deadline may pass: the phase waits for its condition for that long at most, and that it is reached is not expected (default:
    /// false).
    #[serde(default)]
    pub deadline_may_pass: bool,
}
