//! The plan: a scenario with everything decided, as data.
//!
//! A plan holds no expression, no default and no chance: what it says is what is done. It is written to `plan.json` in the
//! run's folder, printed by `harness plan`, and is the same byte for byte for the same scenario, parameters, node
//! configuration and seed.

mod action;
mod arrival;
mod bounds;
mod capability;
mod check;
mod containers;
mod defaults;
mod document;
mod event_pattern;
mod field;
mod field_path;
mod gitops;
mod latency;
mod names;
mod node_config;
mod notification;
mod one_or_many;
mod phase;
mod placing;
mod read;
mod reference;
mod selection;
mod tree_edit;
mod v1;
mod workload;

pub use action::*;
pub use arrival::{Arrival, RateStep};
pub use bounds::Bounds;
pub use capability::Capability;
pub use check::*;
pub use containers::Containers;
pub use document::{Group, PLAN_VERSION, Plan, Profile, Published};
pub use event_pattern::{EventPattern, OccurrenceKind};
pub use field::{Field, Matcher, NamedObject, ObjectAddress};
pub use field_path::{FieldPath, PathStep};
pub use gitops::{Gitops, Layer, LayerKind, Trigger};
pub use harness_catalogue::Component;
pub use latency::{GroupBy, LatencyName};
pub use names::{Names, named_once};
pub use node_config::{Limits, NodeClass, NodeConfig};
pub use notification::{NotificationFilter, Receiver, Severity};
pub use phase::{Condition, Conditions, HappenedSoFar, NodeCount, NotifiedSoFar, Phase, ReadyPods};
pub use placing::{Affinity, AffinityKind, Spread, SpreadList, Topology};
pub use read::PlanError;
pub use reference::{Reference, Referent};
pub use selection::Selection;
pub use tree_edit::{ObjectRef, TreeEdit};
pub use workload::{Autoscale, AutoscaleOn, DisruptionBudget, NamespaceQuota, Toleration, Workload};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use harness_simulation::{CapacityCode, CapacityType, ConditionStatus, FaultKind, Leg};
    use schemars::JsonSchema;
    use serde_json::Value;
    use strum::VariantNames;

    use super::*;

    /// The names by which serde reads the variants of a type, as its schema gives them.
    fn names_in_schema<T: JsonSchema>() -> BTreeSet<String> {
        fn collect(schema: &Value, names: &mut BTreeSet<String>) {
            let list = |key: &str| schema[key].as_array().into_iter().flatten();
            list("oneOf").for_each(|variant| collect(variant, names));
            let written = list("enum").chain(list("required")).chain(std::iter::once(&schema["const"]));
            names.extend(written.filter_map(Value::as_str).map(str::to_owned));
        }
        let mut names = BTreeSet::new();
        collect(schemars::schema_for!(T).as_value(), &mut names);
        names
    }

    /// serde and strum have an attribute each for the spelling of variants.
    #[test]
    fn variants_have_the_same_names_in_files_and_in_messages() {
        fn check<T: JsonSchema + VariantNames>(outside_of_schema: &[&str]) {
            let mut names = names_in_schema::<T>();
            names.extend(outside_of_schema.iter().map(|&name| name.to_owned()));
            let expected: BTreeSet<String> = T::VARIANTS.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(names, expected, "{}", T::schema_name());
        }
        check::<Action>(&[]);
        check::<Capability>(&[]);
        check::<CapacityCode>(&[]);
        check::<CapacityType>(&[]);
        check::<Check>(&["phase"]);
        check::<Condition>(&[]);
        check::<ConditionStatus>(&[]);
        check::<FaultKind>(&[]);
        check::<Group>(&[]);
        check::<GroupBy>(&[]);
        check::<LatencyName>(&[]);
        check::<Leg>(&[]);
        check::<NodeProperty>(&[]);
        check::<OccurrenceKind>(&[]);
        check::<Profile>(&[]);
        check::<Severity>(&[]);
    }
}
