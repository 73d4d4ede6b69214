//! `reports/README.md` describes every key that is written.

use crate::support;
use harness_plan::{Check, LatencyName};
use harness_record::{ExitCode, Summary};
use harness_report::index::{self, Head};
use harness_report::several::{EntryOutcome, Judgement, SuiteEntry};
use serde_json::Value;
use strum::VariantNames;

fn readme() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports/README.md");
    std::fs::read_to_string(path).unwrap()
}

/// Keys whose values are maps with the run's own keys.
const MAPS: [&str; 5] = ["versions", "parameters", "labels", "vmsFailed", "disruptions"];

fn keys(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                found.push(key.clone());
                if !MAPS.contains(&key.as_str()) {
                    keys(value, found);
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn every_key_of_the_summary_is_described() {
    let readme = readme();
    let mut result = support::failed();
    result.leaks = support::leaked().leaks;
    result.actions[0].error = Some("refused".to_owned());
    let summary: Value = serde_json::from_str(&Summary::from(&result).to_json().unwrap()).unwrap();
    let mut found = Vec::new();
    keys(&summary, &mut found);
    assert!(found.len() > 80, "{found:?}");
    let described = |key: &String| readme.contains(&format!("`{key}`")) || readme.contains(&format!("`{key}[]`"));
    let missing: Vec<&String> = found.iter().filter(|key| !described(key) && *key != "beyond").collect();
    assert!(missing.is_empty(), "not in reports/README.md: {missing:?}");
}

#[test]
fn every_key_of_the_index_is_described() {
    let readme = readme();
    let (plan, result) = (support::plan(), support::failed());
    // A judgement, so that the optional keys exist as well.
    let first = ["phase up".to_owned()];
    let outcome = EntryOutcome::Judged(
        &plan,
        &result,
        Judgement { broken: Some("There is no quota."), problems: &[], first: &first },
    );
    let one = SuiteEntry { name: "quota", group: "failure", outcome, issues: &[], exit_code: ExitCode::Passed };
    let index: Value = serde_json::from_str(&index::json(&Head::default(), &[one]).unwrap()).unwrap();
    let mut found = Vec::new();
    keys(&index, &mut found);
    let section = readme.split("## Several runs").nth(1).expect("a section on several runs");
    let described = |key: &String| section.contains(&format!("`{key}`")) || section.contains(&format!("`{key}[]`"));
    let missing: Vec<&String> = found.iter().filter(|key| !described(key)).collect();
    assert!(missing.is_empty(), "not in reports/README.md: {missing:?}");
}

#[test]
fn every_latency_is_defined() {
    let readme = readme();
    for name in LatencyName::ALL {
        assert!(readme.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn every_expectation_is_described() {
    let readme = readme();
    for name in Check::VARIANTS {
        assert!(readme.contains(&format!("| {name} |")), "{name}");
    }
}
