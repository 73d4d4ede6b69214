//! Pods of the run: created, unschedulable, bound, Ready.

use std::collections::BTreeMap;

use harness_record::event::{ObjectKind, Reached, attribute};
use jiff::Timestamp;
use kube::core::Object;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, find, holds};
use super::known::{Look, Reading};
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

impl Reading for Pod {
    const KIND: ObjectKind = ObjectKind::Pod;

    fn looks(&self) -> Vec<Look> {
        let conditions = self.status.as_ref().map_or(&[][..], |status| &status.conditions);
        let scheduled = find(conditions, "PodScheduled");
        let server = scheduled.and_then(|condition| condition.last_transition_time);
        let mut looks = Vec::new();
        if scheduled.is_some_and(|it| it.status == "False" && it.reason.as_deref() == Some("Unschedulable")) {
            looks.push(Look::once(Reached::Unschedulable, server));
        }
        if self.spec.node_name.as_deref().is_some_and(|node| !node.is_empty()) {
            looks.push(Look::once(Reached::Scheduled, server));
        }
        looks
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

    fn ready(&self) -> Option<Option<Timestamp>> {
        let conditions = self.status.as_ref().map_or(&[][..], |status| &status.conditions);
        holds(conditions, "Ready").map(|condition| condition.last_transition_time)
    }
}
