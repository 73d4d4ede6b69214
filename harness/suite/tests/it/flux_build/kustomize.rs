//! `kustomize build`, without Flux's steps.

use harness_tree::upstream::{BuildMode, BuildStage, FluxBuildAnswer, FluxBuildRequest};

use super::{Files, assert_refused, build, config_map, files, names};

fn kustomize(path: &str, tree: Files<'_>, change: fn(&mut FluxBuildRequest)) -> Option<FluxBuildAnswer> {
    let mut request = FluxBuildRequest {
        mode: BuildMode::Kustomize,
        path: path.to_owned(),
        files: files(tree),
        ..FluxBuildRequest::default()
    };
    change(&mut request);
    build(&request)
}

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n";

#[test]
fn objects_are_sorted_as_the_command_does_unless_asked_otherwise() {
    let tree = [
        ("/app/kustomization.yaml", "resources: [a.yaml, b.yaml]\n"),
        ("/app/a.yaml", &*config_map("a", "{}")),
        ("/app/b.yaml", NAMESPACE),
    ];
    let Some(answer) = kustomize("/app", &tree, |_| {}) else { return };
    assert_eq!(names(&answer), ["b", "a"]);
    assert_eq!(answer.objects[0].yaml.as_deref(), Some("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: b\n"));
    assert_eq!(names(&kustomize("/app", &tree, |request| request.unsorted = true).unwrap()), ["a", "b"]);
}

#[test]
fn the_entry_is_read_strictly_and_nothing_is_generated() {
    let a = config_map("a", "{}");
    let Some(answer) = kustomize("/app", &[("/app/kustomization.yaml", "ressources: [a.yaml]\n")], |_| {}) else {
        return;
    };
    assert_refused(&answer, BuildStage::Build, &["unknown field \"ressources\""]);
    let answer = kustomize("/app", &[("/app/a.yaml", &a)], |_| {}).unwrap();
    assert_refused(&answer, BuildStage::Build, &["unable to find one of 'kustomization.yaml'"]);
}

#[test]
fn files_above_the_folder_are_restricted() {
    let tree = [("/app/kustomization.yaml", "resources: [../a.yaml]\n"), ("/a.yaml", &*config_map("a", "{}"))];
    let Some(answer) = kustomize("/app", &tree, |_| {}) else { return };
    assert_refused(&answer, BuildStage::Build, &["security; file"]);
    assert_eq!(names(&kustomize("/app", &tree, |request| request.any_file = true).unwrap()), ["a"]);
}
