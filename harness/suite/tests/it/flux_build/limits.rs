//! Trees that are broken, too large, or made to be.

use std::fmt::Write as _;

use harness_tree::upstream::{BuildNoteKind, BuildOutcome, BuildStage, FluxBuildRequest};
use rstest::rstest;
use serde_json::json;

use super::{assert_refused, config_map, files, flux, names, noted, program};

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

#[test]
fn a_file_that_is_too_large_to_copy_is_noted_where_it_is_needed() {
    let large = format!("{}# {}\n", config_map("large", "{}"), "x".repeat(9 << 20));
    let a = config_map("a", "{}");
    let beside = [("a.yaml", &*a), ("kustomization.yaml", "resources: [a.yaml]\n"), ("large.yaml", &*large)];
    let Some(answer) = flux(&beside, &json!({})) else { return };
    assert_eq!((names(&answer), noted(&answer, BuildNoteKind::TooLarge)), (vec!["a"], vec![]));
    let asking = [beside[0], ("kustomization.yaml", "resources: [a.yaml, large.yaml]\n"), beside[2]];
    let answer = flux(&asking, &json!({})).unwrap();
    assert_refused(&answer, BuildStage::Build, &["large.yaml"]);
    assert_eq!(noted(&answer, BuildNoteKind::TooLarge), ["large.yaml"]);
}
