//! What the plan wants of each workload and when, and which pod answers which request.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use harness_plan::{Action, Plan};

use super::fold::Timelines;
use crate::samples::{Cause, Censored};
use crate::steps::Steps;

/// Until when an object is followed, and which deadlines passed meanwhile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Horizon {
    /// When cleanup started: later deletions are the harness's own. The end of the log where it did not start.
    pub(crate) us: u64,
    /// The end of the log.
    pub(crate) end_us: u64,
    deadlines_us: Vec<u64>,
}

impl Horizon {
    pub(crate) fn of(timelines: &Timelines) -> Self {
        let end_us = timelines.last_us;
        Self {
            us: timelines.phases.cleanup_began_us().unwrap_or(end_us),
            end_us,
            deadlines_us: timelines.phases.deadlines_passed_us(),
        }
    }

    /// A sample that starts at `from_us` and has no end, of an object that was gone at `gone_us`, or is still there.
    pub(crate) fn censor(&self, from_us: u64, gone_us: Option<u64>, by_the_plan: bool) -> Censored {
        let limit_us = if from_us <= self.us { self.us } else { self.end_us };
        let until_us = gone_us.unwrap_or(limit_us).min(limit_us);
        // A deadline that passed decides: what was late then is not excused by what the plan did afterwards.
        let late = self.deadlines_us.iter().any(|deadline| (from_us..=until_us).contains(deadline));
        let cause = match gone_us {
            _ if late => Cause::Never,
            Some(gone_us) if gone_us < limit_us && by_the_plan => Cause::Withdrawn,
            Some(gone_us) if gone_us < limit_us => Cause::Never,
            _ => Cause::Open,
        };
        Censored { at_least_us: until_us.saturating_sub(from_us), cause }
    }
}

/// One pod that the plan asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slot {
    /// Index of the workload in the plan.
    pub(crate) workload: usize,
    pub(crate) intended_us: u64,
    pub(crate) acked_us: Option<u64>,
    /// The pod that fills it, where one was created.
    pub(crate) pod: Option<u32>,
    /// When the plan took it back.
    pub(crate) withdrawn_us: Option<u64>,
}

/// Every pod that the plan asked for.
///
/// Each growth of a workload opens as many slots as it asks for pods; each pod that is created fills the oldest open one, so
/// that the j-th pod of a growth belongs to the scale action that covers it. A shrink closes open slots first, newest first,
/// and then excuses as many deletions. A pod that is deleted unexcused before it was Ready opens its slot again: its replacement is
/// measured from the same intended moment, as a user who waits for the replica would. A pod that the plan has replaced opens a slot
/// and excuses a deletion: the new one is measured from the moment at which the old one was to be replaced. The pods of an autoscaler are
/// not requested by the plan, and those that it deletes early are withdrawn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    pub(crate) all: Vec<Slot>,
    /// Pods beyond those: replacements.
    pub(crate) replaced: u64,
}

enum Step {
    Scale {
        from: u32,
        to: u32,
        intended_us: u64,
        acked_us: Option<u64>,
    },
    /// `done`: the pod to be replaced was deleted, as far as the API server said.
    Replace {
        done: bool,
        intended_us: u64,
        acked_us: Option<u64>,
    },
    Created(u32),
    Deletion(u32),
}

impl Slots {
    pub(crate) fn of(plan: &Plan, timelines: &Timelines, horizon: &Horizon) -> Self {
        let mut slots = Self::default();
        let steps = steps(plan, timelines, horizon);
        let mut slot_of_pod: Vec<Option<usize>> = vec![None; timelines.pods.all.len()];
        for (workload, mut steps) in steps {
            let name = |step: &Step| match step {
                Step::Scale { .. } | Step::Replace { .. } => "",
                Step::Created(pod) | Step::Deletion(pod) => {
                    timelines.pods.all.get(*pod as usize).map_or("", |pod| &*pod.name)
                }
            };
            // Stable: actions that were sent together stay in their order.
            steps.sort_by(|(a_us, a), (b_us, b)| {
                a_us.cmp(b_us).then(a.rank().cmp(&b.rank())).then_with(|| name(a).cmp(name(b)))
            });
            let autoscaled = plan.workloads.get(workload).is_some_and(|workload| workload.autoscale.is_some());
            slots.walk(workload, autoscaled, &steps, timelines, &mut slot_of_pod);
        }
        slots
    }

    fn walk(
        &mut self,
        workload: usize,
        autoscaled: bool,
        steps: &[(u64, Step)],
        timelines: &Timelines,
        slot_of_pod: &mut [Option<usize>],
    ) {
        let mut open: VecDeque<usize> = VecDeque::new();
        let mut excused = 0_u32;
        for (at_us, step) in steps {
            match *step {
                Step::Scale { from, to, intended_us, acked_us } => {
                    for _ in from..to {
                        open.push_back(self.all.len());
                        self.all.push(Slot { workload, intended_us, acked_us, pod: None, withdrawn_us: None });
                    }
                    for _ in to..from {
                        match open.pop_back().and_then(|slot| self.all.get_mut(slot)) {
                            Some(slot) => slot.withdrawn_us = Some(*at_us),
                            None => excused += 1,
                        }
                    }
                }
                Step::Replace { done, intended_us, acked_us } => {
                    open.push_back(self.all.len());
                    self.all.push(Slot { workload, intended_us, acked_us, pod: None, withdrawn_us: None });
                    excused += u32::from(done);
                }
                Step::Created(pod) => match open.pop_front() {
                    Some(index) => {
                        if let (Some(slot), Some(of_pod)) = (self.all.get_mut(index), slot_of_pod.get_mut(pod as usize))
                        {
                            slot.pod = Some(pod);
                            *of_pod = Some(index);
                        }
                    }
                    // An autoscaler's pods replace nothing.
                    None => self.replaced += u64::from(!autoscaled),
                },
                Step::Deletion(pod) => {
                    let of_pod = slot_of_pod.get(pod as usize).copied().flatten();
                    let slot = of_pod.and_then(|index| Some((index, self.all.get_mut(index)?)));
                    let was_ready = timelines.pods.all.get(pod as usize).is_some_and(|pod| pod.ready.is_some());
                    if excused > 0 {
                        excused -= 1;
                        if let Some((_, slot)) = slot {
                            slot.withdrawn_us = Some(*at_us);
                        }
                    } else if let Some((index, slot)) = slot
                        && !was_ready
                    {
                        if autoscaled {
                            slot.withdrawn_us = Some(*at_us);
                        } else {
                            slot.pod = None;
                            open.push_front(index);
                        }
                    }
                }
            }
        }
    }
}

impl Step {
    /// At the same moment: asked for, created, gone.
    fn rank(&self) -> u8 {
        match self {
            Self::Scale { .. } | Self::Replace { .. } => 0,
            Self::Created(_) => 1,
            Self::Deletion(_) => 2,
        }
    }
}

/// An action of the plan that was sent, or that was due and left no trace.
struct Asked<'a> {
    action: &'a Action,
    /// When it was sent, or was due where it was not sent.
    at_us: u64,
    intended_us: u64,
    acked_us: Option<u64>,
    /// Whether it was sent, and no error is known.
    done: bool,
}

/// The actions of the plan: those of the log, in its order, then those that were due and left no trace, because the run was killed or the
/// phase's deadline passed before they were sent.
fn asked<'a>(plan: &'a Plan, timelines: &'a Timelines, horizon: &Horizon) -> Vec<Asked<'a>> {
    let recorded: BTreeSet<u32> = timelines.actions.all.iter().filter_map(|action| action.what.id()).collect();
    let sent = timelines.actions.of_plan().map(|(stamps, action)| Asked {
        action,
        at_us: stamps.sent_us.unwrap_or(stamps.intended_us),
        intended_us: stamps.intended_us,
        acked_us: stamps.acked_us,
        done: stamps.error.is_none(),
    });
    let mut asked: Vec<Asked<'_>> = sent.collect();
    for phase in &plan.phases {
        let Some(seen) = timelines.phases.named(&phase.name) else { continue };
        let until_us = seen.ended.map_or(horizon.us, |(ended_us, _)| ended_us);
        for planned in phase.actions.iter().filter(|planned| !recorded.contains(&planned.id)) {
            let at_us = seen.began_us.saturating_add(planned.at_us);
            if at_us <= until_us {
                asked.push(Asked { action: &planned.action, at_us, intended_us: at_us, acked_us: None, done: false });
            }
        }
    }
    asked
}

fn steps(plan: &Plan, timelines: &Timelines, horizon: &Horizon) -> BTreeMap<usize, Vec<(u64, Step)>> {
    let index: BTreeMap<&str, usize> =
        plan.workloads.iter().enumerate().map(|(index, workload)| (workload.name.as_str(), index)).collect();
    let mut steps: BTreeMap<usize, Vec<(u64, Step)>> = BTreeMap::new();
    for Asked { action, at_us, intended_us, acked_us, done } in asked(plan, timelines, horizon) {
        let (workload, step) = match action {
            Action::Scale(scale) => {
                let from = scale.from.unwrap_or_default();
                (scale.workload(), Step::Scale { from, to: scale.to, intended_us, acked_us })
            }
            Action::Replace(replace) => (replace.workload(), Step::Replace { done, intended_us, acked_us }),
            _ => continue,
        };
        if let Some(index) = index.get(workload) {
            steps.entry(*index).or_default().push((at_us, step));
        }
    }
    let by_name: BTreeMap<_, usize> =
        index.iter().filter_map(|(name, index)| Some((timelines.names.get(name)?, *index))).collect();
    for (pod, seen) in timelines.pods.all.iter().enumerate() {
        let Some(index) = by_name.get(&seen.workload) else { continue };
        let steps = steps.entry(*index).or_default();
        let first = [seen.created, seen.unschedulable, seen.scheduled, seen.ready, seen.deleting, seen.deleted];
        if let Some(created) = first.into_iter().flatten().next() {
            steps.push((created.at_us(), Step::Created(pod as u32)));
        }
        if let Some(deletion) = seen.deletion().filter(|deletion| deletion.at_us() < horizon.us) {
            steps.push((deletion.at_us(), Step::Deletion(pod as u32)));
        }
    }
    steps
}

/// The replicas that the plan wants of a workload, over time: from the moment at which the request was sent, or was due where it was not
/// sent. Of a workload that an autoscaler scales the plan wants the autoscaler's minimum.
pub(crate) fn desired_replicas(plan: &Plan, timelines: &Timelines, horizon: &Horizon, workload: &str) -> Steps {
    let planned = plan.workloads.iter().find(|known| known.name == workload);
    if let Some(autoscale) = planned.and_then(|workload| workload.autoscale.as_ref()) {
        return Steps::from_values([(0, i64::from(autoscale.min))]);
    }
    let asked = asked(plan, timelines, horizon);
    let mut values: Vec<(u64, i64)> = asked
        .iter()
        .filter_map(|asked| match asked.action {
            Action::Scale(scale) if scale.workload() == workload => Some((asked.at_us, i64::from(scale.to))),
            _ => None,
        })
        .collect();
    // Stable: actions of one moment stay in their order.
    values.sort_by_key(|(at_us, _)| *at_us);
    Steps::from_values(values)
}
