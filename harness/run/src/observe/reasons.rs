//! The controllers' own words: Kubernetes Events that explain why something did not happen.

use std::collections::{BTreeSet, HashMap, HashSet};

use harness_record::EventKind;
use harness_record::event::Reason;
use k8s_openapi::api::core::v1::Event as KubeEvent;
use kube::runtime::watcher::Event;

use super::watch::Stamped;
use crate::hub::Hub;

/// Reasons that are kept once for each object; a storm of the same ones says nothing new.
const REASONS_MAX: usize = 2_000;
/// Messages that are kept of each reason that is told apart by its message. A pod that a quota refuses is tried again for ever.
const MESSAGES_MAX: usize = 500;
/// Characters of a message that are kept.
const MESSAGE_MAX: usize = 1_000;

/// The kinds of Flux's objects: what was wrong with one commit says nothing about the next.
const FLUX_KINDS: [&str; 2] = ["GitRepository", "Kustomization"];

/// The reasons that were seen.
pub(crate) struct Reasons {
    /// Kind, name, reason; and the message of those that are told apart by it.
    seen: HashSet<(String, String, String, String)>,
    /// Reasons that somebody asks about.
    named: BTreeSet<String>,
    /// How many were kept once.
    once: usize,
    /// How many messages of each reason were kept.
    messages: HashMap<String, usize>,
}

impl Reasons {
    /// Reasons in `named` are kept with each message that differs, the others once for each object.
    pub(crate) fn new(named: BTreeSet<String>) -> Self {
        Self { seen: HashSet::new(), named, once: 0, messages: HashMap::new() }
    }

    /// Takes one observation in. Events of before the run (the first list) are not of this run.
    pub(crate) fn take(&mut self, stamped: &Stamped<KubeEvent>, hub: &Hub) -> bool {
        match &stamped.event {
            Event::Apply(event) => self.keep(stamped.at_us, event, hub),
            Event::InitDone => return true,
            Event::Init | Event::InitApply(_) | Event::Delete(_) => {}
        }
        false
    }

    fn keep(&mut self, at_us: u64, event: &KubeEvent, hub: &Hub) {
        let about = &event.involved_object;
        let kind = about.kind.clone().unwrap_or_default();
        let name = about.name.clone().unwrap_or_default();
        let reason = event.reason.clone().unwrap_or_default();
        let message: String = event.message.as_deref().unwrap_or_default().chars().take(MESSAGE_MAX).collect();
        if !self.is_news(&kind, &name, &reason, &message) {
            return;
        }
        let severity = event.type_.clone().unwrap_or_default();
        hub.record_at(at_us, EventKind::Reason(Reason { kind, name, reason, message, severity }));
    }

    fn is_news(&mut self, kind: &str, name: &str, reason: &str, message: &str) -> bool {
        let by_message = self.named.contains(reason) || FLUX_KINDS.contains(&kind);
        let (kept, most) = match self.messages.get(reason) {
            Some(kept) if by_message => (*kept, MESSAGES_MAX),
            None if by_message => (0, MESSAGES_MAX),
            _ => (self.once, REASONS_MAX),
        };
        let message = if by_message { message } else { "" };
        let [kind, name, key, message] = [kind, name, reason, message].map(str::to_owned);
        if kept >= most || !self.seen.insert((kind, name, key, message)) {
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
    fn only_what_is_asked_about_is_told_apart_by_its_message() {
        let mut reasons = Reasons::new(BTreeSet::from(["DisruptionBlocked".to_owned()]));
        assert!(reasons.is_news("Pod", "a", "FailedScheduling", "0/3 nodes"));
        assert!(!reasons.is_news("Pod", "a", "FailedScheduling", "0/4 nodes"));
        assert!(reasons.is_news("Pod", "b", "FailedScheduling", "0/3 nodes"));
        assert!(reasons.is_news("Node", "n", "DisruptionBlocked", "budget"));
        assert!(!reasons.is_news("Node", "n", "DisruptionBlocked", "budget"));
        assert!(reasons.is_news("Node", "n", "DisruptionBlocked", "do-not-disrupt"));
    }

    #[test]
    fn a_second_bad_commit_is_heard_too() {
        let mut reasons = Reasons::new(BTreeSet::new());
        assert!(reasons.is_news("Kustomization", "node-config", "BuildFailed", "a.yaml"));
        assert!(reasons.is_news("Kustomization", "node-config", "BuildFailed", "b.yaml"));
    }

    #[test]
    fn a_storm_ends_somewhere() {
        let mut reasons = Reasons::new(BTreeSet::from(["Named".to_owned(), "Rare".to_owned()]));
        let kept = (0..3_000).filter(|i| reasons.is_news("Pod", &i.to_string(), "Failed", "")).count();
        assert_eq!(kept, REASONS_MAX);
        let kept = (0..3_000).filter(|i| reasons.is_news("Pod", "a", "Named", &i.to_string())).count();
        assert_eq!(kept, MESSAGES_MAX);
        assert!(reasons.is_news("Pod", "a", "Rare", ""), "a storm of one does not silence another");
    }
}
