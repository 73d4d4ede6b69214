//! The scenario file: what its keys are and what their values mean.
//!
//! The doc comments here are the descriptions in the JSON schema, so they speak to people who write scenarios. Enumerations are
//! externally tagged (`constant: {perSecond: 5}`), so that an error can point at the key.

mod action;
mod azure;
mod expectation;
mod file;
mod scalar;
mod selection;
mod value;

pub use action::{ActionSpec, ArrivalSpec, Nothing, PhaseSpec, RateStep, ScaleSpec};
pub use azure::{AzureSpec, DistributionSpec, FaultSpec, ShareSpec, ThrottleSpec};
pub use expectation::{ExpectationSpec, FleetSpec, LatencySpec, LimitsSpec, PlacementPlace, PlacementSpec, VmCount};
pub use file::{ApiVersion, FileKind, OtherClasses, ParameterSpec, ParameterText, ScenarioFile, WorkloadSpec};
pub use scalar::{Factor, Rate, Scalar, ScalarType, Share};
pub use selection::Selection;
pub use value::{Setting, Value};
pub(crate) use value::{TYPE_KEY, reference};
