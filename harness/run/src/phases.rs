//! The plan's phases, one after another.

use std::collections::BTreeMap;

use harness_record::event::PhaseOutcome;
use harness_scenario::Span;
use harness_scenario::plan::{Action, Phase, Plan, Until};

use crate::drive::{Driver, Tools};
use crate::state::State;

/// A phase with a condition and no deadline of its own gets this one; the planner always sets one.
const DEADLINE: Span = Span::from_secs(300);

/// Carries out every phase. A phase whose deadline passes does not end the run: what comes after it may still answer
/// something, and the fleet must come down in any case.
pub(crate) async fn run(plan: &Plan, tools: &Tools) {
    let mut wanted: BTreeMap<String, u32> = plan.workloads.iter().map(|workload| (workload.name.clone(), 0)).collect();
    for phase in &plan.phases {
        let hub = &tools.hub;
        let began_us = hub.begin_phase(&phase.name);
        for planned in &phase.actions {
            if let Action::Scale { workload, to, .. } = &planned.action {
                wanted.insert(workload.clone(), *to);
            }
        }
        let mut driver = Driver::start(phase, began_us, tools);
        let (outcome, detail) = end(phase, began_us, &wanted, &mut driver, tools).await;
        hub.end_phase(outcome, detail);
    }
}

async fn end(
    phase: &Phase,
    began_us: u64,
    wanted: &BTreeMap<String, u32>,
    driver: &mut Driver,
    tools: &Tools,
) -> (PhaseOutcome, String) {
    let hub = &tools.hub;
    let deadline = |span: Span| tokio::time::Instant::from(hub.clock.instant(began_us + span.as_micros()));
    let Some(until) = phase.until else {
        tokio::time::sleep_until(deadline(phase.hold.unwrap_or(Span::ZERO))).await;
        driver.finished().await;
        return (PhaseOutcome::Held, String::new());
    };
    let mut missing = String::new();
    let reached = async {
        // The condition may hold before the last action is sent: a phase is not over while something is still due.
        driver.finished().await;
        hub.wait_for(&mut missing, |state| reached(until, state, wanted)).await;
    };
    match tokio::time::timeout_at(deadline(phase.within.unwrap_or(DEADLINE)), reached).await {
        Ok(()) => (PhaseOutcome::Reached, String::new()),
        Err(_) => {
            // The last look may be older than the deadline when nothing changed; say how it is now.
            let now = hub.read(|state| self::reached(until, state, wanted).err());
            (PhaseOutcome::DeadlinePassed, now.unwrap_or(missing))
        }
    }
}

/// Whether the condition holds, or what is missing.
fn reached(until: Until, state: &State, wanted: &BTreeMap<String, u32>) -> Result<(), String> {
    match until {
        Until::AllPodsReady => {
            let ready = state.ready_pods();
            let missing: Vec<String> = wanted
                .iter()
                .map(|(workload, wanted)| (workload, ready.get(workload.as_str()).copied().unwrap_or(0), wanted))
                .filter(|(_, ready, wanted)| ready != *wanted)
                .map(|(workload, ready, wanted)| format!("{workload}: {ready} of {wanted} pods Ready"))
                .collect();
            if missing.is_empty() { Ok(()) } else { Err(missing.join(", ")) }
        }
        Until::NoPods if state.pods() == 0 => Ok(()),
        Until::NoPods => Err(format!("{} pods left", state.pods())),
        Until::NoNodes => {
            let empty =
                state.nodeclaims().next().is_none() && state.nodes().next().is_none() && state.vms().next().is_none();
            if empty { Ok(()) } else { Err(format!("left: {}", state.fleet())) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_record::event::{Milestone, ObjectKey, ObjectKind, Reached, Seen, attribute};
    use harness_record::{Event, EventKind};

    fn pod(uid: &str, reached: Reached) -> Event {
        let object =
            ObjectKey { kind: ObjectKind::Pod, namespace: "n".to_owned(), name: uid.to_owned(), uid: uid.to_owned() };
        let attributes = BTreeMap::from([(attribute::WORKLOAD.to_owned(), "web".to_owned())]);
        let milestone = Milestone { object, reached, seen: Seen::Live, server: None, attributes };
        Event { at_us: 0, kind: EventKind::Milestone(milestone) }
    }

    #[test]
    fn all_pods_ready_means_as_many_as_were_asked_for() {
        let wanted = BTreeMap::from([("web".to_owned(), 2), ("idle".to_owned(), 0)]);
        let mut state = State::default();
        state.apply(&pod("a", Reached::Ready));
        let missing = reached(Until::AllPodsReady, &state, &wanted);
        assert_eq!(missing, Err("web: 1 of 2 pods Ready".to_owned()));
        state.apply(&pod("b", Reached::Ready));
        assert_eq!(reached(Until::AllPodsReady, &state, &wanted), Ok(()));
        state.apply(&pod("c", Reached::Ready));
        assert!(reached(Until::AllPodsReady, &state, &wanted).is_err(), "one too many is not what was asked for");
    }

    #[test]
    fn no_nodes_waits_for_the_last_of_all_three() {
        let state = State::default();
        assert_eq!(reached(Until::NoNodes, &state, &BTreeMap::new()), Ok(()));
    }
}
