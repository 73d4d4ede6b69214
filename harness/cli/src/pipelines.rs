//! The pipelines under `ci/`, which people copy: every command that they call must exist.

use clap::Parser;
use serde_json::Value;

use crate::args::Args;

const GITHUB: &str = include_str!("../../../ci/github-actions.yaml");
const AZURE: &str = include_str!("../../../ci/azure-pipelines.yaml");

/// Collects the scripts of a pipeline: the texts under `run`, `bash` and `script`.
fn scripts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if ["run", "bash", "script"].contains(&key.as_str()) => {
                        found.push(text.clone())
                    }
                    value => scripts(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| scripts(item, found)),
        _ => {}
    }
}

/// Returns the commands of a script that call the harness, split into words as a shell does. Variables stay as they are.
fn calls(script: &str) -> Vec<Vec<String>> {
    // A command is a line, or inside $( ).
    let commands = script.lines().flat_map(|line| {
        let inner = line.split_once("=$(").and_then(|(_, rest)| rest.rsplit_once(')')).map(|(inner, _)| inner);
        [Some(line), inner].into_iter().flatten()
    });
    commands
        .map(|command| shlex::split(command).unwrap_or_else(|| panic!("a shell cannot read: {command}")))
        .filter(|words| words.first().is_some_and(|word| word == "harness"))
        .collect()
}

fn parsed(pipeline: &str) -> (Value, Vec<Vec<String>>) {
    let value: Value = serde_saphyr::from_str(pipeline).unwrap();
    let mut found = Vec::new();
    scripts(&value, &mut found);
    let calls = found.iter().flat_map(|script| calls(script)).collect();
    (value, calls)
}

#[test]
fn every_command_exists() {
    for (name, pipeline) in [("github-actions", GITHUB), ("azure-pipelines", AZURE)] {
        let (_, calls) = parsed(pipeline);
        for words in &calls {
            if let Err(error) = Args::try_parse_from(words) {
                panic!("ci/{name}.yaml: {}\n{error}", words.join(" "));
            }
        }
        for needed in ["validate", "components key", "components build", "run --all --profile smoke --node-config"] {
            let called = calls.iter().any(|words| words[1..].join(" ").starts_with(needed));
            assert!(called, "ci/{name}.yaml never calls harness {needed}");
        }
    }
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    let (_, calls) = parsed("jobs: {a: {steps: [{run: 'x=$(harness components kee)'}, {run: 'harness run --al'}]}}");
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|words| Args::try_parse_from(words).is_err()));
}

#[test]
fn the_reports_of_a_failed_run_are_kept() {
    let (github, _) = parsed(GITHUB);
    let steps = github["jobs"]["scenarios"]["steps"].as_array().unwrap();
    let reports = steps.iter().find(|step| step["name"] == "Reports").unwrap();
    assert_eq!(reports["if"], "always()");
    let (azure, _) = parsed(AZURE);
    let steps = azure["jobs"][1]["steps"].as_array().unwrap();
    let published = steps.iter().filter(|step| step["publish"].is_string() || step["task"] == "PublishTestResults@2");
    assert_eq!(published.map(|step| assert_eq!(step["condition"], "always()")).count(), 2);
}

#[test]
fn the_versions_are_those_of_the_build() {
    let rust = env!("CARGO_PKG_RUST_VERSION");
    let go = harness_components::required_go().to_string();
    for pipeline in [GITHUB, AZURE] {
        assert!(pipeline.contains(&format!("rustup default {rust}\n")), "Rust {rust}");
        let asked =
            pipeline.lines().find_map(|line| line.trim().split_once("version: \"").map(|(_, rest)| rest)).unwrap();
        assert!(go.starts_with(asked.trim_end_matches('"')), "Go {go}, the pipeline has {asked}");
    }
}
