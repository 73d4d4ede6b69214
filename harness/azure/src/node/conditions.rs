//! The conditions of a Node: those of its kubelet, those of AKS's node problem detector, and those that agents report.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::fleet::AgentCondition;

/// Which `Ready` condition a Node shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadyStatus {
    /// Registered, not yet ready: `False`.
    Starting,
    /// `True`.
    Ready,
    /// The VM does not run: `Unknown`, with the words of the node controller when a kubelet falls silent.
    Lost,
}

/// What AKS's node problem detector reports of a node without problems: type, reason and message, each with the status `False`.
///
/// Types: "Node Problem Detector (NPD) in AKS nodes" (Microsoft), those of general purpose nodes. Reasons and messages: `kubectl describe node` of
/// nodes of October 2025 and January 2026 in public repositories. Nobody reacts to any of them: they are not among the `RepairPolicies` of the
/// provider (`pkg/cloudprovider/cloudprovider.go` of Azure/karpenter-provider-azure v1.14.0).
const WITHOUT_PROBLEMS: [(&str, &str, &str); 10] = [
    ("FilesystemCorruptionProblem", "FilesystemIsOK", "Filesystem is healthy"),
    ("KubeletProblem", "KubeletIsUp", "kubelet service is up"),
    ("ContainerRuntimeProblem", "ContainerRuntimeIsUp", "container runtime service is up"),
    ("VMEventScheduled", "NoVMEventScheduled", "VM has no scheduled event"),
    ("FrequentUnregisterNetDevice", "NoFrequentUnregisterNetDevice", "node is functioning properly"),
    ("FrequentKubeletRestart", "NoFrequentKubeletRestart", "kubelet is functioning properly"),
    ("FrequentContainerdRestart", "NoFrequentContainerdRestart", "containerd is functioning properly"),
    ("FrequentDockerRestart", "NoFrequentDockerRestart", "docker is functioning properly"),
    ("KernelDeadlock", "KernelHasNoDeadlock", "kernel has no deadlock"),
    ("ReadonlyFilesystem", "FilesystemIsNotReadOnly", "Filesystem is not read-only"),
];

/// The conditions of a Node at the moment of its creation. AKS's detector starts within a minute of the kubelet; here it is there at once, which
/// saves a write of each Node.
pub(super) fn initial_conditions(status: ReadyStatus) -> Vec<Value> {
    let now = now_text();
    let mut all: Vec<Value> = WITHOUT_PROBLEMS
        .iter()
        .map(|(kind, reason, message)| {
            json!({
                "type": kind,
                "status": "False",
                "reason": reason,
                "message": message,
                "lastHeartbeatTime": now,
                "lastTransitionTime": now,
            })
        })
        .collect();
    all.extend(kubelet_conditions(status, &[]));
    all
}

/// Marks a Node whose kubelet says nothing, so that the simulated heartbeats do not say for it that it is Ready (`kind-config/kwok/leases.yaml`).
const SILENT: &str = "kubelet.harness.dev/silent";

/// The patch of a Node by which its kubelet says its conditions, or falls silent.
pub(super) fn kubelet_patch(status: ReadyStatus, agent: &[AgentCondition]) -> Value {
    let silent = (status == ReadyStatus::Lost).then_some("true");
    json!({
        "metadata": {"annotations": {SILENT: silent}},
        "status": {"conditions": kubelet_conditions(status, agent)},
    })
}

/// The kubelet's conditions at this moment, with real transition times. A condition that the agent reports beats the
/// kubelet's of the same type, but only while the VM runs: the agent ends with it.
fn kubelet_conditions(status: ReadyStatus, agent: &[AgentCondition]) -> Vec<Value> {
    let now = now_text();
    let (ready, reason, message) = match status {
        ReadyStatus::Starting => ("False", "KubeletNotReady", "container runtime network not ready"),
        ReadyStatus::Ready => ("True", "KubeletReady", "kubelet is posting ready status"),
        ReadyStatus::Lost => ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
    };
    let pressure = |kind: &str, good: &str, text: &str| {
        let lost = status == ReadyStatus::Lost;
        json!({
            "type": kind,
            "status": if lost { "Unknown" } else { "False" },
            "reason": if lost { reason } else { good },
            "message": if lost { message } else { text },
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        })
    };
    let mut all = vec![
        pressure("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        pressure("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        pressure("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        json!({
            "type": "Ready",
            "status": ready,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }),
    ];
    if status != ReadyStatus::Lost {
        for reported in agent {
            if let Some(of_kubelet) = all.iter_mut().find(|c| c["type"] == reported.kind) {
                *of_kubelet = agent_condition(reported, &now, &now);
            }
        }
    }
    all
}

/// The conditions that the agent reports.
pub(super) fn agent_conditions(reported: &[AgentCondition]) -> Vec<Value> {
    let now = now_text();
    reported.iter().map(|condition| agent_condition(condition, &time_text(condition.since), &now)).collect()
}

/// The condition that AKS writes when Azure has scheduled a preemption.
pub(super) fn preemption_condition() -> Vec<Value> {
    let now = now_text();
    vec![json!({
        "type": "PreemptionScheduled",
        "status": "True",
        "reason": "PreemptionScheduled",
        "message": "The spot VM of this node is going to be evicted",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    })]
}

fn agent_condition(reported: &AgentCondition, since: &str, now: &str) -> Value {
    json!({
        "type": reported.kind,
        "status": reported.status,
        "reason": "ReportedByAgent",
        "message": "An agent on the VM reports this condition.",
        "lastHeartbeatTime": now,
        "lastTransitionTime": since,
    })
}

/// The present time as Kubernetes writes it.
pub(super) fn now_text() -> String {
    time_text(Timestamp::now())
}

/// Kubernetes keeps whole seconds.
fn time_text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(all: &'a [Value], kind: &str) -> &'a Value {
        all.iter().find(|c| c["type"] == kind).unwrap()
    }

    #[test]
    fn an_agent_beats_the_kubelet_while_the_vm_runs() {
        let reported = |kind: &str, status: &str| AgentCondition {
            kind: kind.to_owned(),
            status: status.to_owned(),
            since: "2026-08-21T10:00:00Z".parse().unwrap(),
        };
        let agent = [reported("Ready", "False"), reported("kubernetes.azure.com/NodeHealthy", "False")];
        let ready = |status| {
            let all = kubelet_conditions(status, &agent);
            assert_eq!(all.len(), 4, "conditions of the agent are patched by the agent only");
            find(&all, "Ready")["status"].clone()
        };
        assert_eq!((ready(ReadyStatus::Ready), ready(ReadyStatus::Lost)), (json!("False"), json!("Unknown")));
        let own = agent_conditions(&agent);
        assert_eq!(
            (&own[1]["status"], &own[1]["lastTransitionTime"]),
            (&json!("False"), &json!("2026-08-21T10:00:00Z"))
        );
    }

    #[test]
    fn a_lost_node_is_not_ready_in_the_words_of_the_node_controller() {
        let lost = kubelet_conditions(ReadyStatus::Lost, &[]);
        let ready = find(&lost, "Ready");
        assert_eq!((&ready["status"], &ready["reason"]), (&json!("Unknown"), &json!("NodeStatusUnknown")));
    }

    // Before, a Node had the kubelet's four and no other.
    #[test]
    fn the_node_problem_detector_finds_no_problem_and_the_provider_has_nothing_to_repair() {
        let all = initial_conditions(ReadyStatus::Ready);
        assert_eq!(all.len(), 14);
        // RepairPolicies of the provider: what starts a repair, and with which status.
        let policies = [
            ("Ready", "False"),
            ("Ready", "Unknown"),
            ("kubernetes.azure.com/NodeHealthy", "False"),
            ("PreemptionScheduled", "True"),
        ];
        assert!(
            !all.iter().any(|c| policies.iter().any(|(kind, status)| c["type"] == *kind && c["status"] == *status))
        );
        assert_eq!(find(&all, "VMEventScheduled")["status"], "False");
    }
}
