//! The controllers' reasons: Kubernetes Events that explain why something did not happen.

use std::collections::{BTreeSet, HashMap, HashSet};

use harness_record::EventKind;
use harness_record::event::Reason;
use k8s_openapi::api::core::v1::Event as KubeEvent;
use kube::runtime::watcher::Event;

use super::watch::Stamped;
use crate::hub::Hub;

/// The most reasons that are kept once for each object.
const REASONS_MAX: usize = 2_000;
/// The most messages that are kept of a reason whose messages are all kept. A pod that a quota refuses is tried again for ever.
const MESSAGES_MAX: usize = 500;
/// Characters of a message that are kept.
const MESSAGE_MAX: usize = 1_000;

/// Normal reasons that explain why something does not happen, beside those that the plan names: Karpenter says in one what blocks a disruption
/// (sigs.k8s.io/karpenter `pkg/controllers/disruption/events`). Their messages are all kept: another block may follow on one that has passed.
pub(super) const EXPLAINING: [&str; 1] = ["DisruptionBlocked"];

/// The kinds of Flux's objects, whose messages are all kept: each commit may fail for another cause.
const FLUX_KINDS: [&str; 2] = ["GitRepository", "Kustomization"];

/// The reasons that were seen.
pub(crate) struct Reasons {
    /// Who says it, kind, name, reason; and the message of those whose messages are all kept.
    seen: HashSet<[String; 5]>,
    /// Reasons that the plan asks object.
    named: BTreeSet<String>,
    /// The number of reasons that are kept once, by who says them: the scheduler says of each pod that no node is there, for the same reason
    /// for which Karpenter says why it makes none.
    once: HashMap<String, usize>,
    /// The number of messages of each reason that were kept.
    messages: HashMap<String, usize>,
}

impl Reasons {
    /// Keeps reasons in `named`, those of Flux and those that explain with each of their messages, the others once for each object.
    pub(crate) fn new(named: BTreeSet<String>) -> Self {
        Self { seen: HashSet::new(), named, once: HashMap::new(), messages: HashMap::new() }
    }

    /// Records a reason that is new. Those in the first list are older than the run. Returns true when that list is complete.
    pub(crate) fn ingest(&mut self, stamped: &Stamped<KubeEvent>, hub: &Hub) -> bool {
        match &stamped.event {
            Event::Apply(event) => self.keep(stamped.at_us, event, hub),
            Event::InitDone => return true,
            Event::Init | Event::InitApply(_) | Event::Delete(_) => {}
        }
        false
    }

    fn keep(&mut self, at_us: u64, event: &KubeEvent, hub: &Hub) {
        let object = &event.involved_object;
        let kind = object.kind.clone().unwrap_or_default();
        let name = object.name.clone().unwrap_or_default();
        let reason = event.reason.clone().unwrap_or_default();
        let message: String = event.message.as_deref().unwrap_or_default().chars().take(MESSAGE_MAX).collect();
        let source = event.source.as_ref().and_then(|source| source.component.as_deref());
        let reporter = event.reporting_component.as_deref().filter(|name| !name.is_empty()).or(source);
        if !self.is_new(reporter.unwrap_or_default(), [&kind, &name, &reason], &message) {
            return;
        }
        let severity = event.type_.clone().unwrap_or_default();
        hub.record_at(at_us, EventKind::Reason(Reason { kind, name, reason, message, severity }));
    }

    fn is_new(&mut self, reporter: &str, [kind, name, reason]: [&str; 3], message: &str) -> bool {
        let by_message = self.named.contains(reason) || FLUX_KINDS.contains(&kind) || EXPLAINING.contains(&reason);
        let (kept, max) = match by_message {
            true => (self.messages.entry(reason.to_owned()).or_default(), MESSAGES_MAX),
            false => (self.once.entry(reporter.to_owned()).or_default(), REASONS_MAX),
        };
        let message = if by_message { message } else { "" };
        if *kept >= max || !self.seen.insert([reporter, kind, name, reason, message].map(str::to_owned)) {
            return false;
        }
        *kept += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_reasons_are_kept_with_each_message() {
        let mut reasons = Reasons::new(BTreeSet::from(["DisruptionBlocked".to_owned()]));
        let mut is_new = |object: [&str; 3], message| reasons.is_new("karpenter", object, message);
        assert!(is_new(["Pod", "a", "FailedScheduling"], "0/3 nodes"));
        assert!(!is_new(["Pod", "a", "FailedScheduling"], "0/4 nodes"));
        assert!(is_new(["Pod", "b", "FailedScheduling"], "0/3 nodes"));
        assert!(is_new(["Node", "n", "DisruptionBlocked"], "budget"));
        assert!(!is_new(["Node", "n", "DisruptionBlocked"], "budget"));
        assert!(is_new(["Node", "n", "DisruptionBlocked"], "do-not-disrupt"));
    }

    /// Before, the scheduler's "no nodes available to schedule pods" was all that a report had of a pod that no class fits.
    #[test]
    fn the_scheduler_does_not_keep_karpenter_from_saying_why() {
        let mut reasons = Reasons::new(BTreeSet::new());
        let pod = ["Pod", "a", "FailedScheduling"];
        assert!(reasons.is_new("default-scheduler", pod, "no nodes available to schedule pods"));
        assert!(reasons.is_new("karpenter", pod, "Failed to schedule pod, incompatible requirements"));
        assert!(!reasons.is_new("karpenter", pod, "Failed to schedule pod, incompatible requirements"));
        for i in 0..3_000 {
            reasons.is_new("default-scheduler", ["Pod", &i.to_string(), "FailedScheduling"], "");
        }
        assert!(reasons.is_new("karpenter", ["Pod", "b", "FailedScheduling"], ""));
    }

    /// Before, only the first block of a node was recorded, and one that had passed could be named as the last.
    #[test]
    fn each_block_of_a_node_is_recorded() {
        let mut reasons = Reasons::new(BTreeSet::new());
        let node = ["Node", "n", "DisruptionBlocked"];
        assert!(reasons.is_new("karpenter", node, "a PodDisruptionBudget"));
        assert!(reasons.is_new("karpenter", node, "the budget of the pool"));
        assert!(!reasons.is_new("karpenter", node, "the budget of the pool"));
    }

    #[test]
    fn a_second_bad_commit_is_recorded_too() {
        let mut reasons = Reasons::new(BTreeSet::new());
        let root = ["Kustomization", "node-config", "BuildFailed"];
        assert!(reasons.is_new("kustomize-controller", root, "a.yaml"));
        assert!(reasons.is_new("kustomize-controller", root, "b.yaml"));
    }

    #[test]
    fn repeated_reasons_are_kept_up_to_a_maximum() {
        let mut reasons = Reasons::new(BTreeSet::from(["Named".to_owned(), "Rare".to_owned()]));
        let kept = (0..3_000).filter(|i| reasons.is_new("kubelet", ["Pod", &i.to_string(), "Failed"], "")).count();
        assert_eq!(kept, REASONS_MAX);
        let kept = (0..3_000).filter(|i| reasons.is_new("kubelet", ["Pod", "a", "Named"], &i.to_string())).count();
        assert_eq!(kept, MESSAGES_MAX);
        let is_new = reasons.is_new("kubelet", ["Pod", "a", "Rare"], "");
        assert!(is_new, "many messages of one reason do not displace another");
    }
}
