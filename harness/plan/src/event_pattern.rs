//! Events that are counted in a log.

use std::fmt;

use harness_simulation::{CapacityCode, CapacityType, QUOTA_CODE};
use harness_yaml::{Problem, suggest};
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

/// Reasons of the Events that explain what became of pods, nodes and trees. Sources: `pkg/scheduler`, `pkg/kubelet/events/event.go` and
/// `pkg/controller` (ReplicaSet, HorizontalPodAutoscaler, Node, taint eviction) of kubernetes v1.36.3; `pkg/events/reason.go` of karpenter v1.14.0;
/// `pkg/cloudprovider/events/events.go` of karpenter-provider-azure v1.14.0; `apis/meta` of fluxcd/pkg and `api` of source-controller v1.9.5.
const EVENT_REASONS: [&str; 88] = [
    "ArtifactUpToDate",
    "AsyncProvisioningError",
    "AuthenticationFailed",
    "AwaitingVolumeDetachment",
    "BackOff",
    "ConsolidationApproved",
    "ConsolidationCandidate",
    "ConsolidationRejected",
    "Created",
    "DeletingAllPods",
    "DisruptionBlocked",
    "DisruptionLaunching",
    "DisruptionTerminating",
    "DisruptionWaitingReadiness",
    "Disrupted",
    "ErrImageNeverPull",
    "Evicted",
    "ExceededGracePeriod",
    "Failed",
    "FailedAttachVolume",
    "FailedComputeMetricsReplicas",
    "FailedConsistencyCheck",
    "FailedCreate",
    "FailedCreatePodContainer",
    "FailedCreatePodSandBox",
    "FailedDelete",
    "FailedDraining",
    "FailedGetContainerResourceMetric",
    "FailedGetExternalMetric",
    "FailedGetObjectMetric",
    "FailedGetPodsMetric",
    "FailedGetResourceMetric",
    "FailedGetScale",
    "FailedKillPod",
    "FailedMount",
    "FailedRescale",
    "FailedScheduling",
    "FailedSync",
    "FailedTermination",
    "FailedUpdateStatus",
    "GitOperationFailed",
    "GitOperationSucceeded",
    "HealthCheckCanceled",
    "InspectFailed",
    "InsufficientCapacityError",
    "InvalidDiskCapacity",
    "InvalidDoNotDisruptAnnotation",
    "Killing",
    "NetworkNotReady",
    "NewArtifact",
    "NoCompatibleInstanceTypes",
    "NoPods",
    "NodeClassNotReady",
    "NodeClassResolutionError",
    "NodeControllerEviction",
    "NodeNotReady",
    "NodeNotSchedulable",
    "NodeReady",
    "NodeRepairBlocked",
    "NodeSchedulable",
    "Nominated",
    "Preempted",
    "Preempting",
    "Progressing",
    "ProgressingWithRetry",
    "Pulled",
    "Pulling",
    "ReadOperationFailed",
    "Rebooted",
    "ReconciliationSucceeded",
    "RegisteredNode",
    "RemovingNode",
    "ScalingReplicaSet",
    "Scheduled",
    "Shutdown",
    "Started",
    "Starting",
    "StorageOperationFailed",
    "SuccessfulCreate",
    "SuccessfulDelete",
    "SuccessfulRescale",
    "Suspended",
    "TaintManagerEviction",
    "TerminationGracePeriodExpiring",
    "Unconsolidatable",
    "Unhealthy",
    "UnregisteredTaintMissing",
    "WaitingOnNodeClaimTermination",
];

/// That a reason is one that Karpenter has for a disruption.
pub(crate) fn disruption_reason(path: &[&str], reason: Option<&str>) -> Vec<Problem> {
    one_of(path, reason, &DISRUPTION_REASONS, |reason| format!("Karpenter disrupts no node for the reason `{reason}`"))
}

fn one_of(path: &[&str], word: Option<&str>, known: &[&str], message: impl Fn(&str) -> String) -> Vec<Problem> {
    let unknown = word.filter(|word| !known.contains(word));
    unknown.map(|word| Problem::unknown(path, message(word), word, known.iter().copied())).into_iter().collect()
}

/// That a code is not almost one of those that are known: nothing would ever match it.
fn misspelt<'a>(code: Option<&str>, known: impl Iterator<Item = &'a str> + Clone, whose: &str) -> Vec<Problem> {
    let found = code.and_then(|code| Some((code, suggest::misspelt(code, known)?)));
    let problem = found.map(|(code, meant)| {
        let message = format!("`{code}` is not the code of {whose}");
        Problem::new(&["code"], message, format!("did you mean `{meant}`?"))
    });
    problem.into_iter().collect()
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
        found.extend(match self.what {
            OccurrenceKind::NodeclaimDisrupted
            | OccurrenceKind::NodeclaimDeleting
            | OccurrenceKind::NodeclaimDeleted => disruption_reason(&["code"], code),
            OccurrenceKind::KustomizationFailed | OccurrenceKind::KustomizationWaiting => {
                one_of(&["code"], code, &KUSTOMIZATION_REASONS, |code| format!("Flux has no reason `{code}` for this"))
            }
            // What a real Azure, or a controller that is not known here, says can be any word: only what is almost a known one is a mistake.
            OccurrenceKind::VmFailed => {
                let known =
                    CapacityCode::VARIANTS.iter().copied().chain([QUOTA_CODE]).chain(names.codes.iter().copied());
                misspelt(code, known, "a creation that fails")
            }
            OccurrenceKind::Reason => {
                misspelt(code, EVENT_REASONS.into_iter().chain(KUSTOMIZATION_REASONS), "an Event")
            }
            _ => Vec::new(),
        });
        found.extend(self.unknown_keys());
        found
    }

    /// Keys that match no event of the kind: with one of them nothing is counted, ever.
    fn unknown_keys(&self) -> Vec<Problem> {
        let given = [
            ("object", self.object.is_some()),
            ("workload", self.workload.is_some()),
            ("nodepool", self.nodepool.is_some()),
            ("instanceType", self.instance_type.is_some()),
            ("capacityType", self.capacity_type.is_some()),
            ("zone", self.zone.is_some()),
            ("code", self.code.is_some()),
            ("messageContains", self.message_contains.is_some()),
        ];
        let known = self.what.keys();
        let unknown = given.into_iter().filter(|(key, is_given)| *is_given && !known.contains(key));
        let hint = match known {
            [] => "leave it out".to_owned(),
            known => format!("leave it out, or use {}", known.join(", ")),
        };
        unknown.map(|(key, _)| Problem::of_key(&[key], format!("no {} has `{key}`", self.what), hint.clone())).collect()
    }
}

/// What is known of the VM under a NodeClaim or Node, and of the VM itself.
const OF_A_VM: &[&str] = &["object", "nodepool", "instanceType", "capacityType", "zone"];

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
    /// A VM that runs, or is on its way, has another price.
    VmPriceChanged,
    /// Azure's price list is read to its end: the NAP controller does so when it starts.
    PricesRead,
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

    /// The keys of an [`EventPattern`] that its events can match.
    fn keys(self) -> &'static [&'static str] {
        match self {
            // Its size, capacity type and zone are known once it is launched.
            Self::NodeclaimCreated => &["object", "nodepool"],
            Self::NodeclaimDisrupted | Self::NodeclaimDeleting | Self::NodeclaimDeleted => {
                &["object", "nodepool", "instanceType", "capacityType", "zone", "code"]
            }
            Self::NodeclaimLaunched
            | Self::NodeclaimRegistered
            | Self::NodeclaimInitialized
            | Self::NodeclaimDrifted
            | Self::NodeReady
            | Self::NodeNotReady
            | Self::NodeDeleted
            | Self::VmAccepted
            | Self::VmBooted
            | Self::VmDeleted
            | Self::VmCrashed
            | Self::SpotNotice
            | Self::SpotEvicted
            | Self::VmPriceChanged => OF_A_VM,
            Self::VmFailed => {
                &["object", "nodepool", "instanceType", "capacityType", "zone", "code", "messageContains"]
            }
            Self::PodCreated
            | Self::PodUnschedulable
            | Self::PodScheduled
            | Self::PodReady
            | Self::PodNotReady
            | Self::PodDeleting
            | Self::PodDeleted => &["object", "workload"],
            Self::CallRefused | Self::PricesRead => &[],
            // The operation that was throttled; the kind and name of the fault.
            Self::CallThrottled | Self::FaultBegan | Self::FaultEnded => &["messageContains"],
            Self::Reason => {
                &["object", "workload", "nodepool", "instanceType", "capacityType", "zone", "code", "messageContains"]
            }
            Self::Notified | Self::SourceFailed | Self::KustomizationFailed | Self::KustomizationWaiting => {
                &["object", "code", "messageContains"]
            }
            // The message is the revision.
            Self::RevisionApplied | Self::RevisionHealthy => &["object", "messageContains"],
        }
    }
}
