//! The tests of kustomize's `krusty` package, run for what they build.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::super::builder::By;
use super::super::join;
use super::go::{MODULE, VERSION, Work, copy, said};
use super::{Expected, Table, compare, files};

/// Tests that need more than the module: a chart, or a library that the module alone uses.
const LEFT_OUT: [&str; 1] = ["helmchartinflationgenerator_test.go"];
/// Right or declared, per cent.
const RIGHT_MIN: usize = 95;

/// A run of kustomize.
#[derive(Debug, Deserialize)]
struct Run {
    test: String,
    path: String,
    files: BTreeMap<String, String>,
    plugins: bool,
    unrestricted: bool,
    /// Whether an option of the command line adds a label.
    labelled: bool,
    objects: Option<Vec<Value>>,
    error: String,
}

#[test]
fn builds_are_those_of_kustomize() {
    let runs = match Work::new("krusty").and_then(|work| runs(&work)) {
        Ok(runs) => runs,
        Err(reason) => return eprintln!("skipped: {reason}"),
    };
    assert!(runs.len() > 200, "kustomize's tests make {} runs", runs.len());
    let mut table = Table::default();
    for run in runs.into_iter().filter(|run| !run.plugins && !run.labelled) {
        let decoded = |text: &String| STANDARD.decode(text).unwrap();
        let given: BTreeMap<String, Vec<u8>> =
            run.files.iter().map(|(path, text)| (path.trim_start_matches('/').to_owned(), decoded(text))).collect();
        let by = By::Kustomize { restricted: !run.unrestricted };
        let expected = Expected::of(run.objects, &run.error);
        let folder = join("", &run.path).unwrap_or_default();
        let paths = given.keys().cloned().collect();
        let read = move |path: &str| given.get(path).cloned().unwrap_or_default();
        table.add(&run.test, compare(&files(paths, read), &folder, by, None, &expected));
    }
    table.check("kustomize's own tests", RIGHT_MIN);
}

/// The runs of the tests, or why there are none.
fn runs(work: &Work) -> Result<Vec<Run>, String> {
    let change = |name: &str, text: String| {
        if LEFT_OUT.contains(&name) {
            return None;
        }
        let text = if name == "harness.go" { dumping(&text) } else { text };
        Some(text.replace("github.com/stretchr/testify/", &format!("{MODULE}/testutils/")))
    };
    copy(&work.module, &work.folder.join("api"), &change);
    work.write("api/testutils/assert/assert.go", include_str!("assert.go"));
    work.write("api/testutils/require/require.go", include_str!("require.go"));
    work.write_module("../api");
    let file = work.folder.join("runs.jsonl");
    let tests = work.go(&["test", &format!("{MODULE}/krusty")]).env("KUSTOMIZE_RUNS", &file).output();
    let output = tests.map_err(|error| format!("cannot run `go test`: {error}"))?;
    // A test that fails has written down what it built before.
    let text = std::fs::read_to_string(file)
        .map_err(|_| format!("kustomize's tests cannot be built from the module cache: {}", said(&output)))?;
    Ok(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// kustomize's own harness, with a line in each run that writes it down.
fn dumping(harness: &str) -> String {
    let run = "krusty.MakeKustomizer(&o).Run(th.fSys, path)\n";
    assert_eq!(harness.matches(run).count(), 2, "the harness of {MODULE} {VERSION} runs kustomize twice");
    let dumped = format!("{run}\tth.dump(path, o, m, err)\n");
    let harness = harness.replace(run, &dumped).replace("_, err := krusty", "m, err := krusty");
    harness.replacen("import (", "import (\n\t\"encoding/json\"\n\t\"fmt\"\n\t\"os\"", 1) + include_str!("dump.go")
}
