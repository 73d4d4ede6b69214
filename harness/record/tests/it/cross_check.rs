//! The cross-check against the simulated Azure's own record reveals wrong measurements.

use crate::log_builder::{Fault, MS, S, plan, run};
use harness_record::event::{ObjectKind, Reached};
use harness_record::result::CrossCheck;
use harness_record::{Event, EventKind};

/// Moves the stamps of one milestone; `by_us` gets the object's name and the stamp.
fn restamped(kind: ObjectKind, reached: Reached, new_us: impl Fn(usize, u64) -> u64) -> Vec<Event> {
    let mut events = run(&Fault::None);
    let is_it = |event: &&mut Event| matches!(&event.kind, EventKind::Milestone(it) if it.object.kind == kind && it.reached == reached);
    for (index, event) in events.iter_mut().filter(is_it).enumerate() {
        event.at_us = new_us(index, event.at_us);
    }
    events.sort_by_key(|event| event.at_us);
    events
}

fn checked(events: Vec<Event>) -> (CrossCheck, Vec<String>) {
    let result = crate::result_of(&plan(), events);
    (result.cross_check.unwrap(), result.warnings)
}

#[test]
fn a_clean_recording_has_no_warning() {
    let (check, warnings) = checked(run(&Fault::None));
    assert!(check.provisioning.max_us <= 15 * MS, "{check:?}");
    assert_eq!(check.late_start.count, 0);
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn a_delayed_watch_of_nodes_is_a_warning() {
    // As if nothing had been read for 1.5 s when the first Node became Ready.
    let (check, warnings) = checked(restamped(ObjectKind::Node, Reached::Ready, |index, at_us| match index {
        0 => at_us + 1_500 * MS,
        _ => at_us,
    }));
    assert!(check.observation.max_us >= 1_500 * MS && check.provisioning.max_us >= 1_500 * MS, "{check:?}");
    assert!(check.observation.p50_us <= 15 * MS, "{check:?}");
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(warning.contains("seen up to 1.51s") && warning.contains("latencies may be too long"), "{warning}");
}

#[test]
fn a_delayed_watch_of_nodeclaims_is_a_warning() {
    let (check, warnings) = checked(restamped(ObjectKind::NodeClaim, Reached::Created, |index, at_us| match index {
        0 | 1 => at_us + 80 * MS + 900 * MS,
        _ => at_us,
    }));
    assert_eq!(check.late_start.count, 2);
    assert!(check.late_start.max_us >= 899 * MS && check.provisioning.max_us >= 880 * MS, "{check:?}");
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(warning.contains("2 NodeClaims seen up to") && warning.contains("too short"), "{warning}");
}

#[test]
fn nodes_that_are_mistaken_for_each_other_show() {
    // Every Node has the moment of another Node, 2 s apart.
    let (check, _) = checked(restamped(ObjectKind::Node, Reached::Ready, |index, at_us| match index % 2 {
        0 => at_us + 2 * S,
        _ => at_us - 2 * S,
    }));
    assert!(check.provisioning.p50_us >= 1_900 * MS, "{check:?}");
}
