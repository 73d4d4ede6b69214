//! Scenarios that change the tree on their way, and use it as it is then. What is refused of this kind is among the refused scenarios.

use crate::common::{self, planned_on_its_tree};
use harness_plan::Plan;
use rstest::rstest;

const LOW: &str = "{merge: {object: {kind: NodePool, name: general-purpose}, patch: {spec: {limits: {cpu: \"4\"}}}}}";
const HIGH: &str = "{merge: {object: {kind: NodePool, name: general-purpose}, patch: {spec: {limits: {cpu: \"50\"}}}}}";

fn planned(amend: &str, phases: &str) -> Plan {
    let text = format!(
        "apiVersion: harness/v1
kind: Scenario
name: example
question: Does the moment count?
needs: [node-auto-provisioning, gitops]
amend: [{amend}]
workloads:
  web: {{class: general-purpose, cpu: 1500m, memory: 512Mi}}
otherClasses: ignored
phases:
{phases}"
    )
    .replace("LOW", LOW)
    .replace("HIGH", HIGH);
    planned_on_its_tree(&text).unwrap_or_else(|errors| panic!("{}", common::lines(&errors)))
}

const RAISED_BEFORE: &str = "  - name: raise
    do: [{commit: {edits: [HIGH]}}]
    until: in-force
    within: 1m
  - name: up
    do: [{scale: {workloads: all, to: 6}}]
    until: all-pods-ready
    within: 2m
";
const RAISED_IN_THE_SAME_PHASE: &str = "  - name: up
    do: [{scale: {workloads: all, to: 6}}, {after: 10s, commit: {edits: [HIGH]}}]
    until: all-pods-ready
    within: 2m
";
const RAISED_WHILE_PODS_ARE_PENDING: &str = "  - name: up
    do: [{scale: {workloads: all, to: 6}}]
    for: 30s
  - name: raise
    do: [{commit: {edits: [HIGH]}}]
    until: all-pods-ready
    within: 2m
";

/// "`web` has 2 pods where the scenario asks for 6" was the answer to each of these, since the limits before the first phase were taken.
#[rstest]
#[case(RAISED_BEFORE)]
#[case(RAISED_IN_THE_SAME_PHASE)]
#[case(RAISED_WHILE_PODS_ARE_PENDING)]
fn a_commit_may_raise_the_limit_before_the_pods_are_waited_for(#[case] phases: &str) {
    assert_eq!(planned("LOW", phases).workloads[0].replicas_peak, 6);
}

/// A revert and a force-push count as what they undo.
#[test]
fn what_is_undone_is_no_longer_in_force() {
    let phases = "  - name: lowered
    do: [{commit: {edits: [LOW]}}]
    for: 10s
  - name: reverted
    do: [{revert: {}}]
    for: 10s
  - name: lowered-again
    do: [{commit: {edits: [LOW]}}]
    for: 10s
  - name: rewritten
    do: [{forcePush: {back: 1}}]
    for: 10s
  - name: up
    do: [{scale: {workloads: all, to: 6}}]
    until: all-pods-ready
    within: 2m
";
    assert_eq!(planned("HIGH", phases).workloads[0].replicas_peak, 6);
}

/// Flux refuses the commit, so that the limits before it stay in force.
#[test]
fn a_commit_that_is_refused_changes_nothing() {
    let phases = "  - name: refused
    do: [{commit: {edits: [LOW, {merge: {object: {kind: NodePool}, patch: {spec: {limit: {}}}}}]}}]
    until: {happened: {what: kustomization-failed}}
    within: 1m
  - name: up
    do: [{scale: {workloads: all, to: 6}}]
    until: all-pods-ready
    within: 2m
";
    assert_eq!(planned("HIGH", phases).workloads[0].replicas_peak, 6);
}
