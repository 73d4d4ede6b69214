//! Trees on the disk: the fixtures, and what an environment variable names.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::super::builder::By;
use super::super::{folder_of, is_kustomization};
use super::go::{Work, said};
use super::{Expected, Table, compare, files};

/// A folder with trees of one's own to compare, such as clones of repositories.
const TREES: &str = "HARNESS_KUSTOMIZE_TREES";
/// Right or declared, per cent.
const RIGHT_MIN: usize = 95;
/// Folders that one call of the program builds.
const AT_ONCE: usize = 200;

#[derive(Deserialize)]
struct Line {
    path: PathBuf,
    objects: Option<Vec<Value>>,
    error: String,
}

#[test]
fn builds_of_trees_are_those_of_kustomize() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").canonicalize().unwrap();
    let given = std::env::var_os(TREES).map(PathBuf::from);
    let work = match Work::new("kustomize-trees") {
        Ok(work) => work,
        Err(reason) => return eprintln!("skipped: {reason}"),
    };
    work.write_module(&format!("{} {}", super::go::MODULE, super::go::VERSION));
    work.write("main/build.go", include_str!("build.go"));
    let output = work.go(&["build", "-o", "build", "build.go"]).output().unwrap();
    if !output.status.success() {
        return eprintln!("skipped: kustomize cannot be built from the module cache: {}", said(&output));
    }
    for top in std::iter::once(fixtures).chain(given) {
        let mut table = Table::default();
        compare_tree(&work, &top, &mut table);
        table.check(&top.display().to_string(), RIGHT_MIN);
    }
}

fn compare_tree(work: &Work, top: &Path, table: &mut Table) {
    let mut paths = Vec::new();
    list(top, top, &mut paths);
    let is_component = |path: &str| {
        let text = std::fs::read_to_string(top.join(path)).unwrap_or_default();
        text.lines().any(|line| line.trim_end() == "kind: Component")
    };
    let folders: Vec<PathBuf> = paths
        .iter()
        .filter(|path| is_kustomization(path) && !is_component(path))
        .map(|path| top.join(folder_of(path)))
        .collect();
    let from = top.to_owned();
    let all = files(paths, move |path| std::fs::read(from.join(path)).unwrap_or_default());
    for folders in folders.chunks(AT_ONCE) {
        let mut build = std::process::Command::new(work.folder.join("main/build"));
        // Without Git and a network: what is elsewhere is not compared.
        build.env_clear().env("HTTPS_PROXY", "http://127.0.0.1:1").env("HTTP_PROXY", "http://127.0.0.1:1");
        let output = build.args(folders).output().unwrap();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let line: Line = serde_json::from_str(line).unwrap();
            let folder = line.path.strip_prefix(top).unwrap().to_string_lossy().into_owned();
            let expected = Expected::of(line.objects, &line.error);
            table.add(&folder, compare(&all, &folder, By::Kustomize { restricted: false }, None, &expected));
        }
    }
}

/// The files below a folder, without those of Git.
fn list(top: &Path, folder: &Path, paths: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() && entry.file_name() != ".git" {
            list(top, &path, paths);
        } else if path.is_file() {
            paths.push(path.strip_prefix(top).unwrap().to_string_lossy().into_owned());
        }
    }
}
