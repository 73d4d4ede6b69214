//! How fast an autoscaler follows the load.

use std::collections::BTreeMap;

use harness_plan::{Action, Autoscale, AutoscaleOn, LatencyName, Load, Workload};

use super::groups::{Grouping, Labels};
use super::source::{Source, until};
use crate::event::Seen;
use crate::samples::{Cause, Censored};
use crate::steps::Steps;
use crate::timeline::{Placed, Stamp};

/// kube-controller-manager's `--horizontal-pod-autoscaler-tolerance`: a load that is this near to the target changes nothing.
const TOLERANCE: f64 = 0.1;

/// The load of a workload: a metric stays until it is set again.
#[derive(Clone, Debug, Default)]
struct Loads {
    cpu: Option<u64>,
    memory: Option<u64>,
    metrics: BTreeMap<String, u64>,
}

impl Loads {
    fn learn(&mut self, load: &Load) {
        self.cpu = load.cpu.map(|cpu| cpu.0).or(self.cpu);
        self.memory = load.memory.map(|memory| memory.0).or(self.memory);
        let metrics = load.pod_metrics.iter().chain(&load.external_metrics);
        self.metrics.extend(metrics.map(|(name, value)| (name.clone(), u64::from(*value))));
    }

    /// The load in units of one pod's target; `None` where the metric was never set.
    fn in_pods(&self, on: &AutoscaleOn, workload: &Workload) -> Option<f64> {
        let of_request = |request: u64, percent: u32| request as f64 * f64::from(percent) / 100.0;
        let (load, target) = match on {
            AutoscaleOn::CpuPercent(percent) => (self.cpu?, of_request(workload.cpu.0, percent.0)),
            AutoscaleOn::MemoryPercent(percent) => (self.memory?, of_request(workload.memory.0, percent.0)),
            AutoscaleOn::PodMetric { name, average } | AutoscaleOn::ExternalMetric { name, average } => {
                (*self.metrics.get(name)?, f64::from(*average))
            }
        };
        (target > 0.0).then(|| load as f64 / target)
    }
}

pub(super) fn collect(source: &Source<'_>, into: &mut Grouping<'_>) {
    for workload in &source.plan.workloads {
        let Some(autoscale) = &workload.autoscale else { continue };
        let name = source.timelines.names.get(&workload.name).unwrap_or_default();
        let nodepool = source.names.get(&workload.class).unwrap_or_default();
        let labels = Labels { workload: name, placed: Placed { nodepool, ..Placed::default() }, ..Labels::default() };
        one(source, workload, autoscale, &labels, into);
    }
}

fn one(source: &Source<'_>, workload: &Workload, autoscale: &Autoscale, labels: &Labels, into: &mut Grouping<'_>) {
    let Source { timelines, horizon, .. } = source;
    let pods = pods(source, labels);
    let scaled: Vec<(u64, i64)> = timelines
        .actions
        .of_plan()
        .filter_map(|(action, planned)| match planned {
            Action::Scale(scale) if scale.workload() == workload.name => {
                Some((action.sent_us.unwrap_or(action.intended_us), i64::from(scale.to)))
            }
            _ => None,
        })
        .collect();
    let mut loads: Vec<(u64, Option<u32>, &Load)> = timelines
        .actions
        .of_plan()
        .filter(|(action, _)| action.error.is_none())
        .filter_map(|(action, planned)| match planned {
            Action::Load(load) if load.workload == workload.name => {
                let at_us = action.acked_us.or(action.sent_us).unwrap_or(action.intended_us);
                Some((at_us, action.what.id(), load))
            }
            _ => None,
        })
        .collect();
    loads.sort_by_key(|(at_us, id, _)| (*at_us, *id));
    let mut known = Loads::default();
    for (index, (set_us, _, load)) in loads.iter().enumerate() {
        known.learn(load);
        // The autoscaler did not create the pods of a scale action.
        let by_plan = scaled.iter().filter(|(at_us, _)| at_us <= set_us).map(|(_, to)| *to).next_back().unwrap_or(0);
        let there = match pods.at(*set_us) {
            0 => by_plan,
            there => there,
        };
        if known.in_pods(&autoscale.on, workload).is_some_and(|load| wanted(load, there, autoscale) == there) {
            continue;
        }
        let next_us = loads.get(index + 1).map_or(u64::MAX, |(us, ..)| *us);
        let change = pods.all().iter().find(|(at_us, value)| at_us > set_us && *value != there);
        let change = change.filter(|(at_us, _)| *at_us < next_us && *at_us < horizon.us);
        let seen = change.map(|(at_us, _)| Stamp::new(*at_us, Seen::Live));
        let sample = until(*set_us, seen, || match next_us {
            u64::MAX => horizon.censor(*set_us, None, false),
            // Another load was set before the autoscaler had followed.
            _ => Censored { at_least_us: next_us - set_us, cause: Cause::Withdrawn },
        });
        into.add(LatencyName::Autoscaled, Some(labels), sample);
    }
}

/// The number of pods that the autoscaler wants (k8s.io/kubernetes `pkg/controller/podautoscaler/replica_calculator.go`).
fn wanted(load: f64, there: i64, autoscale: &Autoscale) -> i64 {
    let ratio = load / there.max(1) as f64;
    let wanted = if (ratio - 1.0).abs() <= TOLERANCE { there } else { load.ceil() as i64 };
    wanted.clamp(i64::from(autoscale.min), i64::from(autoscale.max.max(autoscale.min)))
}

/// Pods that exist and are not being deleted, over time.
fn pods(source: &Source<'_>, labels: &Labels) -> Steps {
    let of =
        source.timelines.pods.all.iter().filter(|pod| pod.workload == labels.workload && !labels.workload.is_none());
    let mut changes = Vec::new();
    for pod in of {
        let Some(created) = pod.created else { continue };
        changes.push((created.at_us(), 1));
        changes.extend(pod.deletion().map(|stamp| (stamp.at_us().max(created.at_us()), -1)));
    }
    Steps::from_changes(changes)
}
