//! The plan: complete, consistent, and the same for the same inputs.

use std::collections::BTreeMap;

use crate::common::{self, builtin, builtin_tree, inputs, scenario, skus};
use harness_plan::{Action, Check, Plan, Profile};
use harness_scenario::{PlanInputs, Scenario, plan};
use harness_yaml::Diagnostic;
use proptest::prelude::*;
use rstest::rstest;

fn planned(scenario: &Scenario, profile: Profile, seed: u64, overrides: &[&str]) -> Plan {
    let plan = try_plan(scenario, profile, seed, overrides);
    plan.unwrap_or_else(|errors| panic!("{}", common::lines(&errors)))
}

fn try_plan(scenario: &Scenario, profile: Profile, seed: u64, overrides: &[&str]) -> Result<Plan, Vec<Diagnostic>> {
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    let (tree, skus) = (builtin_tree(), skus());
    let inputs = PlanInputs { profile, seed, overrides: &overrides, ..inputs(&tree, &skus) };
    plan(scenario, &inputs)
}

#[rstest]
#[case(Profile::Smoke)]
#[case(Profile::Default)]
#[case(Profile::Full)]
fn scale_burst_is_planned_as_reviewed(#[case] profile: Profile) {
    let plan = planned(&builtin("scale-burst"), profile, 7, &[]);
    insta::assert_json_snapshot!(format!("scale-burst-{profile}"), plan, {".nodeConfig.sha256" => "[sha256]"});
}

#[test]
fn overrides_reach_the_plan() {
    let plan = planned(&builtin("scale-burst"), Profile::Smoke, 7, &["podsPerClass=3", "podReadyP99=50s"]);
    assert!(plan.workloads.iter().all(|workload| workload.replicas_peak == 3));
    assert_eq!(plan.parameters["podsPerClass"], "3");
    assert!(plan.expectations.iter().any(|one| one.name == "latency pod_ready by workload p99 <= 50s"));
}

#[test]
fn overrides_must_follow_the_rules() {
    let errors = try_plan(&builtin("scale-burst"), Profile::Default, 7, &["podReadyP99=10m"]).unwrap_err();
    assert!(errors[0].message.contains("cannot fail"), "{}", common::lines(&errors));
}

#[test]
fn a_burst_that_the_limits_cannot_hold_is_refused() {
    let errors = try_plan(&builtin("scale-burst"), Profile::Default, 7, &["podsPerClass=5000"]).unwrap_err();
    assert!(
        errors.iter().any(|error| error.message.contains("do not fit into the limits of `compute-optimized`")),
        "{}",
        common::lines(&errors)
    );
    assert_eq!(errors[0].line, 26, "{}", errors[0]);
}

#[test]
fn the_default_profile_takes_minutes() {
    let scenario = builtin("scale-burst");
    // 5m and 3m of deadlines and 20s of holding; 24s, 20s and 75s in a run that passes.
    assert_eq!(scenario.duration_at_most(Profile::Default).to_string(), "8m20s");
    assert_eq!(scenario.duration_expected(Profile::Default).to_string(), "1m59s");
}

fn text(arrival: &str, up: u32, down: u32) -> String {
    format!(
        "apiVersion: harness/v1
kind: Scenario
name: property
question: Does it hold?
needs: [node-auto-provisioning]
workloads:
  web: {{class: general-purpose, cpu: 500m, memory: 512Mi}}
  cache: {{class: memory-optimized, cpu: 500m, memory: 4Gi}}
phases:
  - name: up
    do: [{{scale: {{workloads: all, to: {up}, arrival: {arrival}}}, after: 2s}}]
    until: all-pods-ready
    within: 2h
  - name: part
    do: [{{scale: {{workloads: [web], to: {down}, arrival: {{constant: {{perSecond: 10}}}}}}}}]
    for: 1h
"
    )
}

fn arrivals() -> impl Strategy<Value = String> {
    let rate = || 0.5_f64..50.0;
    prop_oneof![
        Just("burst".to_owned()),
        rate().prop_map(|rate| format!("{{constant: {{perSecond: {rate}}}}}")),
        (rate(), rate()).prop_map(|(from, to)| format!("{{ramp: {{fromPerSecond: {from}, toPerSecond: {to}}}}}")),
        (rate(), rate())
            .prop_map(|(a, b)| format!("{{steps: [{{perSecond: {a}, for: 3s}}, {{perSecond: {b}, for: 5s}}]}}")),
        rate().prop_map(|rate| format!("{{poisson: {{perSecond: {rate}}}}}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn replicas_follow_from_each_other(arrival in arrivals(), up in 1_u32..200, down in 0_u32..200, seed: u64) {
        prop_assume!(up != down);
        let scenario = scenario(&text(&arrival, up, down));
        let plan = planned(&scenario, Profile::Default, seed, &[]);

        let mut replicas: BTreeMap<&str, u32> = BTreeMap::new();
        let mut ids = Vec::new();
        for phase in &plan.phases {
            prop_assert!(phase.actions.is_sorted_by_key(|action| action.at_us));
            for planned in &phase.actions {
                ids.push(planned.id);
                let Action::Scale(scale) = &planned.action else { continue };
                let (workload, from, to) = (scale.workload(), scale.from.unwrap(), scale.to);
                prop_assert_eq!(replicas.insert(workload, to).unwrap_or(0), from);
                prop_assert_ne!(from, to);
            }
        }
        let count = u32::try_from(ids.len()).unwrap();
        prop_assert_eq!(ids, (1..=count).collect::<Vec<_>>(), "ids are unique and in order");
        prop_assert_eq!(replicas["web"], down);
        prop_assert_eq!(replicas["cache"], up);
        for workload in &plan.workloads {
            let peak = if workload.name == "web" { up.max(down) } else { up };
            prop_assert_eq!(workload.replicas_peak, peak);
        }
        prop_assert!(plan.phases[0].actions.iter().all(|action| action.at_us >= 2_000_000));
        if arrival != "burst" {
            prop_assert_eq!(plan.phases[0].actions.len(), plan.workloads.len() * up as usize);
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_bytes(arrival in arrivals(), seed: u64) {
        let text = text(&arrival, 30, 0);
        let bytes = || serde_json::to_vec(&planned(&scenario(&text), Profile::Default, seed, &[])).unwrap();
        prop_assert_eq!(bytes(), bytes());
    }
}

#[test]
fn only_random_draws_depend_on_the_seed() {
    let phases = |arrival: &str, seed| planned(&scenario(&text(arrival, 30, 0)), Profile::Default, seed, &[]).phases;
    let constant = "{constant: {perSecond: 3}}";
    assert_eq!(phases(constant, 1), phases(constant, 2));
    let poisson = "{poisson: {perSecond: 3}}";
    assert_ne!(phases(poisson, 1), phases(poisson, 2));
}

#[test]
fn a_plan_survives_its_own_file() {
    let plan = planned(&scenario(&text("{poisson: {perSecond: 3}}", 30, 0)), Profile::Default, 1, &[]);
    let read: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(read, plan);
}

#[test]
fn every_condition_is_expected_and_names_are_unique() {
    let plan = planned(&builtin("scale-burst"), Profile::Default, 7, &[]);
    let waiting = plan.phases.iter().filter(|phase| phase.until.is_some()).count();
    let expected = plan.expectations.iter().filter(|one| matches!(one.check, Check::Phase(_))).count();
    assert_eq!((waiting, expected), (2, 2));
    let mut names: Vec<&str> = plan.expectations.iter().map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), plan.expectations.len());
}

/// On the tree that a scenario is written for, the classes that it names must exist and fit.
#[rstest]
#[case(
    "class: general-purpose",
    "class: general-purpos",
    7,
    "no class `general-purpos`",
    "did you mean `general-purpose`?"
)]
#[case(
    "cpu: 500m, memory: 512Mi",
    "cpu: 16, memory: 512Mi",
    7,
    "larger than every size that `general-purpose` can use",
    "request less"
)]
#[case(
    "within: 2h\n",
    "within: 2h\nexpect: [{limits: {nodepools: [general]}}]\n",
    14,
    "no NodePool `general`",
    "it is one of"
)]
#[case(
    "within: 2h\n",
    "within: 2h\n  - {name: deleted, do: [{deleteNodeClaims: {nodepool: general}}], for: 1m}\n",
    14,
    "no NodePool `general`",
    "it is one of"
)]
fn what_a_scenario_names_must_be_in_its_tree(
    #[case] right: &str,
    #[case] wrong: &str,
    #[case] line: u32,
    #[case] message: &str,
    #[case] hint: &str,
) {
    let text = text("burst", 3, 1);
    let text = &text[..text.find("  - name: part").unwrap()];
    assert!(text.contains(right), "the case changes something");
    let scenario = scenario(&text.replacen(right, wrong, 1));
    let tree = builtin_tree();
    let skus = skus();
    let inputs = inputs(&tree, &skus);
    let errors = plan(&scenario, &inputs).unwrap_err();
    assert_eq!(errors.len(), 1, "{}", common::lines(&errors));
    assert_eq!(errors[0].line, line, "{}", errors[0]);
    assert!(errors[0].message.contains(message), "{}", errors[0]);
    assert!(errors[0].hint.as_ref().unwrap().contains(hint), "{}", errors[0]);
}

#[test]
fn a_copy_of_the_tree_runs_the_named_workloads() {
    let tree = harness_tree::read_tree("./clusters/production", &harness_tree::builtin_node_config()).unwrap();
    let skus = skus();
    let inputs = inputs(&tree, &skus);
    let plan = plan(&builtin("scale-burst"), &inputs).unwrap();
    let names: Vec<&str> = plan.workloads.iter().map(|workload| workload.name.as_str()).collect();
    assert_eq!(names, ["cache", "encoder", "web"]);
    assert!(plan.workloads.iter().all(|workload| workload.replicas_peak == 40));
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);
}

#[test]
fn everything_that_azure_can_do_reaches_the_plan() {
    let text = "apiVersion: harness/v1
kind: Scenario
name: faults
question: What if Azure fails?
needs: [node-auto-provisioning, simulated-azure, component-control]
parameters:
  outage: {default: 1m, smoke: 10s}
  part: {default: 0.5}
azure:
  boot: {constant: 7s}
  delete: {samples: [1s, 2s]}
  quotaCores: {F: 0, regional: 100}
  faults:
    - noCapacity: {only: {family: F, zone: \"2\"}}
    - neverRegister: {share: $part, only: {family: D}}
    - slowBoot: {factor: 2.5}
    - operationFail: {code: OperationNotAllowed, message: Family Cores quota}
phases:
  - name: up
    do:
      - {scale: {workloads: all, to: 2}}
      - {after: 4s, azureFault: {throttle: {share: $part, retryAfter: 2s}, for: 30s}}
      - {after: 3s, azureFault: {armOutage: {}, for: $outage}}
      - {after: 5s, killComponent: karpenter}
      - {after: 9s, startComponent: karpenter}
      - {after: 10s, azureFault: {vmCrash: {}}}
      - {after: 11s, azureFault: {spotEvict: {notice: 30s}}}
      - {after: 12s, clearAzureFaults: {}}
    for: 1m
";
    // Spot VMs are evicted only where there can be some.
    let mut files = harness_tree::builtin_node_config();
    files.iter_mut().for_each(|file| file.text = file.text.replace("[on-demand]", "[on-demand, spot]"));
    let tree = harness_tree::read_tree("node-config", &files).unwrap();
    let skus = skus();
    let inputs = PlanInputs { profile: Profile::Smoke, ..inputs(&tree, &skus) };
    let plan = plan(&scenario(text), &inputs).unwrap_or_else(|errors| panic!("{}", common::lines(&errors)));
    insta::assert_json_snapshot!("faults-azure", plan.azure);
    insta::assert_json_snapshot!("faults-actions", plan.phases[0].actions);
}

#[test]
fn the_fields_that_a_scenario_names_are_watched() {
    let text = "\
apiVersion: harness/v1
kind: Scenario
name: example
question: Does it hold?
needs: [gitops]
parameters: {replicas: {default: 2}}
otherClasses: ignored
objects:
  demo: {apiVersion: apps/v1, kind: ReplicaSet, namespace: demo, name: demo}
  stray: {apiVersion: v1, kind: ConfigMap, namespace: demo, name: stray}
phases:
  - name: changed
    do:
      - change: {object: demo, patch: {spec: {replicas: 9, paused: null}}, by: kubectl-edit}
      - change: {create: {apiVersion: v1, kind: ConfigMap, metadata: {name: stray, namespace: demo}, data: {a: b}}, stays: true}
    until:
      - field: {object: demo, path: spec.replicas, atLeast: $replicas}
      - settled: 5s
    within: 1m
expect:
  - latency: {of: drift_corrected, by: object, max: 30s}
  - field: {object: demo, path: 'owners:spec.replicas', contains: somebody, in: [changed]}
  - changes: {object: demo, path: metadata.generation, atMost: 2}
";
    let plan = planned(&scenario(text), Profile::Default, 7, &[]);
    let looked: Vec<String> = plan
        .objects
        .iter()
        .map(|object| {
            format!("{}: {}", object.name, object.paths.iter().map(|path| path.as_str()).collect::<Vec<_>>().join(" "))
        })
        .collect();
    let expected = ["demo: exists metadata.generation owners:spec.replicas spec.paused spec.replicas", "stray: exists"]
        .map(str::to_owned);
    assert_eq!(looked, expected);
    let changes: Vec<&harness_plan::Change> = plan.phases[0]
        .actions
        .iter()
        .filter_map(|planned| match &planned.action {
            Action::Change(change) => Some(change),
            _ => None,
        })
        .collect();
    assert_eq!((changes[0].by.as_str(), changes[1].by.as_str()), ("kubectl-edit", "somebody"));
    assert_eq!(changes[1].object(), "stray");
    let names: Vec<&str> = plan.expectations.iter().map(|one| one.name.as_str()).collect();
    let expected = [
        "phase changed reaches demo: spec.replicas is at least 2 and settled for 5s within 1m",
        "latency drift_corrected by object max <= 30s",
        "demo: owners:spec.replicas contains \"somebody\" at the end of changed",
        "demo: metadata.generation changes at most 2 times",
    ];
    assert_eq!(names, expected);
    let again: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(again, plan);
}

#[test]
fn git_actions_reach_the_plan() {
    let text = "apiVersion: harness/v1
kind: Scenario
name: git
question: What if Git fails?
needs: [gitops, component-control]
parameters:
  commits: {default: 3}
  objects: {default: 500, smoke: 5}
phases:
  - name: storm
    do:
      - gitFault: {slow: 1500ms}
      - after: 1s
        commit:
          times: $commits
          arrival: {constant: {perSecond: 2}}
          edits: [{merge: {object: {kind: NodePool, name: general-purpose}, patch: {metadata: {labels: {commit: \"{n}\"}}}}}]
      - {after: 3s, forcePush: {back: 2, message: instead}}
      - after: 4s
        commit:
          message: many
          addMany: [{object: {apiVersion: v1, kind: ConfigMap, metadata: {name: \"c-{n}\"}}, count: $objects}]
      - {after: 5s, clearGitFaults: {}}
    until: in-force
    within: 1m
expect:
  - appliedInOrder: {last: false}
  - appliedInOrder: {in: [storm]}
  - happened: {what: kustomization-failed, object: node-config, code: BuildFailed, atMost: 0}
  - latency: {of: gitops_healthy, by: kustomization, max: 30s}
";
    let plan = planned(&scenario(text), Profile::Smoke, 7, &[]);
    insta::assert_json_snapshot!("git-actions", plan.phases[0].actions);
    let names: Vec<&str> = plan.expectations.iter().map(|one| one.name.as_str()).collect();
    let expected = [
        "phase storm reaches in-force within 1m",
        "revisions applied in order",
        "revisions applied in order, the last in force in storm",
        "at most 0 x kustomization-failed (object node-config, code BuildFailed)",
        "latency gitops_healthy by kustomization max <= 30s",
    ];
    assert_eq!(names, expected);
}

/// What a scenario of two workloads expects, of which one stays pending.
fn expected_of_two(expect: &str) -> Result<Plan, String> {
    let text = format!(
        "apiVersion: harness/v1
kind: Scenario
name: two
question: Does it hold?
needs: [node-auto-provisioning, gitops, simulated-azure]
workloads:
  web: {{class: general-purpose, cpu: 500m, memory: 512Mi}}
  intruder: {{class: compute-optimized, cpu: 500m, memory: 512Mi, tolerations: none, staysPending: true}}
  crowd: {{class: memory-optimized, cpu: 500m, memory: 512Mi, awaited: false}}
otherClasses: ignored
phases:
  - name: a
    do: [{{azureFault: {{quota: {{scope: F, cores: 4}}}}}}, {{scale: {{workloads: all, to: 12}}}}]
    until: all-pods-ready
    within: 3m
  - {{name: hold, for: 10s}}
expect:
  - {expect}
"
    );
    common::planned_on_its_tree(&text).map_err(|errors| common::lines(&errors))
}

fn selected(plan: &Plan) -> Vec<String> {
    let mut check = plan.expectations.last().unwrap().check.clone();
    check.selection_mut().map(|selection| selection.names().to_vec()).unwrap_or_default()
}

/// Before, the first of these were left out of the plan with no more than a note, and the last was refused.
#[rstest]
#[case::pods_that_stay_pending_in_a_phase("pending: {workloads: [intruder], in: [hold]}", &["intruder"])]
#[case::pods_that_may_find_nodes_later("pending: {workloads: [web, intruder], in: [hold]}", &["intruder", "web"])]
#[case::all_that_find_nodes("unready: {workloads: all, in: [hold]}", &["crowd", "web"])]
#[case::all_that_stay_pending("pending: {workloads: all}", &["intruder"])]
#[case::fewer_than_there_are("unready: {workloads: [web], atLeast: 12, in: [hold]}", &["web"])]
#[case::a_quota_that_only_a_fault_sets("quota: {}", &[])]
fn an_expectation_that_can_fail_reaches_the_plan(#[case] expect: &str, #[case] workloads: &[&str]) {
    let plan = expected_of_two(expect).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(plan.expectations.len(), 2, "the phase and this: {:?}", plan.notes);
    assert_eq!(selected(&plan), workloads);
}

/// Before, nothing said that the workload was left out.
#[test]
fn on_another_tree_a_class_without_nodes_leaves_a_note() {
    let text = text("burst", 3, 1) + "expect: [{unready: {workloads: [web], in: [part]}}]\n";
    let mut files = harness_tree::builtin_node_config();
    for file in files.iter_mut().filter(|file| file.path.ends_with("general-purpose.yaml")) {
        file.text = file.text.replace("cpu: \"1000\"", "cpu: \"0\"");
    }
    let tree = harness_tree::read_tree("./other", &files).unwrap();
    let skus = skus();
    let inputs = inputs(&tree, &skus);
    let plan = plan(&scenario(&text), &inputs).unwrap_or_else(|errors| panic!("{}", common::lines(&errors)));
    let expected = [
        "`web` is left out: `general-purpose` cannot be used: its limits switch it off",
        "`at most 0 pods of web not Ready at the end of part` is left out: no workload or NodePool of this tree matches it",
    ];
    assert_eq!(plan.notes, expected);
}
