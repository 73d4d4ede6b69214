//! A run in progress, as the console shows it.

use harness_plan::{Action, Conditions, Plan};

use crate::event::Event;
use crate::latency::{LatencyStats, Sample, Samples, between, until};
use crate::timeline::{Horizon, Join, PodTimeline, Slots, Stamp, Timelines};
use crate::timeline::{NodeStep, PodStep};

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

    /// What was taken in.
    pub fn timelines(&self) -> &Timelines {
        &self.timelines
    }

    /// A snapshot: time in proportion to the objects seen (about a millisecond for 3,000 pods), so ask a few times a second, not
    /// at each event.
    pub fn view(&self) -> LiveView {
        let timelines = &self.timelines;
        let horizon = Horizon::of(timelines);
        let slots = Slots::of(&self.plan, timelines, &horizon);
        let join = Join::of(timelines);
        LiveView {
            at_us: timelines.last_us(),
            phase: self.phase(),
            pods_wanted: self.wanted(),
            pods: self.pods(),
            nodes: self.nodes(&join),
            vms_failed: timelines.azure.failures.values().map(|failures| failures.count).sum(),
            pod_ready: stats(slots.all.iter().map(|slot| {
                let pod = slot.pod.and_then(|pod| timelines.pods.all.get(pod as usize));
                let gone_us = pod.map_or(slot.withdrawn_us, |pod| pod.deletion().map(Stamp::at_us));
                until(slot.intended_us, pod.and_then(|pod| pod.ready), || {
                    horizon.censor(slot.intended_us, gone_us, slot.withdrawn_us.is_some())
                })
            })),
            node_provisioning: stats(timelines.nodes.claims.iter().enumerate().filter_map(|(index, claim)| {
                let from = claim.created?;
                let ready = join.node(timelines, index).and_then(|node| node.ready);
                let gone_us = claim.deleting.or(claim.deleted).map(Stamp::at_us);
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

    fn pods(&self) -> PodStep {
        let pods = &self.timelines.pods;
        let mut ready: Vec<bool> = pods.all.iter().map(|pod| pod.ready.is_some()).collect();
        for flip in &pods.flips {
            if let Some(ready) = ready.get_mut(flip.pod as usize) {
                *ready = flip.ready;
            }
        }
        let mut step = PodStep { at_us: self.timelines.last_us(), ..PodStep::default() };
        for (pod, ready) in pods.all.iter().zip(ready) {
            let PodTimeline { deleted, deleting, scheduled, .. } = pod;
            match (deleted, deleting, scheduled) {
                (Some(_), _, _) => {}
                (_, Some(_), _) => step.deleting += 1,
                _ if ready => step.ready += 1,
                (_, _, Some(_)) => step.scheduled += 1,
                _ => step.pending += 1,
            }
        }
        step
    }

    fn nodes(&self, join: &Join) -> NodeStep {
        let mut step = NodeStep { at_us: self.timelines.last_us(), ..NodeStep::default() };
        for (index, claim) in self.timelines.nodes.claims.iter().enumerate() {
            let node = join.node(&self.timelines, index);
            let ready =
                node.is_some_and(|node| node.ready.is_some() && node.flips.last().is_none_or(|(_, ready)| *ready));
            let node_gone = node.is_none_or(|node| node.deleted.is_some());
            match () {
                () if claim.deleted.is_some() && node_gone => {}
                () if claim.deleting.or(claim.deleted).is_some() => step.deleting += 1,
                () if ready => step.ready += 1,
                () if claim.launched.is_some() => step.launched += 1,
                () => step.claimed += 1,
            }
        }
        step
    }
}

fn stats(samples: impl Iterator<Item = Sample>) -> LatencyStats {
    let (mut measured, mut censored) = (Vec::new(), Vec::new());
    for sample in samples {
        match sample {
            Sample::Measured(us) => measured.push(us),
            Sample::Censored(it) => censored.push(it),
        }
    }
    Samples::new(measured, censored).stats()
}
