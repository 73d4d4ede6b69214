//! The recordings match the scenarios: there is one for each, of the plan that its file makes today.

use std::path::Path;
use std::process::Command;

use harness_plan::{Phase, Plan};
use harness_scenario::{PlanInputs, Scenario, plan};
use harness_testing::recordings;
use harness_tree::derive::NodeOverhead;
use harness_tree::{
    LayersTree, SkuFact, SourceFile, amend, builtin_gitops, builtin_node_config, read_tree, with_layers,
};
use harness_units::{Bytes, Millicores};
use rstest::rstest;

use crate::recording::Recording;

/// VM sizes for plans that are made without a target.
#[path = "../../../scenario/tests/it/common/mod.rs"]
#[allow(dead_code, reason = "the scenario crate's tests use more of it")]
mod common;

/// What to do where a test fails: a recording is made by a run of the scenario.
fn record(name: &str) -> String {
    format!("make it with `ci/record.sh {name}` and commit fixtures/recordings/{name}")
}

#[rstest]
fn a_scenario_has_a_recording_of_what_it_plans(#[files("../../scenarios/*.yaml")] path: std::path::PathBuf) {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let folder = recordings::folder().join(&name);
    assert!(folder.is_dir(), "there is no recorded run of scenario {name}: {}", record(&name));
    let recording = Recording::read(&folder);
    assert!(recording.passed(), "the recorded run of {name} did not pass: {}", record(&name));
    let text = std::fs::read_to_string(&path).unwrap();
    let now = planned(&common::scenario(&text), &recording.plan);
    let stale =
        |what: &str| format!("{name} plans {what} that differ from those of its recorded run: {}", record(&name));
    // The checks, not their names: a name is text, and text may be improved.
    let checks = |plan: &Plan| plan.expectations.iter().map(|it| (it.group.clone(), it.check.clone())).collect();
    let (checked_now, checked_then): (Vec<_>, Vec<_>) = (checks(&now), checks(&recording.plan));
    let changed = checked_now.iter().zip(&checked_then).find(|(now, then)| now != then);
    assert_eq!(changed, None, "{}", stale("checks"));
    assert_eq!(checked_now.len(), checked_then.len(), "{}", stale("expectations"));
    for (now, then) in now.phases.iter().zip(&recording.plan.phases) {
        assert_eq!(without_draws(now), without_draws(then), "{}", stale("phases"));
    }
    assert_eq!(now.phases.len(), recording.plan.phases.len(), "{}", stale("phases"));
}

/// Name of a phase, number of its actions, and how it ends; without the times of the actions, which are drawn.
fn without_draws(phase: &Phase) -> (String, usize, String) {
    let ends = format!("{:?} within {:?} for {:?}", phase.until, phase.within, phase.hold);
    (phase.name.clone(), phase.actions.len(), ends)
}

/// The plan of the scenario as it is now, with the profile, seed and parameters of the recorded run.
fn planned(scenario: &Scenario, recorded: &Plan) -> Plan {
    let mut files = builtin_node_config();
    let source = "node-config";
    if let Some(gitops) = &scenario.model().gitops
        && let Some(layers) = &gitops.tree
    {
        assert_eq!(layers, "gitops", "only the built-in layers are known here");
        let layers = LayersTree { source: layers, files: &builtin_gitops(), entry: gitops.entry() };
        files = with_layers(source, &files, &layers).unwrap();
    }
    files = amend(&files, scenario.amendments()).unwrap();
    files.iter_mut().for_each(fill);
    let tree = read_tree(source, &files).unwrap_or_else(|findings| panic!("{}", common::lines(&findings)));
    let skus = sizes();
    let inputs = PlanInputs {
        profile: recorded.profile,
        seed: recorded.seed,
        overrides: &[],
        tree: &tree,
        daemon_sets: NodeOverhead::default(),
        operations: &[],
        skus: &skus,
    };
    plan(scenario, &inputs).unwrap_or_else(|errors| panic!("{}", common::lines(&errors)))
}

/// The sizes of the scenario crate's tests, and for each with eight cores one that is twice and one that is four times as large:
/// some scenarios need large nodes.
fn sizes() -> Vec<SkuFact> {
    let mut sizes = common::skus();
    let eight: Vec<SkuFact> = sizes.iter().filter(|size| size.vcpus == 8).cloned().collect();
    for (size, times) in eight.iter().flat_map(|size| [(size, 2), (size, 4)]) {
        sizes.push(SkuFact {
            name: size.name.replacen('8', &(8 * times).to_string(), 1),
            vcpus: size.vcpus * times,
            memory_mib: size.memory_mib * u64::from(times),
            price_on_demand_micro_usd_per_hour: size.price_on_demand_micro_usd_per_hour * u64::from(times),
            allocatable_cpu: Millicores(size.allocatable_cpu.0 * u64::from(times)),
            allocatable_memory: Bytes(size.allocatable_memory.0 * u64::from(times)),
            ..size.clone()
        });
    }
    sizes
}

/// Replaces the placeholders for what is known only when a tree is pushed: `{cron+1m}`, `{webhook}`, `{registry}`,
/// `{subnets}`.
fn fill(file: &mut SourceFile) {
    let subnets = "/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/virtualNetworks/V/subnets";
    for (placeholder, value) in
        [("{webhook}", "http://127.0.0.1:1"), ("{registry}", "127.0.0.1:1"), ("{subnets}", subnets)]
    {
        file.text = file.text.replace(placeholder, value);
    }
    while let Some(start) = file.text.find("{cron") {
        let end = start + file.text[start..].find('}').expect("a closing brace");
        file.text.replace_range(start..=end, "0 0 1 1 *");
    }
}

/// Folders are found when the tests are compiled: one that was added later has no tests yet.
#[test]
fn every_recording_has_its_tests() {
    let tests = Command::new(std::env::current_exe().unwrap()).arg("--list").output().unwrap();
    let tests = String::from_utf8(tests.stdout).unwrap();
    let compiled: Vec<&str> =
        tests.lines().filter(|line| line.starts_with("recorded::comes_to_the_recorded_verdict")).collect();
    let recordings = recordings::names().unwrap();
    assert_eq!(
        compiled.len(),
        recordings.len(),
        "recordings were added or removed after these tests were compiled: `touch harness/record/tests/it/main.rs \
         harness/report/tests/it/main.rs` and run them again\n{recordings:#?}\n{compiled:#?}"
    );
}

/// The recording of a counter-case is beside that of its scenario.
#[test]
fn a_case_has_its_scenario() {
    let recordings = recordings::names().unwrap();
    let cases: Vec<(&str, &str)> = recordings.iter().filter_map(|name| name.split_once("--")).collect();
    for (scenario, case) in cases {
        assert!(
            recordings.iter().any(|name| name == scenario),
            "{scenario}--{case} is a case of a scenario without a recording"
        );
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../scenarios/{scenario}.yaml"));
        assert!(file.is_file(), "{scenario}--{case} is a case of an unknown scenario");
        assert!(!Recording::read(&recordings_folder(scenario, case)).passed(), "{scenario}--{case} passed");
    }
}

fn recordings_folder(scenario: &str, case: &str) -> std::path::PathBuf {
    recordings::folder().join(format!("{scenario}--{case}"))
}
