//! HorizontalPodAutoscalers of the run: how many replicas they want now. Conditions wait for it; it is no milestone.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::runtime::watcher::Event;

use super::watch::Stamped;
use crate::hub::Hub;
use crate::labels;

/// Takes one observation in. Returns true when the first list is complete.
pub(super) fn take(stamped: &Stamped<HorizontalPodAutoscaler>, hub: &Hub) -> bool {
    match &stamped.event {
        Event::Apply(autoscaler) | Event::InitApply(autoscaler) => {
            if let Some((workload, replicas)) = decided(autoscaler) {
                hub.note(|state| state.autoscaler_decided(workload, replicas));
            }
        }
        Event::InitDone => return true,
        Event::Init | Event::Delete(_) => {}
    }
    false
}

fn decided(autoscaler: &HorizontalPodAutoscaler) -> Option<(&str, u32)> {
    let workload = autoscaler.metadata.labels.as_ref()?.get(labels::WORKLOAD)?;
    let desired = autoscaler.status.as_ref()?.desired_replicas;
    Some((workload, u32::try_from(desired).unwrap_or(0)))
}
