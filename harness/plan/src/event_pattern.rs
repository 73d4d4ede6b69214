//! Events that are counted in a log.

use std::fmt;

use harness_simulation::CapacityType;
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::{Names, NotificationFilter};

/// Why Karpenter disrupts a node. Source: `pkg/apis/v1/nodepool.go` of karpenter v1.14.0, DisruptionReason.
const DISRUPTION_REASONS: [&str; 3] = ["Drifted", "Empty", "Underutilized"];

/// Why a Flux Kustomization is not ready. Source: `internal/controller/kustomization_controller.go` of kustomize-controller v1.9.5, the
/// reasons of Ready=False.
const KUSTOMIZATION_REASONS: [&str; 10] = [
    "AccessDenied",
    "ArtifactFailed",
    "BuildFailed",
    "DependencyNotReady",
    "DirectoryCreationFailed",
    "FeatureGateDisabled",
    "HealthCheckFailed",
    "InvalidCELExpression",
    "PruneFailed",
    "ReconciliationFailed",
];

/// That a reason is one that Karpenter has for a disruption.
pub(crate) fn disruption_reason(path: &[&str], reason: Option<&str>) -> Vec<Problem> {
    one_of(path, reason, &DISRUPTION_REASONS, |reason| format!("Karpenter disrupts no node for the reason `{reason}`"))
}

fn one_of(path: &[&str], word: Option<&str>, known: &[&str], message: impl Fn(&str) -> String) -> Vec<Problem> {
    let unknown = word.filter(|word| !known.contains(word));
    unknown.map(|word| Problem::unknown(path, message(word), word, known.iter().copied())).into_iter().collect()
}

/// A kind of event, narrowed by what is known of the object that it is about. Every given key must match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventPattern {
    /// The kind of event.
    pub what: OccurrenceKind,
    /// Only events of pods of this workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// Only events of NodeClaims, Nodes and VMs of this NodePool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodepool: Option<String>,
    /// Only events of NodeClaims, Nodes and VMs of this size, such as Standard_D4s_v3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// Only events of `spot` or `on-demand` NodeClaims, Nodes and VMs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_type: Option<String>,
    /// Only events of NodeClaims, Nodes and VMs in this zone, such as eastus-1 or 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Only with this code of Azure, or this reason of a controller or of Flux.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Only where the message contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_contains: Option<String>,
    /// Only the notifications that this filter lets pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub notification: Option<NotificationFilter>,
    /// Only events of the object of this name, such as the Kustomization node-config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}

impl EventPattern {
    /// Every event of a kind.
    pub fn any(what: OccurrenceKind) -> Self {
        Self {
            what,
            workload: None,
            nodepool: None,
            instance_type: None,
            capacity_type: None,
            zone: None,
            code: None,
            message_contains: None,
            notification: None,
            object: None,
        }
    }

    /// Words that no event of the kind has. Which pools, sizes and zones there are is not known here.
    pub(crate) fn problems(&self, names: &Names<'_>) -> Vec<Problem> {
        let mut found: Vec<Problem> =
            self.workload.iter().flat_map(|workload| names.workload(&["workload"], workload)).collect();
        let unknown = |word: &str| format!("there is no capacity type `{word}`");
        found.extend(one_of(&["capacityType"], self.capacity_type.as_deref(), CapacityType::VARIANTS, unknown));
        let code = self.code.as_deref();
        found.extend(match self.what.codes() {
            Codes::Open => Vec::new(),
            Codes::Disruption => disruption_reason(&["code"], code),
            Codes::Kustomization => {
                one_of(&["code"], code, &KUSTOMIZATION_REASONS, |code| format!("Flux has no reason `{code}` for this"))
            }
        });
        found
    }
}

/// Which codes the events of a kind can have.
enum Codes {
    /// Not known here.
    Open,
    /// The reasons for a disruption.
    Disruption,
    /// The reasons of Flux for a Kustomization that is not ready.
    Kustomization,
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what.as_str())?;
        let narrowed = [
            ("object", &self.object),
            ("workload", &self.workload),
            ("nodepool", &self.nodepool),
            ("instance type", &self.instance_type),
            ("capacity type", &self.capacity_type),
            ("zone", &self.zone),
            ("code", &self.code),
            ("message contains", &self.message_contains),
        ];
        let of_notification = self.notification.as_ref().map(NotificationFilter::narrowed).unwrap_or_default();
        let of_notification = of_notification.iter().map(|(key, value)| (*key, value));
        let mut front = " (";
        for (key, value) in of_notification.chain(narrowed) {
            if let Some(value) = value {
                write!(f, "{front}{key} {value}")?;
                front = ", ";
            }
        }
        if front == ", " { f.write_str(")") } else { Ok(()) }
    }
}

/// The kinds of events that are counted: milestones of objects, facts of the simulated Azure, reasons that controllers give.
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
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum OccurrenceKind {
    /// A NodeClaim is first seen.
    NodeclaimCreated,
    /// A NodeClaim's condition Launched is True.
    NodeclaimLaunched,
    /// A NodeClaim's condition Registered is True.
    NodeclaimRegistered,
    /// A NodeClaim's condition Initialized is True.
    NodeclaimInitialized,
    /// A NodeClaim's condition Drifted is True.
    NodeclaimDrifted,
    /// A NodeClaim is chosen for disruption (condition DisruptionReason).
    NodeclaimDisrupted,
    /// A NodeClaim has a deletion timestamp.
    NodeclaimDeleting,
    /// A NodeClaim is gone.
    NodeclaimDeleted,
    /// A Node turns Ready.
    NodeReady,
    /// A Node stops being Ready.
    NodeNotReady,
    /// A Node is gone.
    NodeDeleted,
    /// A pod is first seen.
    PodCreated,
    /// A pod finds no node for the first time.
    PodUnschedulable,
    /// A pod is bound.
    PodScheduled,
    /// A pod turns Ready.
    PodReady,
    /// A pod stops being Ready.
    PodNotReady,
    /// A pod has a deletion timestamp.
    PodDeleting,
    /// A pod is gone.
    PodDeleted,
    /// Azure accepts the creation of a VM.
    VmAccepted,
    /// A VM runs.
    VmBooted,
    /// The creation of a VM fails.
    VmFailed,
    /// A VM is gone.
    VmDeleted,
    /// A VM crashes.
    VmCrashed,
    /// A spot VM gets its eviction notice.
    SpotNotice,
    /// A spot VM is taken back.
    SpotEvicted,
    /// Resource Manager answers 429.
    CallThrottled,
    /// Resource Manager refuses a call because it is down.
    CallRefused,
    /// A fault of the simulated Azure starts.
    FaultBegan,
    /// A fault of the simulated Azure ends.
    FaultEnded,
    /// A controller gives a reason (a Kubernetes Event); `code` is the reason, `messageContains` a part of its message.
    Reason,
    /// Flux sends a notification to the run's webhook; `code` is its reason, `messageContains` a part of its message.
    Notified,
    /// A Flux source (GitRepository) cannot be fetched; `code` is the reason (GitOperationFailed, AuthenticationFailed).
    SourceFailed,
    /// A Flux Kustomization fails at a revision; `code` is the reason (BuildFailed, ReconciliationFailed, HealthCheckFailed, PruneFailed, ArtifactFailed).
    KustomizationFailed,
    /// A Flux Kustomization does not try a revision, since one that it depends on is not ready.
    KustomizationWaiting,
    /// A Flux Kustomization has applied a revision.
    RevisionApplied,
    /// A Flux Kustomization has applied a revision and its health checks have passed.
    RevisionHealthy,
}

impl OccurrenceKind {
    /// The name as scenarios and reports write it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    fn codes(self) -> Codes {
        match self {
            Self::NodeclaimCreated
            | Self::NodeclaimLaunched
            | Self::NodeclaimRegistered
            | Self::NodeclaimInitialized
            | Self::NodeclaimDrifted
            | Self::NodeclaimDisrupted
            | Self::NodeclaimDeleting
            | Self::NodeclaimDeleted => Codes::Disruption,
            Self::KustomizationFailed | Self::KustomizationWaiting => Codes::Kustomization,
            Self::NodeReady
            | Self::NodeNotReady
            | Self::NodeDeleted
            | Self::PodCreated
            | Self::PodUnschedulable
            | Self::PodScheduled
            | Self::PodReady
            | Self::PodNotReady
            | Self::PodDeleting
            | Self::PodDeleted
            | Self::VmAccepted
            | Self::VmBooted
            | Self::VmFailed
            | Self::VmDeleted
            | Self::VmCrashed
            | Self::SpotNotice
            | Self::SpotEvicted
            | Self::CallThrottled
            | Self::CallRefused
            | Self::FaultBegan
            | Self::FaultEnded
            | Self::Reason
            | Self::Notified
            | Self::SourceFailed
            | Self::RevisionApplied
            | Self::RevisionHealthy => Codes::Open,
        }
    }
}
