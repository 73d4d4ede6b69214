//! The scenario file: what its keys are and what their values mean. What a plan takes over as it stands is a type of `harness-plan`.
//!
//! The doc comments here are the descriptions in the JSON schema, so they speak to people who write scenarios. Enumerations are
//! externally tagged (`constant: {perSecond: 5}`), so that an error can point at the key.

mod file;
mod workload;

pub use file::{ApiVersion, FileKind, OtherClasses, ParameterSpec, ParameterText, PhaseSpec, ScenarioFile};
pub use workload::{Tolerations, WorkloadSpec};
