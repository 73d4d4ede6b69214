//! Commands that need no cluster.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{harness, repository};
use rstest::rstest;
use std::process::Output;

fn say(arguments: &[&str]) -> (i32, String, String) {
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
    let (code, first, _) = say(&arguments);
    assert_eq!(code, 0);
    assert_eq!(first, say(&arguments).1);
    assert!(first.contains("\"seed\": 42"));
}

#[rstest]
#[case(&["run", "no-such-scenario"], "harness list")]
#[case(&["plan", "scale-burst", "--set", "podsPerClas=3"], "podsPerClass")]
#[case(&["plan", "scale-burst", "--set", "podsPerClass=many"], "podsPerClass")]
#[case(&["plan", "scale-burst", "--profile", "huge"], "smoke, default, full")]
#[case(&["report", "."], "plan.json")]
#[case(&["env", "--cluster", "nobody-started-this"], "harness up")]
#[case(&["validate", "does/not/exist"], "does/not/exist")]
fn what_cannot_work_ends_with_2_and_says_what_to_do(#[case] arguments: &[&str], #[case] hint: &str) {
    let (code, stdout, stderr) = say(arguments);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains(hint), "{stderr}");
    assert_eq!(stdout, "", "stdout carries data only");
}

#[test]
fn an_invalid_scenario_names_its_line_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let good = std::fs::read_to_string(repository("scenarios/scale-burst.yaml")).unwrap();
    let file = write(&folder, "bad.yaml", &good.replace("until: all-pods-ready", "untill: all-pods-ready"));
    let line = 1 + good.lines().position(|line| line.contains("until: all-pods-ready")).unwrap();
    let out = folder.path().join("out");
    let (code, _, stderr) = say(&["run", &file, "--out", out.to_str().unwrap()]);
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
    let (code, _, stderr) = say(&["run", "scale-burst", "--node-config", tree]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("pool.yaml:2:") && stderr.contains("karpenter.sh/v1"), "{stderr}");
    assert_eq!(say(&["validate", tree]).0, 2);
}

#[test]
fn a_folder_that_holds_a_run_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let log = write(&folder, "events.jsonl", "mine\n");
    let (code, _, stderr) = say(&["run", "scale-burst", "--out", folder.path().to_str().unwrap()]);
    assert_eq!(code, 2, "{stderr}");
    assert_eq!(std::fs::read_to_string(log).unwrap(), "mine\n");
}

#[rstest]
#[case("pass", 0)]
#[case("no-quota", 1)]
#[case("never-registers", 1)]
#[case("killed", 4)]
fn a_recorded_run_is_reported_again(#[case] recording: &str, #[case] expected: i32) {
    let folder = tempfile::tempdir().unwrap();
    for file in ["plan.json", "events.jsonl"] {
        let from = repository("fixtures/recordings").join(recording).join(file);
        std::fs::copy(from, folder.path().join(file)).unwrap();
    }
    let (code, stdout, stderr) = say(&["report", folder.path().to_str().unwrap(), "--format", "json"]);
    assert_eq!(code, expected, "{stderr}");
    let summary: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(summary["exitCode"], expected);
    for file in ["junit.xml", "report.html", "report.md", "latencies.hlog"] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
}

#[test]
fn a_run_compared_with_itself_is_no_regression() {
    let folder = repository("fixtures/recordings/pass");
    let folder = folder.to_str().unwrap();
    let (code, stdout, stderr) = say(&["compare", folder, folder]);
    assert_ne!(code, 1, "{stdout}{stderr}");
}

#[test]
fn the_committed_schema_is_the_one_that_is_printed() {
    let (code, stdout, _) = say(&["schema"]);
    assert_eq!(code, 0);
    assert_eq!(stdout, std::fs::read_to_string(repository("scenarios/scenario.schema.json")).unwrap());
}

#[test]
fn every_scenario_that_comes_along_is_listed_with_its_question() {
    let (code, stdout, _) = say(&["list", "--format", "json"]);
    assert_eq!(code, 0);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&stdout).unwrap();
    assert!(rows.iter().any(|row| row["name"] == "scale-burst"));
    assert!(rows.iter().all(|row| row["question"].as_str().unwrap().ends_with('?')));
}
