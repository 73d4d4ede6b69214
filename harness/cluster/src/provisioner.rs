//! The provisioner of a target.

use std::collections::BTreeSet;

use harness_azure::control::Client as AzureClient;
use harness_plan::Capability;

/// What makes the nodes of a target.
#[derive(Clone, Debug)]
pub enum Provisioner {
    /// NAP, on an Azure that is simulated.
    SimulatedAzure(AzureClient),
    /// The cluster has NAP, on a cloud that the harness does not control.
    Existing,
    /// Nobody.
    Absent,
}

impl Provisioner {
    /// The controls of the simulated Azure.
    pub fn azure(&self) -> Option<&AzureClient> {
        match self {
            Self::SimulatedAzure(azure) => Some(azure),
            Self::Existing | Self::Absent => None,
        }
    }

    pub(crate) fn capabilities(&self) -> BTreeSet<Capability> {
        match self {
            Self::SimulatedAzure(_) => [Capability::NodeAutoProvisioning, Capability::SimulatedAzure].into(),
            Self::Existing => [Capability::NodeAutoProvisioning].into(),
            Self::Absent => BTreeSet::new(),
        }
    }
}
