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
