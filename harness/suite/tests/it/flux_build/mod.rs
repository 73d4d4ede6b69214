//! What `flux-build` builds, step by step of Flux's. The right answers are those of the pinned controllers; where one rests on a line of upstream's,
//! the test names it. Ignored, with the reason, where the program is not built: no test builds it.

mod kustomize;
mod limits;
mod sources;
mod steps;
mod substitution;

use std::path::PathBuf;

use harness_suite::FluxBuildProgram;
use harness_tree::upstream::{BuildNoteKind, BuildOutcome, BuildStage, FluxBuildAnswer, FluxBuildRequest, RequestFile};
use serde_json::{Value, json};

/// Returns the program, or `None` with a line that says why the test is ignored. `HARNESS_REQUIRE_CLUSTER=1` makes that a failure, as for the tests
/// on a real cluster.
fn program() -> Option<FluxBuildProgram> {
    let bin_dir = std::env::var_os("HARNESS_BIN_DIR").map(PathBuf::from);
    match FluxBuildProgram::locate(bin_dir.as_deref()) {
        Ok(program) => Some(program),
        Err(missing) => {
            assert!(std::env::var_os("HARNESS_REQUIRE_CLUSTER").is_none(), "{missing}");
            eprintln!("ignored: {missing}");
            None
        }
    }
}

/// A ConfigMap of that name with these data, as flow YAML.
fn config_map(name: &str, data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata: {data}\n")
}

/// The paths and texts of a tree.
type Files<'a> = &'a [(&'a str, &'a str)];

fn files(files: Files<'_>) -> Option<Vec<RequestFile>> {
    Some(files.iter().map(|(path, text)| RequestFile { path: (*path).to_owned(), text: (*text).to_owned() }).collect())
}

/// A Flux Kustomization with this spec.
fn kustomization(spec: &Value) -> Option<Value> {
    Some(json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "test", "namespace": "flux-system"},
        "spec": spec,
    }))
}

/// Builds the top of a tree by a Flux Kustomization with this spec; `None` where the program is not built.
fn flux(tree: Files<'_>, spec: &Value) -> Option<FluxBuildAnswer> {
    build(&FluxBuildRequest {
        path: ".".to_owned(),
        files: files(tree),
        kustomization: kustomization(spec),
        ..FluxBuildRequest::default()
    })
}

fn build(request: &FluxBuildRequest) -> Option<FluxBuildAnswer> {
    Some(program()?.for_files().build(request).unwrap())
}

/// The values of the objects of a build that succeeded.
fn values(answer: &FluxBuildAnswer) -> Vec<&Value> {
    assert_eq!(answer.outcome, BuildOutcome::Built, "{answer:?}");
    answer.objects.iter().map(|object| &object.value).collect()
}

/// The names of the objects of a build that succeeded.
fn names(answer: &FluxBuildAnswer) -> Vec<&str> {
    values(answer).into_iter().map(|value| value["metadata"]["name"].as_str().unwrap()).collect()
}

/// Checks that Flux refuses in this step, and the message has these parts.
fn assert_refused(answer: &FluxBuildAnswer, stage: BuildStage, parts: &[&str]) {
    let refusal = answer.refusal.as_ref().unwrap_or_else(|| panic!("it was built: {answer:?}"));
    assert_eq!((answer.outcome, refusal.stage), (BuildOutcome::Refused, stage), "{answer:?}");
    for part in parts {
        assert!(refusal.message.contains(part), "{part} not in {}", refusal.message);
    }
    assert!(!refusal.message.contains("/tmp/"), "a private path: {}", refusal.message);
}

fn noted(answer: &FluxBuildAnswer, kind: BuildNoteKind) -> Vec<&str> {
    answer.notes.iter().filter(|note| note.kind == kind).map(|note| note.path.as_str()).collect()
}
