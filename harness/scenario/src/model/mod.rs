//! The scenario file: what its keys are and what their values mean.
//!
//! The doc comments here are the descriptions in the JSON schema, so they speak to people who write scenarios. Enumerations are
//! externally tagged (`constant: {perSecond: 5}`), so that an error can point at the key.

mod expectation;
mod expected;
mod file;
mod flux_checks;
mod gitops;
mod happened;
mod notification;
mod object;
mod phase;
mod selection;
mod value;
mod workload;

pub use expectation::{
    AppliedInOrderSpec, AtOnceSpec, AvailableSpec, DuringSpec, ExpectationSpec, FleetSpec, InPhasesSpec, KeptSpec,
    LatencySpec, LimitsSpec, PendingSpec, PlacementPlace, PlacementSpec, PriceSpec, ReplacedSpec, SavingsSpec, VmCount,
};
pub use expected::Expected;
pub use file::{
    ApiVersion, FileKind, NamespaceQuotaSpec, OtherClasses, ParameterSpec, ParameterText, PublishedSpec, ScenarioFile,
};
pub use flux_checks::{OrderSpec, UsageSpec};
pub use gitops::GitopsSpec;
pub use happened::{Conditions, HappenedSpec, NodesSpec, ReadyPodsSpec, UntilSpec};
pub use notification::NotifiedSpec;
pub use object::{ChangesSpec, FieldSpec};
pub use phase::PhaseSpec;
pub use selection::Selection;
pub use value::Setting;
pub(crate) use value::reference;
pub use workload::{AutoscaleOnSpec, AutoscaleSpec, DisruptionBudgetSpec, Tolerations, WorkloadSpec};
