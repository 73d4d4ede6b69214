//! What kustomize-controller does around kustomize, against its own packages, on small trees.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::builder::By;
use super::go::{MODULE, VERSION, Work, said};
use super::{Expected, Table, compare, files};

/// Trees, each a name, the `spec` of the Kustomization, and files: a path before `:`, then the text.
const TREES: &str = include_str!("flux_trees.yaml");

#[derive(Deserialize)]
struct Tree {
    name: String,
    #[serde(default)]
    spec: Value,
    files: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Line {
    path: String,
    objects: Option<Vec<Value>>,
    error: String,
}

#[test]
fn builds_are_those_of_kustomize_controller() {
    let work = match Work::new("flux-trees") {
        Ok(work) => work,
        Err(reason) => return eprintln!("skipped: {reason}"),
    };
    work.write_module(&format!("{MODULE} {VERSION}"));
    work.write("main/flux.go", include_str!("flux.go"));
    let output = work.go(&["build", "-o", "flux", "flux.go"]).output().unwrap();
    if !output.status.success() {
        return eprintln!("skipped: Flux's packages cannot be built from the module cache: {}", said(&output));
    }
    let trees: Vec<Tree> = serde_saphyr::from_str(TREES).unwrap();
    let mut tasks = String::new();
    for tree in &trees {
        for (path, text) in &tree.files {
            work.write(&format!("trees/{}/{path}", tree.name), text);
        }
        let root = work.folder.join("trees").join(&tree.name);
        let task = json!({"name": tree.name, "root": root, "path": "tree", "kustomization": {"spec": tree.spec}});
        tasks.push_str(&format!("{task}\n"));
    }
    let mut program = std::process::Command::new(work.folder.join("main/flux"));
    let mut program = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    program.stdin.take().unwrap().write_all(tasks.as_bytes()).unwrap();
    let output = String::from_utf8(program.wait_with_output().unwrap().stdout).unwrap();
    let mut table = Table::default();
    for (line, tree) in output.lines().zip(&trees) {
        let line: Line = serde_json::from_str(line).unwrap();
        assert_eq!(line.path, tree.name);
        let spec = harness_yaml::documents_of(&tree.spec.to_string(), 0).unwrap().pop();
        let given = tree.files.clone();
        let read = move |path: &str| given.get(path).cloned().unwrap_or_default().into_bytes();
        let paths = tree.files.keys().cloned().collect();
        let expected = Expected::of(line.objects, &line.error);
        table.add(&tree.name, compare(&files(paths, read), "tree", By::Flux, spec.as_ref(), &expected));
    }
    table.check("trees of Flux", 100);
}
