//! How long operations on the managed cluster and its agent pools take.

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Distribution;

/// How long operations on the managed cluster and its agent pools take. Meanwhile another one is refused, and nodes come and go.
///
/// The times of live AKS are minutes; these are estimates, since no published source measures them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct OperationTimes {
    /// Creation (default: lognormal, median 3m, p95 6m).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create: Option<Distribution>,
    /// Change of anything but the version (default: lognormal, median 1m30s, p95 3m).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update: Option<Distribution>,
    /// Upgrade to another version of Kubernetes, which shows at its end (default: lognormal, median 5m, p95 10m).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Distribution>,
    /// Deletion, and at least until the last VM is gone (default: lognormal, median 3m, p95 6m).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete: Option<Distribution>,
}

impl OperationTimes {
    /// Nothing takes any time.
    pub fn instant() -> Self {
        let none = Some(Distribution::ZERO);
        Self { create: none.clone(), update: none.clone(), upgrade: none.clone(), delete: none }
    }

    /// That of a creation.
    pub fn create(&self) -> Distribution {
        self.create.clone().unwrap_or_else(|| Distribution::lognormal_secs(180, 360))
    }

    /// That of a change.
    pub fn update(&self) -> Distribution {
        self.update.clone().unwrap_or_else(|| Distribution::lognormal_secs(90, 180))
    }

    /// That of an upgrade.
    pub fn upgrade(&self) -> Distribution {
        self.upgrade.clone().unwrap_or_else(|| Distribution::lognormal_secs(300, 600))
    }

    /// That of a deletion.
    pub fn delete(&self) -> Distribution {
        self.delete.clone().unwrap_or_else(|| Distribution::lognormal_secs(180, 360))
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        let Self { create, update, upgrade, delete } = self;
        let given = [("create", create), ("update", update), ("upgrade", upgrade), ("delete", delete)];
        let given = given.into_iter().filter_map(|(key, times)| Some((key, times.as_ref()?)));
        given.flat_map(|(key, times)| times.problems().into_iter().map(move |problem| problem.under(key))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_units::Span;
    use serde_json::json;

    /// The distributions in the order of the fields, by their keys.
    fn all(times: &OperationTimes) -> [(&'static str, Distribution); 4] {
        [
            ("create", times.create()),
            ("update", times.update()),
            ("upgrade", times.upgrade()),
            ("delete", times.delete()),
        ]
    }

    #[test]
    fn operations_take_minutes_where_nothing_is_given_and_as_the_schema_says() {
        let schema = schemars::schema_for!(OperationTimes);
        for (key, times) in all(&OperationTimes::default()) {
            let Distribution::Lognormal { median, p95 } = times else { panic!("{key} takes {times:?}") };
            assert!(median >= Span::from_secs(60) && p95 > median, "{key}: {median}, {p95}");
            let description = schema.as_value()["properties"][key]["description"].as_str().unwrap();
            let default = format!("(default: lognormal, median {median}, p95 {p95})");
            assert!(description.contains(&default), "{default} is not in {description:?}");
        }
        let nothing: OperationTimes = serde_json::from_value(json!({})).unwrap();
        assert_eq!(nothing, OperationTimes::default());
        assert_eq!(serde_json::to_value(nothing).unwrap(), json!({}), "a plan keeps what was given alone");
    }

    #[test]
    fn what_is_given_holds_for_that_operation_alone() {
        let defaults = all(&OperationTimes::default());
        for (given, _) in &defaults {
            let mut json = json!({});
            json[*given] = json!({"constant": "2s"});
            let times: OperationTimes = serde_json::from_value(json).unwrap();
            for ((key, time), (_, default)) in all(&times).into_iter().zip(defaults.clone()) {
                let two_seconds = Distribution::Constant(Span::from_secs(2));
                assert_eq!(time, if key == *given { two_seconds } else { default }, "{key} where {given} is given");
            }
        }
        let wrong: OperationTimes = serde_json::from_value(json!({"upgrade": {"samples": []}})).unwrap();
        let found: Vec<String> = wrong.problems().iter().map(|problem| problem.path.join(".")).collect();
        assert_eq!(found, ["upgrade.samples"]);
    }
}
