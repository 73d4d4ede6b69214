//! The controllers' own words: Kubernetes Events that explain why something did not happen.

use std::collections::HashSet;

use harness_record::EventKind;
use harness_record::event::Reason;
use k8s_openapi::api::core::v1::Event as KubeEvent;
use kube::runtime::watcher::Event;

use super::watch::Stamped;
use crate::hub::Hub;

/// Different reasons that are kept; a storm of the same ones says nothing new.
const REASONS_MAX: usize = 2_000;
/// Characters of a message that are kept.
const MESSAGE_MAX: usize = 1_000;

/// The reasons that were seen.
pub(crate) struct Reasons {
    seen: HashSet<(String, String, String)>,
}

impl Reasons {
    pub(crate) fn new() -> Self {
        Self { seen: HashSet::new() }
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
        if self.seen.len() >= REASONS_MAX || !self.seen.insert((kind.clone(), name.clone(), reason.clone())) {
            return;
        }
        let message = event.message.as_deref().unwrap_or_default().chars().take(MESSAGE_MAX).collect();
        let severity = event.type_.clone().unwrap_or_default();
        hub.record_at(at_us, EventKind::Reason(Reason { kind, name, reason, message, severity }));
    }
}
