//! What the phases do to the replicas, for the rules that ask whether something can happen at all.

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

/// What the phases do, by the values of one run.
pub(crate) struct Story {
    pub(crate) phases: Vec<Told>,
}

/// What one phase does.
pub(crate) struct Told {
    /// The most that it lasts.
    pub(crate) length: Span,
    /// What ends it, all at once; empty where it is held.
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
    /// From the phase's begin to its first arrival.
    pub(crate) begin: Duration,
    /// From the phase's begin to its last arrival.
    pub(crate) end: Duration,
}

impl Story {
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
                    let begin = action.beside.after.as_duration();
                    let lasts = arrival::length(&scale.arrival, from.abs_diff(to));
                    scalings.push(Scaling {
                        mark: action.mark,
                        workload: workload.to_owned(),
                        from,
                        to,
                        begin,
                        end: begin.saturating_add(lasts),
                    });
                }
            }
            phases.push(Told {
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

    /// Whether a workload ever gets pods.
    pub(crate) fn ever_runs(&self, workload: &str) -> bool {
        self.scalings().any(|scaling| scaling.workload == workload && scaling.to > 0)
    }

    /// The longest that what a phase causes can take: from that phase's begin to the end of the next phase that waits for it.
    /// `None` when no phase causes it.
    pub(crate) fn window(
        &self,
        causes: impl Fn(&Scaling) -> bool,
        awaited_by: impl Fn(&Condition) -> bool,
    ) -> Option<Span> {
        (0..self.phases.len())
            .filter(|begin| self.phases[*begin].scalings.iter().any(&causes))
            .map(|begin| {
                let rest = &self.phases[begin..];
                let awaited = rest.iter().position(|phase| phase.until.iter().any(&awaited_by));
                let until = awaited.map_or(rest.len(), |index| index + 1);
                rest[..until].iter().map(|phase| phase.length.as_duration()).sum::<Duration>()
            })
            .max()
            .map(Span::from)
    }
}
