//! Which pod was planned for when: from scale actions and creations to samples.

use crate::log_builder::{BURST, LogBuilder, MS, S, plan};
use harness_plan::*;
use harness_record::event::*;
use harness_record::latency::{Cause, Percentile};
use harness_record::result::Latency;
use harness_record::{Event, RunResult};

/// A run of `web` alone, its burst phase started.
fn burst_started() -> LogBuilder {
    let mut builder = LogBuilder::default();
    builder.phase_began(BURST, "burst");
    builder
}

fn scale(builder: &mut LogBuilder, at_us: u64, id: u32, from: u32, to: u32) {
    builder.do_planned(at_us, id, "burst", Action::Scale(Scale::step("web", from, to)));
}

/// A pod with the moments at which it was created, Ready, and deleted.
fn pod(builder: &mut LogBuilder, name: &str, created_us: u64, ready_us: Option<u64>, going_us: Option<u64>) {
    let pod = builder.key(ObjectKind::Pod, name);
    builder.reached(created_us, &pod, Reached::Created, &[(attribute::WORKLOAD, "web")]);
    if let Some(at_us) = ready_us {
        builder.reached(at_us - MS, &pod, Reached::Scheduled, &[(attribute::NODE, "n")]);
        builder.reached(at_us, &pod, Reached::Ready, &[]);
    }
    if let Some(at_us) = going_us {
        builder.reached(at_us, &pod, Reached::Deleting, &[]);
    }
}

fn result(mut builder: LogBuilder, end_us: u64) -> RunResult {
    builder.ended(end_us, EndReason::Completed, "");
    // Only web's actions were due.
    let mut plan = plan();
    plan.phases[0].actions.clone_from(&builder.to_plan);
    crate::result_of(&plan, builder.events())
}

fn latency(result: &RunResult, name: LatencyName) -> &Latency {
    result.latencies.iter().find(|it| it.name == name && it.labels.is_empty()).expect("has samples")
}

fn causes(latency: &Latency) -> Vec<(u64, Cause)> {
    latency.samples.censored.iter().map(|it| (it.at_least_us, it.cause)).collect()
}

#[test]
fn each_pod_counts_from_the_action_that_covers_it() {
    let mut builder = burst_started();
    scale(&mut builder, BURST, 0, 0, 1);
    scale(&mut builder, BURST + 10 * S, 1, 1, 3);
    pod(&mut builder, "a", BURST + 50 * MS, Some(BURST + 2 * S), None);
    pod(&mut builder, "b", BURST + 10 * S + 50 * MS, Some(BURST + 13 * S), None);
    pod(&mut builder, "c", BURST + 10 * S + 60 * MS, Some(BURST + 14 * S), None);
    let result = result(builder, BURST + 20 * S);
    assert_eq!(latency(&result, LatencyName::PodReady).samples.measured_us, [2 * S, 3 * S, 4 * S]);
    // Acknowledged 11 ms after it was due.
    let service = latency(&result, LatencyName::PodReadyService);
    assert_eq!(service.samples.measured_us, [2 * S - 11 * MS, 3 * S - 11 * MS, 4 * S - 11 * MS]);
    assert_eq!((result.counts.pods_planned, result.counts.pods_replaced), (3, 0));
}

#[test]
fn a_slow_request_is_part_of_the_response_time() {
    let mut builder = burst_started();
    let scale = Action::Scale(Scale::step("web", 0, 1));
    builder.to_plan.push(PlannedAction { id: 0, at_us: 0, action: scale });
    builder.at(
        BURST + 5 * S,
        harness_record::EventKind::Action(ActionStamps {
            what: ActionKind::Planned(0),
            phase: "burst".to_owned(),
            intended_us: BURST,
            sent_us: Some(BURST + 4 * S),
            acked_us: Some(BURST + 5 * S),
            error: None,
        }),
    );
    pod(&mut builder, "a", BURST + 5 * S, Some(BURST + 6 * S), None);
    let result = result(builder, BURST + 7 * S);
    assert_eq!(latency(&result, LatencyName::PodReady).stats.max, Some(Percentile::Measured(6 * S)));
    assert_eq!(latency(&result, LatencyName::PodReadyService).stats.max, Some(Percentile::Measured(S)));
    assert_eq!(result.self_audit.send_lag.count, 1);
    assert!(result.self_audit.send_lag.max_us.abs_diff(4 * S) <= 4 * S / 1_000);
}

#[test]
fn a_pod_that_was_planned_and_never_created_is_censored() {
    let mut builder = burst_started();
    scale(&mut builder, BURST, 0, 0, 3);
    pod(&mut builder, "a", BURST + 50 * MS, Some(BURST + 2 * S), None);
    let result = result(builder, BURST + 9 * S);
    let ready = latency(&result, LatencyName::PodReady);
    assert_eq!((ready.stats.count, ready.stats.censored), (3, 2));
    assert_eq!(causes(ready), [(9 * S, Cause::Open); 2]);
    assert_eq!(ready.stats.p50, Some(Percentile::Beyond(9 * S)));
}

#[test]
fn a_pod_that_the_plan_removes_is_censored_with_the_time_it_had() {
    let mut builder = burst_started();
    scale(&mut builder, BURST, 0, 0, 2);
    pod(&mut builder, "a", BURST + 50 * MS, Some(BURST + 2 * S), Some(BURST + 5 * S));
    pod(&mut builder, "b", BURST + 60 * MS, None, Some(BURST + 5 * S));
    scale(&mut builder, BURST + 4 * S, 1, 2, 0);
    let result = result(builder, BURST + 9 * S);
    assert_eq!(causes(latency(&result, LatencyName::PodReady)), [(5 * S, Cause::Withdrawn)]);
}

#[test]
fn a_passed_deadline_is_not_excused_by_the_drain() {
    let mut builder = burst_started();
    scale(&mut builder, BURST, 0, 0, 1);
    pod(&mut builder, "a", BURST + 50 * MS, None, Some(BURST + 65 * S));
    builder.phase_ended(BURST + 60 * S, "burst", PhaseOutcome::DeadlinePassed, "web: 0 of 1 pods Ready");
    scale(&mut builder, BURST + 64 * S, 1, 1, 0);
    let result = result(builder, BURST + 70 * S);
    assert_eq!(causes(latency(&result, LatencyName::PodReady)), [(65 * S, Cause::Never)]);
}

#[test]
fn an_evicted_pods_replacement_is_measured_from_the_same_moment() {
    let mut builder = burst_started();
    scale(&mut builder, BURST, 0, 0, 1);
    pod(&mut builder, "a", BURST + 50 * MS, None, Some(BURST + 3 * S));
    pod(&mut builder, "b", BURST + 3 * S + 20 * MS, Some(BURST + 8 * S), None);
    let result = result(builder, BURST + 20 * S);
    let ready = latency(&result, LatencyName::PodReady);
    assert_eq!((ready.samples.measured_us.as_slice(), ready.stats.censored), ([8 * S].as_slice(), 0));
}

#[test]
fn a_pod_that_the_plan_replaced_counts_from_the_moment_it_was_to_be_replaced() {
    let mut builder = burst_started();
    scale(&mut builder, BURST, 0, 0, 2);
    pod(&mut builder, "a", BURST + 50 * MS, Some(BURST + 2 * S), Some(BURST + 5 * S));
    pod(&mut builder, "b", BURST + 60 * MS, None, Some(BURST + 9 * S));
    builder.do_planned(BURST + 4 * S, 1, "burst", Action::Replace(Replace::one("web")));
    pod(&mut builder, "c", BURST + 5 * S + 20 * MS, Some(BURST + 8 * S), None);
    // One deletion is excused, a second one is not: this pod replaces one that was deleted, not by the plan, before it was Ready.
    pod(&mut builder, "d", BURST + 9 * S + 20 * MS, Some(BURST + 10 * S), None);
    let result = result(builder, BURST + 20 * S);
    let ready = latency(&result, LatencyName::PodReady);
    assert_eq!((ready.samples.measured_us.as_slice(), ready.stats.censored), ([2 * S, 4 * S, 10 * S].as_slice(), 0));
    assert_eq!((result.counts.pods_planned, result.counts.pods_replaced), (3, 0));
}

#[test]
fn a_replacement_that_was_refused_excuses_no_deletion() {
    let mut builder = burst_started();
    scale(&mut builder, BURST, 0, 0, 1);
    pod(&mut builder, "a", BURST + 50 * MS, Some(BURST + 2 * S), None);
    let replace = Action::Replace(Replace::one("web"));
    builder.to_plan.push(PlannedAction { id: 1, at_us: 0, action: replace });
    let refused = ActionStamps {
        what: ActionKind::Planned(1),
        phase: "burst".to_owned(),
        intended_us: BURST + 4 * S,
        sent_us: Some(BURST + 4 * S),
        acked_us: None,
        error: Some("403".to_owned()),
    };
    builder.at(BURST + 4 * S, harness_record::EventKind::Action(refused));
    let result = result(builder, BURST + 9 * S);
    let ready = latency(&result, LatencyName::PodReady);
    assert_eq!(causes(ready), [(5 * S, Cause::Open)]);
    assert_eq!(result.counts.actions_failed, 1);
}

#[test]
fn a_replacement_of_a_ready_pod_is_not_a_sample() {
    let mut builder = burst_started();
    scale(&mut builder, BURST, 0, 0, 1);
    pod(&mut builder, "a", BURST + 50 * MS, Some(BURST + 2 * S), Some(BURST + 5 * S));
    pod(&mut builder, "b", BURST + 5 * S + 20 * MS, Some(BURST + 8 * S), None);
    let result = result(builder, BURST + 20 * S);
    assert_eq!(latency(&result, LatencyName::PodReady).samples.measured_us, [2 * S]);
    assert_eq!((result.counts.pods_created, result.counts.pods_replaced), (2, 1));
}

#[test]
fn growth_after_a_drain_starts_anew() {
    let mut builder = burst_started();
    scale(&mut builder, BURST, 0, 0, 2);
    // One of the two was never created.
    pod(&mut builder, "a", BURST + 50 * MS, Some(BURST + 2 * S), Some(BURST + 11 * S));
    scale(&mut builder, BURST + 10 * S, 1, 2, 0);
    scale(&mut builder, BURST + 20 * S, 2, 0, 1);
    pod(&mut builder, "b", BURST + 20 * S + 50 * MS, Some(BURST + 23 * S), None);
    let result = result(builder, BURST + 30 * S);
    let ready = latency(&result, LatencyName::PodReady);
    assert_eq!(ready.samples.measured_us, [2 * S, 3 * S]);
    assert_eq!(causes(ready), [(10 * S + MS, Cause::Withdrawn)]);
}

#[test]
fn an_action_that_left_no_trace_counts_as_planned() {
    let mut builder = burst_started();
    // Killed before the request was answered: the plan says that 12 pods of web were due, and of the others 18.
    builder.at(BURST + 4 * S, harness_record::EventKind::Audit(Audit::Requests { sent: 1 }));
    let result = crate::result_of(&plan(), builder.events());
    let ready = latency(&result, LatencyName::PodReady);
    assert_eq!((ready.stats.count, ready.stats.censored), (30, 30));
    assert_eq!(ready.stats.min, Some(Percentile::Beyond(4 * S)));
    // No pod of web was ever seen, and it is known to which workload they belong.
    let of_web = |it: &&Latency| it.labels.get("workload").is_some_and(|workload| workload == "web");
    assert_eq!(result.latencies.iter().find(of_web).unwrap().stats.censored, 12);
    assert!(!result.latencies.iter().any(|it| it.name == LatencyName::PodReadyService));
}

#[test]
fn a_pod_that_was_only_listed_is_censored() {
    let mut builder = burst_started();
    scale(&mut builder, BURST, 0, 0, 1);
    pod(&mut builder, "a", BURST + 50 * MS, Some(BURST + 2 * S), None);
    let to_plan = builder.to_plan.clone();
    let mut events: Vec<Event> = builder.events();
    for event in &mut events {
        if let harness_record::EventKind::Milestone(milestone) = &mut event.kind
            && milestone.reached == Reached::Ready
        {
            milestone.seen = Seen::Listed;
        }
    }
    let mut plan = plan();
    plan.phases[0].actions = to_plan;
    let result = crate::result_of(&plan, events);
    assert_eq!(causes(latency(&result, LatencyName::PodReady)), [(2 * S, Cause::Unseen)]);
    // Its binding was seen as it happened.
    assert_eq!(latency(&result, LatencyName::PodScheduled).stats.censored, 0);
}

#[test]
fn a_drifted_node_is_replaced_when_the_new_one_is_ready_and_the_old_one_gone() {
    let mut builder = burst_started();
    let pool = [(attribute::NODEPOOL, "general-purpose")];
    let old = builder.key(ObjectKind::NodeClaim, "old");
    let old_node = builder.key(ObjectKind::Node, "old-node");
    builder.reached(BURST, &old, Reached::Created, &pool);
    builder.reached(BURST + S, &old, Reached::Registered, &[(attribute::NODE, "old-node")]);
    builder.reached(BURST + S, &old_node, Reached::Created, &[]);
    // A neighbour from before cannot be its replacement, nor can one of another pool.
    let neighbour = builder.key(ObjectKind::NodeClaim, "neighbour");
    builder.reached(BURST + S, &neighbour, Reached::Created, &pool);
    builder.reached(BURST + 9 * S, &neighbour, Reached::Initialized, &[]);
    builder.reached(BURST + 10 * S, &old, Reached::Drifted, &[]);
    builder.reached(BURST + 12 * S, &old, Reached::Disrupted, &[(attribute::REASON, "Drifted")]);
    let other = builder.key(ObjectKind::NodeClaim, "other");
    builder.reached(BURST + 13 * S, &other, Reached::Created, &[(attribute::NODEPOOL, "memory-optimized")]);
    let new = builder.key(ObjectKind::NodeClaim, "new");
    builder.reached(BURST + 14 * S, &new, Reached::Created, &pool);
    builder.reached(BURST + 22 * S, &new, Reached::Initialized, &[]);
    builder.reached(BURST + 24 * S, &old, Reached::Deleting, &[]);
    builder.reached(BURST + 30 * S, &old_node, Reached::Deleted, &[]);
    let result = result(builder, BURST + 40 * S);
    assert_eq!(latency(&result, LatencyName::NodeReplaced).samples.measured_us, [20 * S]);
    let row = result.nodes.iter().find(|row| row.nodeclaim == "old").unwrap();
    assert_eq!((row.drifted_us, row.disruption_reason.as_str()), (Some(BURST + 10 * S), "Drifted"));
}
