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
needs: [node-auto-provisioning, gitops, simulated-azure]
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

const POOL: &str = "object: {kind: NodePool, name: general-purpose}";
const REMOVED: &str = "{commit: {edits: [{remove: {object: {kind: NodePool, name: general-purpose}}}]}}";
const MORE: &str = "  - name: more
    do: [{scale: {workloads: all, to: 8}}]
    until: all-pods-ready
    within: 2m
";

fn changed(template: &str) -> String {
    format!(
        "  - name: changed
    do: [{{commit: {{edits: [{{merge: {{{POOL}, patch: {{spec: {{template: {template}}}}}}}}}]}}}}]
    until: in-force
    within: 1m
{MORE}"
    )
}

/// Before, pods had the tolerations of the first tree, and those that came after the commit stayed Pending.
#[test]
fn pods_tolerate_the_taints_that_a_commit_adds() {
    let workload =
        planned("", &changed("{spec: {taints: [{key: x, value: y, effect: NoSchedule}]}}")).workloads.remove(0);
    let taints: Vec<_> = workload.tolerations.iter().map(|it| (it.key.as_str(), it.value.as_deref())).collect();
    assert_eq!((taints, workload.replicas_peak), (vec![("x", Some("y"))], 8));
    assert_eq!(workload.node_selector["workload-class"], "general-purpose");
}

/// Before, pods asked for the label of the first tree, which no node that was made after the commit had.
#[test]
fn pods_name_the_pool_where_its_label_changes() {
    let plan = planned("", &changed("{metadata: {labels: {workload-class: zzz}}}"));
    let selector: Vec<_> = plan.workloads[0].node_selector.iter().collect();
    assert_eq!(selector, [(&"karpenter.sh/nodepool".to_owned(), &"general-purpose".to_owned())]);
    let class = plan.node_config.classes.iter().find(|class| class.name == "general-purpose").unwrap();
    assert!(
        class.aimed_by.contains("do not always carry the label workload-class=general-purpose"),
        "{}",
        class.aimed_by
    );
}

/// Each of these may leave the pool in the cluster: refusing the pods for its removal would be wrong.
#[rstest]
#[case::by_an_annotation("{metadata: {annotations: {\"kustomize.toolkit.fluxcd.io/prune\": disabled}}}", "")]
#[case::by_a_label("{metadata: {labels: {\"kustomize.toolkit.fluxcd.io/reconcile\": Disabled}}}", "")]
#[case::by_hand(
    "{}",
    "{change: {object: pool, patch: {metadata: {annotations: {\"kustomize.toolkit.fluxcd.io/prune\": disabled}}}}}, "
)]
#[case::suspended("{}", "{change: {object: root, patch: {spec: {suspend: true}}, stays: true}}, ")]
#[case::without_pruning("{}", "{change: {object: root, patch: {spec: {prune: false}}, stays: true}}, ")]
fn a_pool_that_flux_does_not_prune_stays(#[case] metadata: &str, #[case] before: &str) {
    let amend = format!("{{merge: {{{POOL}, patch: {metadata}}}}}");
    let phases = format!(
        "  - name: removed
    do: [{before}{{after: 5s, {}]
    for: 10s
{MORE}objects:
  pool: {{apiVersion: karpenter.sh/v1, kind: NodePool, name: general-purpose}}
  root: {{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, namespace: flux-system, name: node-config}}
",
        &REMOVED[1..]
    );
    assert_eq!(planned(&amend, &phases).workloads[0].replicas_peak, 8);
}

/// In the phase of its removal nobody knows when Flux has pruned it, and what a later push brings back is there.
#[rstest]
#[case::in_the_same_phase(
    "    until: all-pods-ready\n    within: 2m\n",
    ", {after: 9s, scale: {workloads: all, to: 8}}"
)]
#[case::brought_back(
    "    for: 10s\n  - name: back\n    do: [{revert: {}}, {scale: {workloads: all, to: 8}}]\n    until: all-pods-ready\n    within: 2m\n",
    ""
)]
#[case::awaited_later(
    "    for: 10s\n  - name: up\n    do: [{scale: {workloads: all, to: 8}}, {azureFault: {noCapacity: {only: {nodepool: general-purpose}}}}]\n    for: 1s\n  - name: back\n    do: [{revert: {}}]\n    until: all-pods-ready\n    within: 2m\n",
    ""
)]
fn a_pool_that_may_be_there_is_used(#[case] rest: &str, #[case] beside: &str) {
    let phases = format!("  - name: removed\n    do: [{REMOVED}{beside}]\n{rest}");
    assert_eq!(planned("", &phases).workloads[0].replicas_peak, 8);
}
