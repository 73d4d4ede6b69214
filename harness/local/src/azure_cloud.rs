//! The cloud in which the NAP controller believes that it runs.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantNames};

use super::error::LocalError;

/// The variable that chooses it for new local clusters.
const VARIABLE: &str = "HARNESS_AZURE_CLOUD";

/// A cloud's name. The simulated Azure is behind both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum AzureCloud {
    /// Azure's public cloud, as on AKS: the controller reads the public price list, and decides by the prices of spot VMs too.
    #[default]
    Public,
    /// A cloud of its own. The controller reads no price list there: it has the prices of its built-in table, and takes the on-demand price for
    /// spot VMs (`pkg/providers/pricing/pricing.go` of the provider).
    Custom,
}

impl AzureCloud {
    /// The one that `HARNESS_AZURE_CLOUD` names; the public cloud where it is not set.
    ///
    /// # Errors
    /// [`LocalError::Cloud`] where it names none.
    pub fn from_env() -> Result<Self, LocalError> {
        let Ok(given) = std::env::var(VARIABLE) else { return Ok(Self::default()) };
        given.parse().map_err(|_| LocalError::Cloud { given, clouds: Self::VARIANTS.join(" or ") })
    }

    /// That of clusters which were started before there was a choice.
    pub(crate) fn of_before() -> Self {
        Self::Custom
    }
}
