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
/// (sigs.k8s.io/karpenter `pkg/controllers/disruption/events`).
pub(super) const EXPLAINING: [&str; 1] = ["DisruptionBlocked"];

/// The kinds of Flux's objects, whose messages are all kept: each commit may fail for another cause.
const FLUX_KINDS: [&str; 2] = ["GitRepository", "Kustomization"];

/// The reasons that were seen.
pub(crate) struct Reasons {
    /// Kind, name, reason; and the message of those whose messages are all kept.
    seen: HashSet<(String, String, String, String)>,
    /// Reasons that the plan asks object.
    named: BTreeSet<String>,
    /// The number of reasons that are kept once.
    once: usize,
    /// The number of messages of each reason that were kept.
    messages: HashMap<String, usize>,
}

impl Reasons {
    /// Keeps reasons in `named` with each of their messages, the others once for each object.
    pub(crate) fn new(named: BTreeSet<String>) -> Self {
        Self { seen: HashSet::new(), named, once: 0, messages: HashMap::new() }
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
        if !self.is_new(&kind, &name, &reason, &message) {
            return;
        }
        let severity = event.type_.clone().unwrap_or_default();
        hub.record_at(at_us, EventKind::Reason(Reason { kind, name, reason, message, severity }));
    }

    fn is_new(&mut self, kind: &str, name: &str, reason: &str, message: &str) -> bool {
        let by_message = self.named.contains(reason) || FLUX_KINDS.contains(&kind);
        let (kept, max) = match self.messages.get(reason) {
            Some(kept) if by_message => (*kept, MESSAGES_MAX),
            None if by_message => (0, MESSAGES_MAX),
            _ => (self.once, REASONS_MAX),
        };
        let message = if by_message { message } else { "" };
        let [kind, name, key, message] = [kind, name, reason, message].map(str::to_owned);
        if kept >= max || !self.seen.insert((kind, name, key, message)) {
            return false;
        }
        if by_message {
            *self.messages.entry(reason.to_owned()).or_default() += 1;
        } else {
            self.once += 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_reasons_are_kept_with_each_message() {
        let mut reasons = Reasons::new(BTreeSet::from(["DisruptionBlocked".to_owned()]));
        assert!(reasons.is_new("Pod", "a", "FailedScheduling", "0/3 nodes"));
        assert!(!reasons.is_new("Pod", "a", "FailedScheduling", "0/4 nodes"));
        assert!(reasons.is_new("Pod", "b", "FailedScheduling", "0/3 nodes"));
        assert!(reasons.is_new("Node", "n", "DisruptionBlocked", "budget"));
        assert!(!reasons.is_new("Node", "n", "DisruptionBlocked", "budget"));
        assert!(reasons.is_new("Node", "n", "DisruptionBlocked", "do-not-disrupt"));
    }

    #[test]
    fn a_second_bad_commit_is_recorded_too() {
        let mut reasons = Reasons::new(BTreeSet::new());
        assert!(reasons.is_new("Kustomization", "node-config", "BuildFailed", "a.yaml"));
        assert!(reasons.is_new("Kustomization", "node-config", "BuildFailed", "b.yaml"));
    }

    #[test]
    fn repeated_reasons_are_kept_up_to_a_maximum() {
        let mut reasons = Reasons::new(BTreeSet::from(["Named".to_owned(), "Rare".to_owned()]));
        let kept = (0..3_000).filter(|i| reasons.is_new("Pod", &i.to_string(), "Failed", "")).count();
        assert_eq!(kept, REASONS_MAX);
        let kept = (0..3_000).filter(|i| reasons.is_new("Pod", "a", "Named", &i.to_string())).count();
        assert_eq!(kept, MESSAGES_MAX);
        assert!(reasons.is_new("Pod", "a", "Rare", ""), "many messages of one reason do not displace another");
    }
}
