//! How many pods the plan asks for at each moment.

use std::collections::BTreeSet;

use harness_plan::{Action, Plan};

use super::fold::Timelines;
use super::slots::{Horizon, begun};
use crate::steps::Steps;

/// The replicas that the plan asks for, over time: from the moment at which the request was sent, or was due where it never was. A
/// workload that an autoscaler scales is asked for with its smallest number, since the plan asks for no more.
pub(crate) fn asked(plan: &Plan, timelines: &Timelines, horizon: &Horizon, workload: &str) -> Steps {
    let planned = plan.workloads.iter().find(|known| known.name == workload);
    if let Some(autoscale) = planned.and_then(|workload| workload.autoscale.as_ref()) {
        return Steps::from_values([(0, i64::from(autoscale.min))]);
    }
    let mut recorded = BTreeSet::new();
    let mut values: Vec<(u64, i64)> = Vec::new();
    for action in &timelines.actions.all {
        recorded.extend(action.what.id());
        if let Some(Action::Scale(scale)) = timelines.actions.planned(action)
            && scale.workload() == workload
        {
            values.push((action.sent_us.unwrap_or(action.intended_us), i64::from(scale.to)));
        }
    }
    for (phase, began_us, until_us) in begun(plan, timelines, horizon) {
        for action in &phase.actions {
            let due_us = began_us.saturating_add(action.at_us);
            if let Action::Scale(scale) = &action.action
                && scale.workload() == workload
                && due_us <= until_us
                && !recorded.contains(&action.id)
            {
                values.push((due_us, i64::from(scale.to)));
            }
        }
    }
    // Stable: actions of one moment stay in their order.
    values.sort_by_key(|(at_us, _)| *at_us);
    Steps::from_values(values)
}
