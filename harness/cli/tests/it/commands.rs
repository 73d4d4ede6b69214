//! Commands, as users type them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use harness_testing::{recordings, repository};
use rstest::rstest;

use crate::harness;

fn invoke(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = harness().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn write(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_same_inputs_give_the_same_plan_byte_for_byte() {
    let arguments = ["plan", "scale-burst", "--profile", "full", "--seed", "42", "--set", "podsPerClass=50"];
    let (code, first, _) = invoke(&arguments);
    assert_eq!(code, 0);
    assert_eq!(first, invoke(&arguments).1);
    assert!(first.contains("\"seed\": 42"));
}

const TREE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/node-config");

#[rstest]
#[case(&["run", "no-such-scenario"], "harness list")]
#[case(&["plan", "scale-burst", "--set", "podsPerClas=3"], "podsPerClass")]
#[case(&["plan", "scale-burst", "--set", "podsPerClass=many"], "podsPerClass")]
#[case(&["plan", "scale-burst", "--profile", "huge"], "smoke, default, full")]
#[case(&["run", "--all", "scale-burst"], "cannot be used with")]
#[case(&["run", "--group", "cost", "scale-burst"], "cannot be used with")]
#[case(&["run", "--group", "cost"], "--all")]
#[case(&["run", "--all", "--group", "nonsense"], "failure")]
#[case(&["run", "--all", "--keep"], "--keep")]
#[case(&["run", "--all", "--set", "podsPerClas=3"], "podsPerClas")]
#[case(&["run", "scale-burst", "no-such-scenario"], "harness list")]
#[case(&["run", "--all", "--node-config", "does/not/exist"], "does/not/exist")]
#[case(&["report", "."], "plan.json")]
#[case(&["env", "--cluster", "nobody-started-this"], "harness up")]
#[case(&["run", "scale-burst", "--cluster", "nobody-started-this"], "no cluster named `nobody-started-this` is up; no other one is up either")]
#[case(&["run", "--all", "--cluster", "nobody-started-this"], "omit --cluster")]
#[case(&["run", "scale-burst", "--cluster", "Bad_Name"], "use 1 to 40 of a-z")]
#[case(&["validate", TREE, "--cluster", "nobody-started-this"], "harness up --cluster nobody-started-this")]
#[case(&["validate", TREE, "--server", "--cluster", "nobody-started-this"], "harness up --cluster")]
#[case(&["down", "--cluster", "nobody-started-this"], "no cluster named `nobody-started-this`")]
#[case(&["status", "--cluster", "nobody-started-this"], "no cluster named `nobody-started-this`")]
#[case(&["flux", "status", "--cluster", "nobody-started-this"], "no cluster named `nobody-started-this`")]
#[case(&["validate", "does/not/exist"], "does/not/exist")]
#[case(&["validate", TREE, "--region", "westeurop"], "did you mean `westeurope`?")]
#[case(&["run", "--all", "--region", "eu-west-1"], "unknown Azure region `eu-west-1`")]
#[case(&["up", "--region", "West Europe"], "did you mean `westeurope`?")]
#[case(&["up", "--azure-cluster", "aksDefaults"], "aks, aks-defaults, bare")]
fn a_command_that_cannot_work_exits_with_2_and_says_what_to_do(#[case] arguments: &[&str], #[case] hint: &str) {
    let (code, stdout, stderr) = invoke(arguments);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains(hint), "{stderr}");
    assert_eq!(stdout, "", "stdout carries data only");
}

#[rstest]
#[case(&["run", "scale-burst", "--profile", "smoke"])]
#[case(&["up"])]
#[case(&["components", "list"])]
#[case(&["doctor"])]
fn a_home_that_is_not_set_is_said_to_be_the_problem_before_a_build_is_announced(#[case] arguments: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = harness();
    for variable in ["HOME", "XDG_CACHE_HOME", "HARNESS_CACHE_DIR", "HARNESS_BIN_DIR"] {
        command.env_remove(variable);
    }
    let Output { status, stderr, .. } = command.args(arguments).current_dir(&folder).output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("HOME is not set") && stderr.contains("set HOME, or HARNESS_CACHE_DIR"), "{stderr}");
    assert!(!stderr.contains("have not been built"), "{stderr}");
    assert!(!folder.path().join("reports").exists(), "a folder was made for a run that was not started");
}

/// `validate` called it valid: it looked at the scenario alone, without its tree and in the default profile.
#[test]
fn validate_says_what_plan_and_run_say_in_every_profile() {
    let folder = tempfile::tempdir().unwrap();
    let text = "apiVersion: harness/v1
kind: Scenario
name: bad
question: Is everything there?
needs: [node-auto-provisioning, gitops, simulated-azure]
parameters: {pods: {default: 4, full: 90000}}
azure: {faults: [{noCapacity: {only: {zone: westeurope-1}}}]}
workloads:
  web: {class: general-purpose, cpu: 1, memory: 512Mi}
phases:
  - name: up
    do:
      - scale: {workloads: [web], to: $pods}
      - azureFault: {throttle: {operation: machines.putt}}
      - commit: {edits: [{merge: {object: {kind: NodePool, name: general-purpose}, patch: {spec: {limit: {cpu: 4}}}}}]}
    until: all-pods-ready
    within: 2m
";
    let file = &write(&folder, "bad.yaml", text);
    let said = |arguments: &[&str]| {
        let (code, stdout, stderr) = invoke(arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        let about_it = stderr.lines().filter_map(|line| Some(line.split_once(file.as_str())?.1.to_owned()));
        // The place stands above the drawing of the line too.
        about_it.filter(|line| line.contains(": ")).collect::<Vec<String>>()
    };
    let planned = said(&["plan", file]);
    let expected = [
        ":7:45: there is no zone `westeurope-1`",
        ":14:44: Azure has no operation `machines.putt`",
        ":15:99: there is no field `limit` in `spec`",
    ];
    assert_eq!(planned, expected);
    assert_eq!(said(&["run", file]), planned);
    let planned_in_full = said(&["plan", file, "--profile", "full"]);
    assert!(planned_in_full[1].starts_with(":13:39: `web` has"), "{planned_in_full:?}");
    assert_eq!(said(&["validate", file]), planned_in_full, "the errors of all profiles, each once");
    let (_, json, _) = invoke(&["validate", file, "--format", "json"]);
    assert!(
        json.contains("more do not fit into the limits of `general-purpose` (profile full)\""),
        "what is wrong in one profile only says in which: {json}"
    );
}

/// `validate` took each of these for a manifest of a kind that it does not know, called it valid, and exited with 0.
#[rstest]
#[case("apiVersion: Harness/v1\n", "apiVersion")]
#[case("apiVersion: 1h\n", "apiVersion")]
#[case("", "the file lacks `apiVersion`")]
fn what_calls_itself_a_scenario_is_checked_as_one(#[case] version: &str, #[case] said: &str) {
    let folder = tempfile::tempdir().unwrap();
    let good = std::fs::read_to_string(repository("scenarios/scale-burst.yaml")).unwrap();
    assert!(good.contains("apiVersion: harness/v1\n"));
    let file = write(&folder, "bad.yaml", &good.replace("apiVersion: harness/v1\n", version));
    let (code, _, stderr) = invoke(&["validate", &file]);
    assert!(code == 2 && stderr.contains(said), "{stderr}");
    let marked = write(&folder, "marked.yaml", &format!("\u{feff}{good}"));
    let (code, _, stderr) = invoke(&["validate", &marked]);
    assert!(code == 0 && stderr.contains("marked.yaml: valid\n"), "{stderr}");
    assert_eq!(invoke(&["plan", &marked]).0, 0);
}

/// Only `plan` said what a seed may not cause.
#[test]
fn validate_notes_what_the_draws_may_not_cause() {
    let folder = tempfile::tempdir().unwrap();
    let text = "apiVersion: harness/v1
kind: Scenario
name: chance
question: Does it come?
needs: [node-auto-provisioning, gitops, simulated-azure]
workloads:
  web: {class: general-purpose, cpu: 500m, memory: 512Mi}
otherClasses: ignored
phases:
  - name: a
    do:
      - azureFault: {operationFail: {code: InternalOperationError}, nth: [1]}
      - {after: 1s, scale: {workloads: all, to: 6}}
    until: {happened: {what: vm-failed, atLeast: 2}}
    within: 3m
";
    let file = write(&folder, "chance.yaml", text);
    let (code, stdout, stderr) = invoke(&["validate", &file]);
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    let note =
        "no seed causes what the end of phase a needs: `operationFail` hits at most 1 of 2; name 2 cases in `nth`";
    assert!(stderr.contains("valid, 1 note") && stderr.contains(&format!("chance.yaml:1:1: note: {note}")), "{stderr}");
    let planned: serde_json::Value = serde_json::from_str(&invoke(&["plan", &file]).1).unwrap();
    assert_eq!(planned["notes"], serde_json::json!([note]));
}

/// The drawing counted bytes where the line above it counted characters.
#[test]
fn the_place_of_an_error_has_one_column() {
    let folder = tempfile::tempdir().unwrap();
    let file =
        write(&folder, "wide.yaml", "apiVersion: harness/v1\nkind: Scenario\nquestion: \"äöü 日本語\"\n{\"ü\": [}\n");
    let (_, _, stderr) = invoke(&["validate", &file]);
    assert_eq!(stderr.matches("wide.yaml:").count(), 1, "{stderr}");
}

#[test]
fn an_invalid_scenario_names_its_line_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let good = std::fs::read_to_string(repository("scenarios/scale-burst.yaml")).unwrap();
    let file = write(&folder, "bad.yaml", &good.replace("until: all-pods-ready", "untill: all-pods-ready"));
    let line = 1 + good.lines().position(|line| line.contains("until: all-pods-ready")).unwrap();
    let out = folder.path().join("out");
    let (code, _, stderr) = invoke(&["run", &file, "--out", out.to_str().unwrap()]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains(&format!("bad.yaml:{line}:")) && stderr.contains("until"), "{stderr}");
    assert!(!out.exists(), "nothing was touched");
}

#[test]
fn an_invalid_tree_names_its_line_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "kustomization.yaml", "kind: Kustomization\nresources: [pool.yaml]\n");
    write(
        &folder,
        "pool.yaml",
        "# old\napiVersion: karpenter.sh/v1beta1\nkind: NodePool\nmetadata: {name: x}\nspec: {template: {spec: {}}}\n",
    );
    let tree = folder.path().to_str().unwrap();
    let (code, _, stderr) = invoke(&["run", "scale-burst", "--node-config", tree]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("pool.yaml:2:") && stderr.contains("karpenter.sh/v1"), "{stderr}");
    assert_eq!(invoke(&["validate", tree]).0, 2);
}

#[test]
fn a_folder_that_holds_a_run_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let log = write(&folder, "events.jsonl", "mine\n");
    let (code, _, stderr) = invoke(&["run", "scale-burst", "--out", folder.path().to_str().unwrap()]);
    assert_eq!(code, 2, "{stderr}");
    assert_eq!(std::fs::read_to_string(log).unwrap(), "mine\n");
}

/// Unpacks a recorded run into `NAME` in a folder. `killed` is a log that ends in the middle of a line.
fn recorded(folder: &Path, name: &str) -> PathBuf {
    let (recording, cut) = match name {
        "pass" => ("scale-burst", false),
        "killed" => ("scale-burst", true),
        name => (name, false),
    };
    let run = folder.join(name);
    recordings::unpack(recording, &run).unwrap();
    if cut {
        let log = std::fs::read(run.join("events.jsonl")).unwrap();
        let middle = log.len() / 2;
        let line_ends = log[middle..].iter().position(|byte| *byte == b'\n').unwrap();
        std::fs::write(run.join("events.jsonl"), &log[..middle + line_ends - 1]).unwrap();
    }
    run
}

#[rstest]
#[case("pass", 0)]
#[case("no-quota", 1)]
#[case("never-registers", 1)]
#[case("killed", 4)]
fn a_recorded_run_is_reported_again(#[case] name: &str, #[case] expected: i32) {
    let folder = tempfile::tempdir().unwrap();
    let run = recorded(folder.path(), name);
    let (code, stdout, stderr) = invoke(&["report", run.to_str().unwrap(), "--format", "json"]);
    assert_eq!(code, expected, "{stderr}");
    let summary: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(summary["exitCode"], expected);
    for file in ["junit.xml", "report.html", "report.md", "latencies.hlog"] {
        assert!(run.join(file).is_file(), "{file}");
    }
}

/// The `suite.json` of these runs: name, state, issues.
fn suite(scenarios: &[(&str, &str, &str)]) -> String {
    let entries = scenarios.iter().map(|(name, state, troubles)| {
        format!(
            r#"{{"name": "{name}", "scenario": "{name}", "group": "cost", "question": "Why?", "state": {state}, "troubles": [{troubles}]}}"#
        )
    });
    format!(
        r#"{{"version": 1, "id": "x", "startedAt": "2026-11-21T12:00:00Z", "tookMs": 61000, "command": "harness run --all",
            "profile": "smoke", "target": "local", "seed": 7, "left": [], "scenarios": [{}]}}"#,
        entries.collect::<Vec<_>>().join(", ")
    )
}

const CHANGED_CLUSTER: &str = r#"{"exitCode": 5, "what": "after the run the cluster is not as it was before: Node a"}"#;
const INTERRUPTED: &str = r#"{"not-run": {"reason": "interrupted", "exitCode": 130}}"#;

#[rstest]
#[case(&[("pass", r#""ran""#, "")], 0)]
#[case(&[("pass", r#""ran""#, ""), ("killed", r#""running""#, "")], 4)]
#[case(&[("killed", r#""ran""#, ""), ("no-quota", r#""ran""#, ""), ("pass", r#""ran""#, "")], 1)]
#[case(&[("no-quota", r#""ran""#, ""), ("none", INTERRUPTED, "")], 130)]
#[case(&[("pass", r#""ran""#, CHANGED_CLUSTER), ("none", INTERRUPTED, ""), ("none2", r#""waiting""#, "")], 5)]
fn several_recorded_runs_are_reported_again(#[case] scenarios: &[(&str, &str, &str)], #[case] expected: i32) {
    let folder = tempfile::tempdir().unwrap();
    for (name, ..) in scenarios.iter().filter(|(name, ..)| !name.starts_with("none")) {
        recorded(folder.path(), name);
    }
    write(&folder, "suite.json", &suite(scenarios));
    let (code, stdout, stderr) = invoke(&["report", folder.path().to_str().unwrap()]);
    assert_eq!(code, expected, "{stdout}{stderr}");
    assert!(stdout.contains(&format!("took 1m01s, exit code {expected}")), "{stdout}");
    let junit = std::fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    for (name, _, troubles) in scenarios {
        assert!(junit.contains(&format!("<testsuite name=\"{name}\"")), "{junit}");
        assert!(stdout.contains(name), "{stdout}");
        assert_eq!(junit.contains("Node a"), scenarios.iter().any(|(.., troubles)| !troubles.is_empty()), "{troubles}");
    }
    if scenarios.iter().any(|(_, state, _)| *state == INTERRUPTED) {
        assert!(stdout.contains("not run: interrupted"), "{stdout}");
    }
    for file in ["index.html", "index.md"] {
        let index = std::fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(scenarios.iter().all(|(name, ..)| index.contains(name)), "{file}: {index}");
    }
    let (code, stdout, _) = invoke(&["report", folder.path().to_str().unwrap(), "--format", "json"]);
    let index: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &index["exitCode"]), (expected, &serde_json::json!(expected)));
    assert_eq!(index["scenarios"].as_array().unwrap().len(), scenarios.len());
    assert_eq!(stdout, std::fs::read_to_string(folder.path().join("index.json")).unwrap());
    // A second run does not write there.
    let out = folder.path().to_str().unwrap();
    let (code, _, stderr) = invoke(&["run", "scale-burst", "--out", out]);
    assert_eq!((code, stderr.contains("suite.json")), (2, true), "{stderr}");
}

#[test]
fn a_scenario_is_listed_with_its_group_its_parameters_and_its_times() {
    let (code, stdout, _) = invoke(&["list", "--format", "json"]);
    assert_eq!(code, 0);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&stdout).unwrap();
    let burst = rows.iter().find(|row| row["name"] == "scale-burst").unwrap();
    assert_eq!(burst["group"], "scaling");
    let pods = burst["parameters"].as_array().unwrap().iter().find(|it| it["name"] == "podsPerClass").unwrap();
    assert_eq!(pods["type"], "count");
    assert_eq!(pods["values"], serde_json::json!({"smoke": "6", "default": "40", "full": "250"}));
    for row in &rows {
        for profile in ["smoke", "default", "full"] {
            let takes = &row["takes"][profile];
            let (about, most) = (takes["aboutSeconds"].as_u64().unwrap(), takes["atMostSeconds"].as_u64().unwrap());
            assert!(0 < about && about <= most, "{} {profile}: {takes}", row["name"]);
        }
    }
    // The groups are a partition of all scenarios.
    let groups = ["scaling", "cost", "change", "failure", "autoscaling", "gitops"];
    let of = |group: &str| -> Vec<serde_json::Value> {
        serde_json::from_str(&invoke(&["list", "--group", group, "--format", "json"]).1).unwrap()
    };
    assert_eq!(groups.iter().flat_map(|group| of(group)).collect::<Vec<_>>(), rows);
    let (_, text, _) = invoke(&["list", "-v"]);
    assert!(text.contains("6 | 40 | 250; Pods of each workload (count)"), "{text}");
}

#[test]
fn a_run_compared_with_itself_is_not_a_regression() {
    let folder = tempfile::tempdir().unwrap();
    let run = recorded(folder.path(), "pass");
    let run = run.to_str().unwrap();
    let (code, stdout, stderr) = invoke(&["compare", run, run]);
    assert_ne!(code, 1, "{stdout}{stderr}");
}

#[test]
fn the_committed_schema_is_the_printed_one() {
    let (code, stdout, _) = invoke(&["schema"]);
    assert_eq!(code, 0);
    assert_eq!(stdout, std::fs::read_to_string(repository("scenarios/scenario.schema.json")).unwrap());
}

#[test]
fn every_built_in_scenario_is_listed_with_its_question() {
    let (code, stdout, _) = invoke(&["list", "--format", "json"]);
    assert_eq!(code, 0);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&stdout).unwrap();
    assert!(rows.iter().any(|row| row["name"] == "scale-burst"));
    assert!(rows.iter().all(|row| row["question"].as_str().unwrap().ends_with('?')));
}

#[test]
fn a_tree_is_checked_in_every_format_and_fixed_in_place() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["node-class.yaml", "node-pool.yaml"] {
        let from = repository("fixtures/refused/nodepool-v1beta1").join(file);
        std::fs::copy(from, folder.path().join(file)).unwrap();
    }
    write(&folder, "broken.yaml.txt", "left: [alone\n");
    let pool = folder.path().join("node-pool.yaml");
    let before = std::fs::read_to_string(&pool).unwrap();
    let tree = folder.path().to_str().unwrap();
    let (code, stdout, stderr) = invoke(&["validate", "--offline", tree]);
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("node-pool.yaml:1:1:") && stderr.contains("--fix does it"), "{stderr}");
    let (code, stdout, _) = invoke(&["validate", "--offline", "--format", "json", tree]);
    let document: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &document["errors"]), (2, &1.into()));
    let (code, stdout, _) = invoke(&["validate", "--offline", "--format", "sarif", tree]);
    let log: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &log["version"]), (2, &"2.1.0".into()));
    let (code, stdout, _) = invoke(&["validate", "--offline", "--format", "github", tree]);
    assert!(code == 2 && stdout.contains("::error file="), "{stdout}");
    assert_eq!(std::fs::read_to_string(&pool).unwrap(), before, "nothing was written without --fix");

    let (code, _, stderr) = invoke(&["validate", "--offline", "--fix", tree]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("+apiVersion: karpenter.sh/v1\n") && stderr.contains("3 fixed"), "{stderr}");
    let after = std::fs::read_to_string(&pool).unwrap();
    assert!(after.contains("      expireAfter: 2160h # 90 days\n      # Node class reference\n"), "{after}");
    let (code, _, stderr) = invoke(&["validate", "--offline", "--fix", tree]);
    assert!(code == 0 && !stderr.contains("fixed"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&pool).unwrap(), after);
}

/// A tree of one pool with these requirements.
fn tree_of_a_pool(requirements: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder,
        "kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [pool.yaml, class.yaml]\n",
    );
    write(
        &folder,
        "class.yaml",
        "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata: {name: general}\nspec: {imageFamily: Ubuntu}\n",
    );
    let pool = format!(
        "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {{name: general}}\nspec:\n  \
         disruption: {{consolidationPolicy: WhenEmptyOrUnderutilized, consolidateAfter: 1m}}\n  template:\n    spec:\n      \
         nodeClassRef: {{group: karpenter.azure.com, kind: AKSNodeClass, name: general}}\n      requirements: [{requirements}]\n"
    );
    write(&folder, "pool.yaml", &pool);
    folder
}

// Before, the region was eastus and could not be said: a tree for any other one was "no size fits", and no run was possible.
#[rstest]
#[case::found_in_the_tree("{key: topology.kubernetes.io/zone, operator: In, values: [westeurope-1, westeurope-2]}", &[], "", 0)]
#[case::found_in_a_region("{key: topology.kubernetes.io/region, operator: In, values: [northeurope]}", &[], "", 0)]
#[case::another_cluster("{key: topology.kubernetes.io/zone, operator: In, values: [westeurope-1]}", &["--region", "northeurope"], "asks for the zone westeurope-1", 2)]
#[case::without_zones("{key: topology.kubernetes.io/zone, operator: In, values: [northcentralus-1]}", &[], "and northcentralus has no", 2)]
#[case::not_sold("{key: karpenter.azure.com/sku-name, operator: In, values: [Standard_NC6s_v3]}", &["--region", "chilecentral"], "`Standard_NC6s_v3`", 2)]
#[case::arm("{key: karpenter.azure.com/sku-name, operator: In, values: [Standard_D2pls_v5]}", &[], "", 0)]
#[case::unknown("{key: karpenter.azure.com/sku-name, operator: In, values: [Standard_D2zz_v9]}", &[], "not known here", 2)]
fn the_region_of_a_tree_decides_its_zones_and_sizes(
    #[case] requirements: &str,
    #[case] options: &[&str],
    #[case] said: &str,
    #[case] planned: i32,
) {
    let folder = tree_of_a_pool(requirements);
    let tree = folder.path().to_str().unwrap();
    let (code, stdout, stderr) = invoke(&[&["validate", "--offline", tree], options].concat());
    assert_eq!(code, 0, "{stdout}{stderr}");
    let text = format!("{stdout}{stderr}").replace("\n  │ ", " ");
    assert!(text.contains(said), "{text}");
    assert!(!said.is_empty() || !stdout.contains("general"), "{stdout}");
    let (code, _, stderr) = invoke(&[&["plan", "scale-burst", "--seed", "7", "--node-config", tree], options].concat());
    assert_eq!(code, planned, "{stderr}");
}

#[test]
fn the_environment_says_the_region_too() {
    let folder = tree_of_a_pool("{key: topology.kubernetes.io/zone, operator: In, values: [westeurope-1]}");
    let mut command = harness();
    let output =
        command.env("HARNESS_REGION", "eastus").args(["validate", "--offline"]).arg(folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("asks for the zone westeurope-1"), "{text}");
}

#[test]
fn a_cloud_that_there_is_not_is_refused_before_anything_is_built() {
    let state = tempfile::tempdir().unwrap();
    let mut command = harness();
    command.env("HARNESS_AZURE_CLOUD", "china").env("HARNESS_STATE_DIR", state.path()).arg("up");
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("the Azure cloud \"china\" is not public or custom"), "{stderr}");
}

#[test]
fn warnings_fail_with_strict() {
    let tree = repository("fixtures/refused/budget-zero/pool.yaml");
    let tree = tree.to_str().unwrap();
    assert_eq!(invoke(&["validate", "--offline", tree]).0, 0);
    assert_eq!(invoke(&["validate", "--offline", "--strict", tree]).0, 2);
    let (code, _, stderr) = invoke(&["list", "--format", "sarif"]);
    assert!(code == 2 && stderr.contains("validate"), "{stderr}");
}

/// A folder with a `flux-build` that is these lines of shell; `$folder` is the folder.
fn flux_build_of(script: &str) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let script = format!("#!/bin/sh\nfolder='{}'\n{script}\n", folder.path().display());
    let path = write(&folder, "flux-build", &script);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Before, a limit of the harness was "Flux cannot build this", or nothing was said of it.
#[rstest]
#[case("overLimit", "artifact", "the tree has more than 100000 files")]
#[case("overLimit", "build", "large.yaml has more than 8 MiB")]
#[case("failed", "artifact", "no space left on device")]
fn what_ends_flux_build_itself_is_a_note_and_the_tree_is_checked_without_it(
    #[case] outcome: &str,
    #[case] stage: &str,
    #[case] message: &str,
) {
    let answer = serde_json::json!({"outcome": outcome, "refusal": {"stage": stage, "message": message}}).to_string();
    let rest = &answer[1..];
    // The repository has more than one folder that is built.
    let programs = flux_build_of(&format!("n=0; while read -r line; do n=$((n+1)); echo '{{\"id\":'$n',{rest}'; done"));
    let mut command = harness();
    command.env("HARNESS_BIN_DIR", programs.path()).args(["validate", "--offline", "--format", "json", TREE]);
    let output = command.output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let notes: Vec<&serde_json::Value> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["rule"] == "flux-build" && finding["severity"] == "note")
        .collect();
    assert_eq!((output.status.code(), notes.len()), (Some(0), 1), "{found}");
    assert!(notes[0]["message"].as_str().unwrap().contains(message), "{found}");
}

/// Before, the signal ended the process as it was, with no word and not with the exit code of an interruption.
#[test]
fn an_interrupted_validation_shows_no_finding_and_says_so() {
    let programs = flux_build_of(": > \"$folder/started\"; exec cat > /dev/null");
    let mut command = harness();
    command.env("HARNESS_BIN_DIR", programs.path()).args(["validate", "--offline", "--format", "json", TREE]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let limit = Instant::now() + Duration::from_secs(60);
    while !programs.path().join("started").exists() {
        assert!(Instant::now() < limit, "flux-build was not started");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(130), &[][..]), "{stderr}");
    assert!(stderr.contains("interrupted: not everything was checked"), "{stderr}");
}
