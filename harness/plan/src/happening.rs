//! What can be counted in a log.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::NotificationFilter;

/// Something that happens, narrowed by what is known of the object that it happens to. Every given key must match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Happening {
    /// What happens.
    pub what: What,
    /// Of pods: their workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// Of NodeClaims, Nodes and VMs: their NodePool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodepool: Option<String>,
    /// Of NodeClaims, Nodes and VMs: their size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// Of NodeClaims, Nodes and VMs: `spot` or `on-demand`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_type: Option<String>,
    /// Of NodeClaims, Nodes and VMs: the zone, `eastus-1` or its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Of failed creations: Azure's code. Of disrupted NodeClaims, of reasons and of what Flux failed at: the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Of reasons and failed creations, and of what Flux failed at: a part of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// Of notifications: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification: Option<NotificationFilter>,
    /// The name of the object that it happens to, such as that of a Kustomization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}

impl Happening {
    /// Something, whatever it happens to.
    pub fn any(what: What) -> Self {
        Self {
            what,
            workload: None,
            nodepool: None,
            instance_type: None,
            capacity_type: None,
            zone: None,
            code: None,
            says: None,
            notification: None,
            object: None,
        }
    }
}

impl fmt::Display for Happening {
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
            ("says", &self.says),
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

macro_rules! whats {
    ($($variant:ident $name:literal $doc:literal),* $(,)?) => {
        /// The kinds of happenings: milestones of objects, facts of the simulated Azure, reasons that controllers give.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum What {
            $(#[doc = $doc] $variant,)*
        }

        impl What {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name as scenarios and reports write it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

whats! {
    NodeclaimCreated "nodeclaim-created" "A NodeClaim is first seen.",
    NodeclaimLaunched "nodeclaim-launched" "A NodeClaim's condition Launched is True.",
    NodeclaimRegistered "nodeclaim-registered" "A NodeClaim's condition Registered is True.",
    NodeclaimInitialized "nodeclaim-initialized" "A NodeClaim's condition Initialized is True.",
    NodeclaimDrifted "nodeclaim-drifted" "A NodeClaim's condition Drifted is True.",
    NodeclaimDisrupted "nodeclaim-disrupted" "A NodeClaim is chosen for disruption (condition DisruptionReason).",
    NodeclaimDeleting "nodeclaim-deleting" "A NodeClaim has a deletion timestamp.",
    NodeclaimDeleted "nodeclaim-deleted" "A NodeClaim is gone.",
    NodeReady "node-ready" "A Node turns Ready.",
    NodeNotReady "node-not-ready" "A Node is not Ready any more.",
    NodeDeleted "node-deleted" "A Node is gone.",
    PodCreated "pod-created" "A pod is first seen.",
    PodUnschedulable "pod-unschedulable" "A pod finds no node for the first time.",
    PodScheduled "pod-scheduled" "A pod is bound.",
    PodReady "pod-ready" "A pod turns Ready.",
    PodNotReady "pod-not-ready" "A pod is not Ready any more.",
    PodDeleting "pod-deleting" "A pod has a deletion timestamp.",
    PodDeleted "pod-deleted" "A pod is gone.",
    VmAccepted "vm-accepted" "Azure accepts the creation of a VM.",
    VmBooted "vm-booted" "A VM runs.",
    VmFailed "vm-failed" "The creation of a VM fails.",
    VmDeleted "vm-deleted" "A VM is gone.",
    VmCrashed "vm-crashed" "A VM crashes.",
    SpotNotice "spot-notice" "A spot VM is told that it will go.",
    SpotEvicted "spot-evicted" "A spot VM is taken back.",
    CallThrottled "call-throttled" "Resource Manager answers 429.",
    CallRefused "call-refused" "Resource Manager refuses a call because it is down.",
    FaultBegan "fault-began" "A fault of the simulated Azure begins.",
    FaultEnded "fault-ended" "A fault of the simulated Azure ends.",
    Reason "reason" "A controller gives a reason (a Kubernetes Event); `code` is the reason, `says` a part of its message.",
    Notified "notified" "Flux sends a notification to the run's webhook; `code` is its reason, `says` a part of its message.",
    SourceFailed "source-failed" "A Flux source (GitRepository) cannot be fetched; `code` is the reason (GitOperationFailed, AuthenticationFailed).",
    KustomizationFailed "kustomization-failed" "A Flux Kustomization fails at a revision; `code` is the reason (BuildFailed, ReconciliationFailed, HealthCheckFailed, PruneFailed, ArtifactFailed).",
    KustomizationWaiting "kustomization-waiting" "A Flux Kustomization does not try a revision, since one that it depends on is not ready.",
    RevisionApplied "revision-applied" "A Flux Kustomization has applied a revision.",
    RevisionHealthy "revision-healthy" "A Flux Kustomization has applied a revision and its health checks have passed.",
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
