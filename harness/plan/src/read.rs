//! Plans from JSON, those of earlier versions too.

use serde::Deserialize;

use crate::{PLAN_VERSION, Plan, v1};

impl Plan {
    /// Reads a plan of this version or of an earlier one.
    ///
    /// # Errors
    /// What is wrong with the text, or that its version is a later one.
    pub fn from_json(json: &[u8]) -> Result<Self, PlanError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = serde_json::from_slice(json)?;
        match version {
            PLAN_VERSION => Ok(serde_json::from_slice(json)?),
            1 => Ok(serde_json::from_value(v1::upgrade(serde_json::from_slice(json)?))?),
            version => Err(PlanError::Version(version)),
        }
    }
}

/// Why a plan cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The text is not a plan.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A later harness has written it.
    #[error("it has version {0}, this harness reads versions 1 to {PLAN_VERSION}")]
    Version(u32),
}
