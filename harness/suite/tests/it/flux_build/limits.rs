//! Trees that are broken, too large, or made to be.

use std::fmt::Write as _;

use harness_suite::TreeRepository;
use harness_tree::upstream::{BuildOutcome, BuildStage, FluxBuildAnswer, FluxBuildRequest};
use rstest::rstest;
use serde_json::json;

use super::{assert_refused, config_map, files, flux, names, program};

#[test]
fn broken_yaml_is_refused_with_its_file_and_line() {
    let tree = [("kustomization.yaml", "resources: [a.yaml]\n"), ("a.yaml", "a: b\n\tc: d\n")];
    let Some(answer) = flux(&tree, &json!({})) else { return };
    assert_refused(&answer, BuildStage::Build, &["a.yaml", "line 2"]);
}

/// Annotations that are a list make kustomize 5.8.1 panic.
#[test]
fn a_panic_of_upstreams_code_is_an_answer() {
    let tree = [
        ("kustomization.yaml", "namePrefix: x-\nresources: [a.yaml]\nlabels: [{pairs: {a: b}}]\n"),
        ("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: [1]}\n"),
    ];
    let Some(answer) = flux(&tree, &json!({})) else { return };
    assert_refused(&answer, BuildStage::Build, &["recovered from kustomize build panic"]);
}

/// Ten anchors, each a list of ten of the one before.
fn billion_laughs() -> String {
    let mut text = config_map("a", "");
    text.push_str("  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let before = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "  a{level}: &a{level} [{before}]").unwrap();
    }
    text
}

#[rstest]
#[case::grows(billion_laughs())]
#[case::contains_itself("apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: a, labels: *m}\n".to_owned())]
fn a_build_without_bounds_ends_and_the_next_one_is_built(#[case] text: String) {
    let Some(program) = program() else { return };
    let mut client = program.for_files();
    let mut build = |text: &str| {
        let request = FluxBuildRequest {
            path: ".".to_owned(),
            files: files(&[("kustomization.yaml", "resources: [a.yaml]\n"), ("a.yaml", text)]),
            ..FluxBuildRequest::default()
        };
        client.build(&request).unwrap()
    };
    let answer = build(&text);
    assert_eq!(answer.outcome, BuildOutcome::OverLimit, "{answer:?}");
    assert_eq!(names(&build(&config_map("a", "{}"))), ["a"]);
}

/// Before, it was said to be missing, as an error of the tree, and a folder without a kustomization was built without it.
#[test]
fn a_file_that_is_too_large_to_copy_is_a_limit_where_it_is_needed() {
    let large = format!("{}# {}\n", config_map("large", "{}"), "x".repeat(9 << 20));
    let a = config_map("a", "{}");
    let beside = [("a.yaml", &*a), ("kustomization.yaml", "resources: [a.yaml]\n"), ("large.yaml", &*large)];
    let Some(answer) = flux(&beside, &json!({})) else { return };
    assert_eq!(names(&answer), ["a"]);
    let asking = [beside[0], ("kustomization.yaml", "resources: [a.yaml, large.yaml]\n"), beside[2]];
    assert_over_limit(&flux(&asking, &json!({})).unwrap(), BuildStage::Build, "large.yaml has more than 8 MiB");
    let generated = [beside[0], beside[2]];
    assert_over_limit(&flux(&generated, &json!({})).unwrap(), BuildStage::Build, "large.yaml has more than 8 MiB");
    let itself = format!("resources: [a.yaml]\n# {}\n", "x".repeat(9 << 20));
    let itself = [beside[0], ("kustomization.yaml", &*itself)];
    assert_over_limit(&flux(&itself, &json!({})).unwrap(), BuildStage::Build, "kustomization.yaml has more than");
}

fn assert_over_limit(answer: &FluxBuildAnswer, stage: BuildStage, message: &str) {
    let refusal = answer.refusal.as_ref().unwrap_or_else(|| panic!("it was built: {answer:?}"));
    assert_eq!((answer.outcome, refusal.stage), (BuildOutcome::OverLimit, stage), "{answer:?}");
    assert!(refusal.message.contains(message), "{message} not in {}", refusal.message);
}

/// Before, each of these was "Flux cannot build this", which is an error, and Flux builds them.
#[test]
fn more_than_is_read_or_answered_is_a_limit() {
    let large = config_map("large", &format!("{{k: {}}}", "x".repeat(7 << 20)));
    // A base that is used often is read as often.
    let mut tree = vec![("base/kustomization.yaml".to_owned(), "resources: [a.yaml]\n".to_owned())];
    tree.push(("base/a.yaml".to_owned(), large));
    let mut entry = "resources:\n".to_owned();
    for number in 0..12 {
        tree.push((format!("{number}/kustomization.yaml"), format!("namePrefix: a{number}-\nresources: [../base]\n")));
        writeln!(entry, "- {number}").unwrap();
    }
    tree.push(("kustomization.yaml".to_owned(), entry));
    let tree: Vec<(&str, &str)> = tree.iter().map(|(path, text)| (&**path, &**text)).collect();
    let Some(answer) = flux(&tree, &json!({})) else { return };
    assert_over_limit(&answer, BuildStage::Build, "the objects have more than 64 MiB");
}

#[test]
fn a_request_that_is_too_long_is_a_limit_and_the_next_one_is_built() {
    let Some(program) = program() else { return };
    let mut client = program.for_files();
    let mut build = |text: &str| {
        let request = FluxBuildRequest {
            path: ".".to_owned(),
            files: files(&[("a.yaml", &config_map("a", "{}")), ("b.txt", text)]),
            ..FluxBuildRequest::default()
        };
        client.build(&request).unwrap()
    };
    assert_over_limit(&build(&"x".repeat(65 << 20)), BuildStage::Request, "the request is longer");
    assert_eq!(names(&build("x")), ["a"]);
}

#[test]
fn a_tree_that_is_too_large_to_copy_is_a_limit() {
    let Some(program) = program() else { return };
    let tree = tempfile::tempdir().unwrap();
    std::fs::write(tree.path().join("a.yaml"), config_map("a", "{}")).unwrap();
    // 129 times the largest file that is copied, of which the disk has nothing.
    for number in 0..129 {
        std::fs::File::create(tree.path().join(number.to_string())).unwrap().set_len(8 << 20).unwrap();
    }
    let mut client = program.for_tree(&TreeRepository::open(tree.path(), None).unwrap());
    let request = FluxBuildRequest { path: ".".to_owned(), ..FluxBuildRequest::default() };
    assert_over_limit(&client.build(&request).unwrap(), BuildStage::Artifact, "1024 MiB");
}
