//! What the source-controller would put into the artifact, and what is not in the tree at all.

use std::path::Path;
use std::process::Command;

use harness_suite::TreeRepository;
use harness_tree::upstream::{BuildNoteKind, BuildOutcome, BuildStage, FluxBuildRequest};
use rstest::rstest;
use serde_json::json;

use super::{assert_refused, build, config_map, files, flux, names, noted, program};

/// `ExcludeCI` and `ExcludeExtra` of github.com/fluxcd/pkg/sourceignore.
#[test]
fn what_the_source_controller_excludes_is_not_built() {
    let tree = [
        ("a.yaml", &*config_map("a", "{}")),
        (".github/workflows/ci.yaml", "on: push\n"),
        (".sops.yaml", "creation_rules: []\n"),
        ("deep/.goreleaser.yml", "builds: []\n"),
    ];
    let Some(answer) = flux(&tree, &json!({})) else { return };
    assert_eq!(names(&answer), ["a"]);
}

#[test]
fn sourceignore_leaves_files_out_and_a_build_that_asks_for_one_is_told() {
    let (a, b) = (config_map("a", "{}"), config_map("b", "{}"));
    let tree = [("a.yaml", &*a), ("drafts/b.yaml", &*b), (".sourceignore", "drafts/\n")];
    let Some(answer) = flux(&tree, &json!({})) else { return };
    assert_eq!(names(&answer), ["a"]);
    let asking = [tree[0], tree[1], tree[2], ("kustomization.yaml", "resources: [a.yaml, drafts/b.yaml]\n")];
    let answer = flux(&asking, &json!({})).unwrap();
    assert_refused(&answer, BuildStage::Build, &["drafts/b.yaml", "no such file or directory"]);
    assert_eq!(noted(&answer, BuildNoteKind::Ignored), ["drafts/b.yaml"]);
}

/// `SourceIgnoreFilter` of github.com/fluxcd/pkg/artifact (`storage/archive.go`): patterns replace the default ones, except for version control.
#[test]
fn with_patterns_of_its_own_a_source_has_no_default_ones() {
    let tree = [("a.yaml", &*config_map("a", "{}")), (".flux.yaml", "x: y\n"), (".sourceignore", "nothing\n")];
    let Some(answer) = flux(&tree, &json!({})) else { return };
    assert_refused(&answer, BuildStage::Generate, &[".flux.yaml"]);
}

#[test]
fn the_ignore_field_of_the_source_counts_last() {
    let request = FluxBuildRequest {
        path: ".".to_owned(),
        files: files(&[
            ("a.yaml", &config_map("a", "{}")),
            ("b.yaml", &config_map("b", "{}")),
            (".sourceignore", "a.yaml\n"),
        ]),
        ignore: Some("b.yaml\n!a.yaml\n".to_owned()),
        ..FluxBuildRequest::default()
    };
    let Some(answer) = build(&request) else { return };
    assert_eq!(names(&answer), ["a"]);
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Before, the whole folder was copied: a `target` with more than 100,000 files was an error of the tree.
#[test]
fn what_git_ignores_is_neither_copied_nor_seen_as_in_the_clone_of_flux() {
    let Some(program) = program() else { return };
    let tree = tempfile::tempdir().unwrap();
    assert!(Command::new("git").arg("-C").arg(tree.path()).args(["init", "-q"]).status().unwrap().success());
    write(tree.path(), ".gitignore", "target/\n*.local.yaml\n");
    write(tree.path(), "app/a.yaml", &config_map("a", "{}"));
    write(tree.path(), "app/b.local.yaml", &config_map("b", "{}"));
    write(tree.path(), "base/kustomization.yaml", "resources: [../target/base]\n");
    write(tree.path(), "target/base/kustomization.yaml", "resources: []\n");
    // An ignore file that the clone does not have.
    write(tree.path(), "target/.sourceignore", "*.yaml\n");
    // 129 times the largest file that is copied, of which the disk has nothing.
    for number in 0..129 {
        let file = std::fs::File::create(tree.path().join(format!("target/{number}"))).unwrap();
        file.set_len(8 << 20).unwrap();
    }
    let mut client = program.for_tree(&TreeRepository::open(tree.path(), None).unwrap());
    let mut build = |path: &str| {
        let path = path.to_owned();
        client.build(&FluxBuildRequest { path, ..FluxBuildRequest::default() }).unwrap()
    };
    assert_eq!(names(&build("app")), ["a"]);
    assert_refused(&build("base"), BuildStage::Build, &["target/base", "no such file or directory"]);
    assert_refused(&build("target"), BuildStage::Path, &["kustomization path not found"]);
}

/// Git lists what is below a folder until its removal is committed.
#[test]
fn a_file_that_is_gone_or_behind_a_link_is_left_out() {
    let Some(program) = program() else { return };
    let (tree, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(tree.path(), "app/a.yaml", &config_map("a", "{}"));
    write(tree.path(), "app/gone.yaml", &config_map("gone", "{}"));
    write(tree.path(), "app/moved/b.yaml", &config_map("b", "{}"));
    write(tree.path(), "asking/kustomization.yaml", "resources: [../app/gone.yaml]\n");
    write(outside.path(), "b.yaml", &config_map("secret", "{}"));
    let repository = TreeRepository::open(tree.path(), None).unwrap();
    std::fs::remove_file(tree.path().join("app/gone.yaml")).unwrap();
    std::fs::remove_dir_all(tree.path().join("app/moved")).unwrap();
    std::os::unix::fs::symlink(outside.path(), tree.path().join("app/moved")).unwrap();
    let mut client = program.for_tree(&repository);
    let mut build = |path: &str| {
        let path = path.to_owned();
        client.build(&FluxBuildRequest { path, ..FluxBuildRequest::default() }).unwrap()
    };
    assert_eq!(names(&build("app")), ["a"]);
    // Flux may have it.
    let answer = build("asking");
    assert_eq!(answer.outcome, BuildOutcome::Failed, "{answer:?}");
    assert_eq!(noted(&answer, BuildNoteKind::Special), ["app/gone.yaml"]);
}

#[test]
fn links_are_not_in_an_artifact_and_nothing_is_written_to_the_tree() {
    let Some(program) = program() else { return };
    let (tree, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |path: &str, text: &str| write(tree.path(), path, text);
    std::fs::write(outside.path().join("secret.yaml"), config_map("secret", "{}")).unwrap();
    write("app/kustomization.yaml", "resources: [a.yaml, link.yaml]\n");
    write("app/a.yaml", &config_map("a", "{}"));
    write("plain/b.yaml", &config_map("b", "{}"));
    std::os::unix::fs::symlink(outside.path().join("secret.yaml"), tree.path().join("app/link.yaml")).unwrap();
    std::os::unix::fs::symlink(outside.path(), tree.path().join("plain/outside")).unwrap();
    let before = listing(tree.path());
    let mut client = program.for_tree(&TreeRepository::open(tree.path(), None).unwrap());
    let request = |path: &str| FluxBuildRequest { path: path.to_owned(), ..FluxBuildRequest::default() };
    let answer = client.build(&request("app")).unwrap();
    assert_refused(&answer, BuildStage::Build, &["app/link.yaml"]);
    assert_eq!(noted(&answer, BuildNoteKind::Link), ["app/link.yaml"]);
    // Twice: a build leaves the copy as it was.
    for _ in 0..2 {
        let answer = client.build(&request("plain")).unwrap();
        assert_eq!(names(&answer), ["b"]);
        assert_eq!(noted(&answer, BuildNoteKind::Generated), ["plain/kustomization.yaml"]);
    }
    drop(client);
    assert_eq!(listing(tree.path()), before);
}

fn listing(folder: &Path) -> Vec<(std::path::PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(listing(&entry.path())),
            kind if kind.is_symlink() => found.push((entry.path(), "link".to_owned())),
            _ => found.push((entry.path(), std::fs::read_to_string(entry.path()).unwrap())),
        }
    }
    found.sort();
    found
}

#[rstest]
#[case("resources: [../../../../../../../../etc/hostname]\n")]
#[case("configMapGenerator: [{name: a, files: [/etc/hostname]}]\n")]
#[case("resources: [../../../outside]\n")]
fn a_path_out_of_the_tree_is_refused(#[case] text: &str) {
    let request = FluxBuildRequest {
        path: "app".to_owned(),
        files: files(&[("app/kustomization.yaml", text)]),
        ..FluxBuildRequest::default()
    };
    let Some(answer) = build(&request) else { return };
    assert_refused(&answer, BuildStage::Build, &["is not in or below '.'"]);
}

#[test]
fn a_folder_that_is_not_there_is_refused() {
    let request = FluxBuildRequest {
        path: "./treee".to_owned(),
        files: files(&[("tree/a.yaml", "")]),
        ..FluxBuildRequest::default()
    };
    let Some(answer) = build(&request) else { return };
    assert_refused(&answer, BuildStage::Path, &["kustomization path not found: stat treee"]);
}

/// A production Flux may fetch them (`--no-remote-bases` is off by default).
#[rstest]
#[case("resources: ['https://github.com/a/b//c?ref=v1']\n", "https://github.com/a/b//c?ref=v1", "")]
#[case("resources: ['github.com/a/b//c?ref=v1']\n", "https://github.com/a/b", "v1")]
#[case("resources: ['git@github.com:a/b.git//c?ref=v1']\n", "git@github.com:a/b.git", "v1")]
#[case("resources: ['https://example.test/x.yaml']\n", "https://example.test/x.yaml", "")]
#[case("components: ['https://github.com/a/b//c?ref=v1']\n", "https://github.com/a/b", "v1")]
fn what_another_repository_has_is_named_and_not_fetched(
    #[case] text: &str,
    #[case] url: &str,
    #[case] reference: &str,
) {
    let Some(answer) = flux(&[("kustomization.yaml", text)], &json!({})) else { return };
    assert_eq!(answer.outcome, BuildOutcome::Remote, "{answer:?}");
    assert_eq!((&*answer.remotes[0].url, &*answer.remotes[0].reference), (url, reference));
}
