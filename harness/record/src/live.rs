//! A run in progress, as the console shows it.

use harness_plan::{Action, Conditions, Plan};

use crate::event::Event;
use crate::latency::{LatencyStats, Sample, Samples, between, until};
use crate::timeline::{Horizon, Join, NodeStep, PodStep, Slots, Stamp, Timelines, node_steps, pod_steps};

/// Events taken in so far, and the plan that they follow.
#[derive(Clone, Debug)]
pub struct Live {
    plan: Plan,
    timelines: Timelines,
}

/// A snapshot. Times are microseconds since the run began.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveView {
    /// The time of the latest event.
    pub at_us: u64,
    /// The current phase.
    pub phase: Option<LivePhase>,
    /// Pods that the plan asks for now and that phases wait for.
    pub pods_wanted: u64,
    /// Pods by state.
    pub pods: PodStep,
    /// NodeClaims with their Nodes by state.
    pub nodes: NodeStep,
    /// Creations that Azure failed so far.
    pub vms_failed: u64,
    /// `pod_ready` so far: pods on their way count as censored.
    pub pod_ready: LatencyStats,
    /// `node_provisioning` so far: nodes on their way count as censored.
    pub node_provisioning: LatencyStats,
}

/// The current phase.
#[derive(Clone, Debug, PartialEq)]
pub struct LivePhase {
    /// Its name.
    pub name: String,
    /// What ends it.
    pub until: Option<Conditions>,
    /// What the preparation waits for.
    pub awaited: Option<String>,
    /// When it started.
    pub began_us: u64,
    /// Its deadline, or the end of its hold; `None` for preparation and cleanup.
    pub due_us: Option<u64>,
}

impl Live {
    /// Nothing has happened yet.
    pub fn new(plan: &Plan) -> Self {
        Self { plan: plan.clone(), timelines: Timelines::of_plan(plan) }
    }

    /// Takes one event in: constant time.
    pub fn apply(&mut self, event: &Event) {
        self.timelines.apply(event);
    }

    /// A snapshot: time in proportion to the objects seen (about a millisecond for 3,000 pods), so ask a few times a second, not
    /// at each event.
    pub fn view(&self) -> LiveView {
        let timelines = &self.timelines;
        let at_us = timelines.last_us;
        let horizon = Horizon::of(timelines);
        let slots = Slots::of(&self.plan, timelines, &horizon);
        let join = Join::of(timelines);
        LiveView {
            at_us,
            phase: self.phase(),
            pods_wanted: self.wanted(),
            pods: PodStep { at_us, ..pod_steps(timelines).pop().unwrap_or_default() },
            nodes: NodeStep { at_us, ..node_steps(timelines, &join).pop().unwrap_or_default() },
            vms_failed: timelines.azure.failures.values().map(|failures| failures.times.count).sum(),
            pod_ready: stats(slots.all.iter().map(|slot| {
                let pod = slot.pod.and_then(|pod| timelines.pods.all.get(pod as usize));
                let gone_us = pod.map_or(slot.withdrawn_us, |pod| pod.deletion().map(Stamp::at_us));
                until(slot.intended_us, pod.and_then(|pod| pod.ready), || {
                    horizon.censor(slot.intended_us, gone_us, slot.withdrawn_us.is_some())
                })
            })),
            node_provisioning: stats(timelines.nodes.claims.iter().enumerate().filter_map(|(index, claim)| {
                let from = claim.created?;
                let ready = join.node(index).and_then(|node| node.ready);
                let gone_us = claim.deletion().map(Stamp::at_us);
                Some(between(from, ready, || horizon.censor(from.at_us(), gone_us, false)))
            })),
        }
    }

    fn phase(&self) -> Option<LivePhase> {
        let phase = self.timelines.phases.current()?;
        let planned = self.plan.phases.iter().find(|planned| planned.name == phase.name);
        let span = planned.and_then(|planned| planned.within.or(planned.hold));
        Some(LivePhase {
            name: phase.name.clone(),
            until: planned.and_then(|planned| planned.until.clone()),
            awaited: self.timelines.awaited.clone(),
            began_us: phase.began_us,
            due_us: span.map(|span| phase.began_us.saturating_add(span.as_micros())),
        })
    }

    fn wanted(&self) -> u64 {
        let last = |workload: &str| {
            let actions = &self.timelines.actions;
            actions.all.iter().rev().find_map(|done| match actions.planned(done) {
                Some(Action::Scale(scale)) if scale.workload() == workload => Some(u64::from(scale.to)),
                _ => None,
            })
        };
        let awaited = self.plan.workloads.iter().filter(|workload| workload.awaited && !workload.stays_pending);
        awaited.filter_map(|workload| last(&workload.name)).sum()
    }
}

fn stats(samples: impl Iterator<Item = Sample>) -> LatencyStats {
    samples.collect::<Samples>().stats()
}
