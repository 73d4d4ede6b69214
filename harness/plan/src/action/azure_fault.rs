//! Faults of the simulated Azure, as a run sets and clears them.

use harness_simulation::{Fault, FaultKind, FaultTerms};
use harness_yaml::{Beside, Problem, Tagged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Names;

/// A fault of the simulated Azure, which knows VMs and no workloads: the run finds out on which of them the pods are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Tagged<FaultKind, AzureFaultTerms>", into = "Tagged<FaultKind, AzureFaultTerms>")]
pub struct AzureFault {
    /// What the simulator is asked to do.
    pub fault: Fault,
    /// Only VMs with Ready pods of this workload.
    pub workload: Option<String>,
}

/// What stands beside the kind of a fault that a run sets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct AzureFaultTerms {
    #[serde(flatten)]
    terms: FaultTerms,
    /// Only for vmCrash, nodeCondition and spotEvict: of the VMs that match, those on whose nodes this workload has Ready pods when the fault is
    /// set (default: all that match).
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<String>,
}

impl Beside for AzureFaultTerms {
    const KEYS: &'static [&'static str] = &["id", "for", "count", "atLeast", "nth", "workload"];
}

impl From<Tagged<FaultKind, AzureFaultTerms>> for AzureFault {
    fn from(tagged: Tagged<FaultKind, AzureFaultTerms>) -> Self {
        let Tagged { variant: kind, beside: AzureFaultTerms { terms, workload } } = tagged;
        Self { fault: Fault { kind, terms }, workload }
    }
}

impl From<AzureFault> for Tagged<FaultKind, AzureFaultTerms> {
    fn from(asked: AzureFault) -> Self {
        let AzureFault { fault: Fault { kind, terms }, workload } = asked;
        Self { variant: kind, beside: AzureFaultTerms { terms, workload } }
    }
}

impl From<Fault> for AzureFault {
    fn from(fault: Fault) -> Self {
        Self { fault, workload: None }
    }
}

impl JsonSchema for AzureFault {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AimedAzureFault".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Tagged::<FaultKind, AzureFaultTerms>::json_schema(generator)
    }
}

impl AzureFault {
    pub(super) fn problems(&self, names: &Names<'_>) -> Vec<Problem> {
        let mut found = self.fault.problems();
        let Some(workload) = &self.workload else { return found };
        found.extend(names.workload(&["workload"], workload));
        if !self.fault.kind.is_instant() {
            let message = format!("a VM has no pods yet when `{}` decides over it", self.fault.kind.as_str());
            let hint = "name the pool: `only: {nodepool: ...}`; `workload` is for vmCrash, nodeCondition and spotEvict";
            found.push(Problem::new(&["workload"], message, hint));
        }
        found
    }
}

/// Which faults of the simulated Azure end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ClearAzureFaults {
    /// The fault of this name, which an earlier fault has as its `id` (default: every fault).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl ClearAzureFaults {
    pub(super) fn problems(&self, names: &Names<'_>) -> Vec<Problem> {
        self.id.as_ref().map(|id| names.fault(&["id"], id)).unwrap_or_default()
    }
}
