//! What a scenario may need and a target may offer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that a scenario needs from its target.
///
/// A target that lacks it makes the run *inconclusive* ("not run: needs X"), never a pass.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Capability {
    /// NodePools and NodeClaims are served and a controller acts on them.
    NodeAutoProvisioning,
    /// Flux source and kustomize controllers apply a Git repository that the harness can push to.
    Gitops,
    /// The cloud behind the cluster is the simulated Azure: behaviour can be set and faults injected.
    SimulatedAzure,
    /// The target's own processes can be killed and started again.
    ComponentControl,
    /// The metrics that the HPA reads can be set.
    MetricsApi,
    /// Flux's notification controller sends notifications and takes the calls of Git hosts.
    FluxNotification,
    /// Flux's image controllers choose tags by a policy and commit them.
    ImageAutomation,
    /// There is an image registry to which the harness can push.
    ImageRegistry,
}

impl Capability {
    /// The name as written in a scenario's `needs`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
