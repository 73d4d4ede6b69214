//! Pods and nodes over time.

use harness_record::RunResult;
use harness_record::event::PhaseOutcome;

use crate::outcome;
use crate::svg::{AreaChart, Layer, Span, TimeMark};
use crate::text;

/// Marks that are drawn; more would hide what they mark.
const MARKS: usize = 24;

pub(crate) const POD_LAYERS: [Layer; 4] = [
    Layer { name: "ready", class: "c-service" },
    Layer { name: "scheduled, not Ready", class: "c-registered" },
    Layer { name: "pending", class: "c-launched" },
    Layer { name: "deleting", class: "c-deleting" },
];

pub(crate) const NODE_LAYERS: [Layer; 4] = [
    Layer { name: "Ready", class: "c-service" },
    Layer { name: "launched, not Ready", class: "c-launched" },
    Layer { name: "claimed, not launched", class: "c-claimed" },
    Layer { name: "deleting", class: "c-deleting" },
];

fn phases(result: &RunResult) -> Vec<Span> {
    result
        .phases
        .iter()
        .filter_map(|phase| {
            let from_us = phase.began_us?;
            let to_us = phase.ended_us.unwrap_or(result.run.duration_us);
            let how = outcome::phase_outcome(phase.outcome, true);
            let title = format!(
                "{}: {} to {}, {how} {}",
                phase.name,
                text::duration(from_us),
                text::duration(to_us),
                phase.detail
            );
            Some(Span {
                name: phase.name.clone(),
                from_us,
                to_us,
                missed: matches!(phase.outcome, Some(PhaseOutcome::DeadlinePassed | PhaseOutcome::Cancelled) | None),
                title: title.trim_end().to_owned(),
            })
        })
        .collect()
}

/// What was done beside scaling and replacing pods: pushes, faults, kills; and what failed. A mark for each pod would be a wall.
fn marks(result: &RunResult) -> Vec<TimeMark> {
    let notable = result.actions.iter().filter(|action| action.error.is_some() || !action.is_routine);
    notable
        .take(MARKS)
        .map(|action| {
            let at_us = action.sent_us.unwrap_or(action.intended_us);
            let failed = action.error.as_ref().map_or(String::new(), |error| format!("\nfailed: {error}"));
            TimeMark { at_us, title: format!("{} at {}{failed}", action.what, text::duration(at_us)) }
        })
        .collect()
}

pub(crate) fn has_marks(result: &RunResult) -> bool {
    !marks(result).is_empty()
}

pub(crate) fn pods(result: &RunResult) -> String {
    let steps: Vec<(u64, [u32; 4])> =
        result.pods_over_time.iter().map(|s| (s.at_us, [s.ready, s.scheduled, s.pending, s.deleting])).collect();
    let of = |pick: fn(&[u32; 4]) -> u32| steps.iter().map(|step| pick(&step.1)).max().unwrap_or(0);
    let label = format!("Pods over time: at most {} Ready and {} pending at once", of(|s| s[0]), of(|s| s[2]));
    chart(result, label, POD_LAYERS, steps)
}

pub(crate) fn nodes(result: &RunResult) -> String {
    let steps: Vec<(u64, [u32; 4])> =
        result.nodes_over_time.iter().map(|s| (s.at_us, [s.ready, s.launched, s.claimed, s.deleting])).collect();
    let most = steps.iter().map(|step| step.1[0]).max().unwrap_or(0);
    chart(result, format!("Nodes over time: at most {most} Ready at once"), NODE_LAYERS, steps)
}

fn chart(result: &RunResult, label: String, layers: [Layer; 4], steps: Vec<(u64, [u32; 4])>) -> String {
    AreaChart { label, layers, steps, end_us: result.run.duration_us, phases: &phases(result), marks: &marks(result) }
        .render()
}
