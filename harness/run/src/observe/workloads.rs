//! Pods and HorizontalPodAutoscalers of the run's workloads.

use std::collections::BTreeMap;

use harness_record::event::{ObjectKind, Reached, attribute};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::core::Object;
use kube::runtime::watcher::Event;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, find, readiness};
use super::milestones::{Candidate, Observed, Readiness};
use super::watch::Stamped;
use crate::hub::Hub;
use crate::labels;

/// The part of a pod that is read: the rest is skipped while parsing, which is most of the work of a watch.
pub(crate) type Pod = Object<PodSpec, PodStatus>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodSpec {
    node_name: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PodStatus {
    conditions: Vec<Condition>,
}

impl Observed for Pod {
    const KIND: ObjectKind = ObjectKind::Pod;

    fn milestones(&self) -> Vec<Candidate> {
        let conditions = self.status.as_ref().map_or(&[][..], |status| &status.conditions);
        let scheduled = find(conditions, "PodScheduled");
        let server = scheduled.and_then(|condition| condition.last_transition_time);
        let mut milestones = Vec::new();
        if scheduled.is_some_and(|it| it.status == "False" && it.reason.as_deref() == Some("Unschedulable")) {
            milestones.push(Candidate::once(Reached::Unschedulable, server));
        }
        if self.spec.node_name.as_deref().is_some_and(|node| !node.is_empty()) {
            milestones.push(Candidate::once(Reached::Scheduled, server));
        }
        milestones
    }

    fn attributes(&self) -> BTreeMap<String, String> {
        let workload = self.metadata.labels.as_ref().and_then(|labels| labels.get(labels::WORKLOAD)).cloned();
        [
            (attribute::WORKLOAD, workload),
            (attribute::NODE, self.spec.node_name.clone().filter(|node| !node.is_empty())),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
    }

    fn readiness(&self) -> Readiness {
        readiness(self.status.as_ref().map_or(&[], |status| &status.conditions))
    }
}

/// Notes how many replicas an autoscaler asks for, and by which metrics: conditions wait for it, and it is not a milestone. Returns true when the first list is
/// complete.
pub(super) fn ingest_autoscaler(stamped: &Stamped<HorizontalPodAutoscaler>, hub: &Hub) -> bool {
    match &stamped.event {
        Event::Apply(autoscaler) | Event::InitApply(autoscaler) => {
            if let Some((workload, replicas, metrics)) = decision(autoscaler) {
                hub.update(|state| state.set_autoscaler(workload, replicas, metrics, stamped.at_us));
            }
        }
        Event::InitDone => return true,
        Event::Init | Event::Delete(_) => {}
    }
    false
}

/// The workload, the replicas that are asked for, and the metrics that were read, as text.
fn decision(autoscaler: &HorizontalPodAutoscaler) -> Option<(&str, u32, String)> {
    let workload = autoscaler.metadata.labels.as_ref()?.get(labels::WORKLOAD)?;
    let status = autoscaler.status.as_ref()?;
    let metrics = serde_json::to_string(&status.current_metrics).unwrap_or_default();
    Some((workload, u32::try_from(status.desired_replicas).unwrap_or(0), metrics))
}
