//! What the phases do to the replicas, for the rules that check whether something can happen at all.

use std::collections::BTreeMap;
use std::time::Duration;

use super::length;
use crate::arrival;
use crate::model::{OtherClasses, ScenarioFile};
use harness_plan::{Action, Condition};
use harness_units::Span;
use harness_yaml::Mark;

/// Stands for all workloads that are derived from the tree; no workload can have this name.
pub(crate) const DERIVED: &str = "*";

/// What the phases do, with the values of one run.
pub(crate) struct Schedule {
    pub(crate) phases: Vec<PhaseSchedule>,
}

/// What one phase does.
pub(crate) struct PhaseSchedule {
    /// Its maximum length.
    pub(crate) length: Span,
    /// The conditions that end it; empty where it is held.
    pub(crate) until: Vec<Condition>,
    pub(crate) scalings: Vec<Scaling>,
}

/// One workload scaled by one action.
#[derive(Clone, Debug)]
pub(crate) struct Scaling {
    /// Of the action.
    pub(crate) mark: Mark,
    pub(crate) workload: String,
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// From the start of the phase to its first arrival.
    pub(crate) start: Duration,
    /// From the start of the phase to its last arrival.
    pub(crate) end: Duration,
}

impl Schedule {
    pub(crate) fn of(scenario: &ScenarioFile) -> Self {
        let mut all: Vec<&str> = scenario.workloads.keys().map(String::as_str).collect();
        if scenario.other_classes == OtherClasses::Derived {
            all.push(DERIVED);
        }
        let mut replicas: BTreeMap<&str, u32> = BTreeMap::new();
        let mut phases = Vec::new();
        for phase in &scenario.phases {
            let mut actions: Vec<_> = phase.actions.iter().collect();
            actions.sort_by_key(|action| action.beside.after);
            let mut scalings = Vec::new();
            for action in actions {
                let Action::Scale(scale) = &action.variant else { continue };
                let to = scale.to;
                for workload in all.iter().copied().filter(|name| scale.workloads.selects(name)) {
                    let from = replicas.insert(workload, to).unwrap_or(0);
                    let start = action.beside.after.as_duration();
                    let lasts = arrival::length(&scale.arrival, from.abs_diff(to));
                    scalings.push(Scaling {
                        mark: action.mark,
                        workload: workload.to_owned(),
                        from,
                        to,
                        start,
                        end: start.saturating_add(lasts),
                    });
                }
            }
            phases.push(PhaseSchedule {
                length: length(phase),
                until: phase.until.as_ref().map(|until| until.value.0.clone()).unwrap_or_default(),
                scalings,
            });
        }
        Self { phases }
    }

    pub(crate) fn scalings(&self) -> impl Iterator<Item = &Scaling> {
        self.phases.iter().flat_map(|phase| &phase.scalings)
    }

    /// The most replicas that any phase asks for of a workload.
    pub(crate) fn peak(&self, workload: &str) -> u32 {
        self.scalings().filter(|scaling| scaling.workload == workload).map(|scaling| scaling.to).max().unwrap_or(0)
    }

    /// The fewest replicas that are asked for of a workload from the end of a phase on; `None` where no phase has scaled it by then.
    pub(crate) fn fewest_from(&self, workload: &str, phase: usize) -> Option<u32> {
        let of = |phases: &[PhaseSchedule]| {
            let scalings = phases.iter().flat_map(|phase| &phase.scalings);
            scalings.filter(|scaling| scaling.workload == workload).map(|scaling| scaling.to).collect::<Vec<_>>()
        };
        let (before, after) = self.phases.split_at_checked(phase + 1)?;
        of(before).last().copied().into_iter().chain(of(after)).min()
    }

    /// The longest that an effect of a phase can take: from the start of that phase to the end of the next phase that waits for it.
    /// `None` when no phase causes it.
    pub(crate) fn window(
        &self,
        causes: impl Fn(&Scaling) -> bool,
        awaited_by: impl Fn(&Condition) -> bool,
    ) -> Option<Span> {
        (0..self.phases.len())
            .filter(|start| self.phases[*start].scalings.iter().any(&causes))
            .map(|start| {
                let rest = &self.phases[start..];
                let awaited = rest.iter().position(|phase| phase.until.iter().any(&awaited_by));
                let until = awaited.map_or(rest.len(), |index| index + 1);
                rest[..until].iter().map(|phase| phase.length.as_duration()).sum::<Duration>()
            })
            .max()
            .map(Span::from)
    }
}
