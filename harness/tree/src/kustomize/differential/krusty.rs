//! The tests of kustomize's `krusty` package, run for what they build.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::super::builder::By;
use super::super::join;
use super::{Expected, Table, compare};

/// The module whose tests are run: the one that kustomize-controller is built with.
const MODULE: &str = "sigs.k8s.io/kustomize/api";
const VERSION: &str = "v0.21.1";
/// The go.mod and go.sum by which kustomize-controller is built: what it needs is in the cache when that was built.
const GO_MOD: &str = include_str!("../../../../catalogue/kustomize-controller/go.mod");
const GO_SUM: &str = include_str!("../../../../catalogue/kustomize-controller/go.sum");
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
    let runs = match runs() {
        Ok(runs) => runs,
        Err(reason) => return eprintln!("skipped: {reason}"),
    };
    assert!(runs.len() > 200, "kustomize's tests make {} runs", runs.len());
    let mut table = Table::default();
    for run in runs.into_iter().filter(|run| !run.plugins && !run.labelled) {
        let decoded = |text: &String| STANDARD.decode(text).unwrap();
        let files =
            run.files.iter().map(|(path, text)| (path.trim_start_matches('/').to_owned(), decoded(text))).collect();
        let by = By::Kustomize { restricted: !run.unrestricted };
        let expected = match run.error.as_str() {
            "" => Expected::Objects(run.objects.unwrap_or_default()),
            error => Expected::Refused(error.to_owned()),
        };
        let folder = join("", &run.path).unwrap_or_default();
        table.add(&run.test, compare(files, &folder, by, &expected));
    }
    table.check("kustomize's own tests", RIGHT_MIN);
}

/// The runs of the tests, or why there are none.
fn runs() -> Result<Vec<Run>, String> {
    let output = Command::new("go").args(["env", "GOMODCACHE"]).output().map_err(|_| "there is no `go`".to_owned())?;
    let cache = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let module = cache.join(format!("{MODULE}@{VERSION}"));
    if !module.join("krusty").is_dir() {
        return Err(format!("{MODULE} {VERSION} is not in the Go module cache: build kustomize-controller first"));
    }
    let work = std::env::temp_dir().join(format!("harness-krusty-{}", std::process::id()));
    let runs = run_tests(&module, &work);
    let removed = std::fs::remove_dir_all(&work);
    let runs = runs?;
    removed.map_err(|error| format!("cannot remove {}: {error}", work.display()))?;
    Ok(runs)
}

fn run_tests(module: &Path, work: &Path) -> Result<Vec<Run>, String> {
    let api = work.join("api");
    copy(module, &api);
    let write = |path: &str, text: &str| {
        let path = work.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let harness = api.join("testutils/kusttest/harness.go");
    write("api/testutils/kusttest/harness.go", &dumping(&std::fs::read_to_string(harness).unwrap()));
    write("api/testutils/assert/assert.go", include_str!("assert.go"));
    write("api/testutils/require/require.go", include_str!("require.go"));
    let pinned = format!("replace {MODULE} => {MODULE} {VERSION}");
    assert!(GO_MOD.contains(&pinned), "kustomize-controller is built with another {MODULE}");
    write("main/go.mod", &GO_MOD.replace(&pinned, &format!("replace {MODULE} => ../api")));
    write("main/go.sum", GO_SUM);
    let file = work.join("runs.jsonl");
    let output = Command::new("go")
        .args(["test", &format!("{MODULE}/krusty")])
        .current_dir(work.join("main"))
        .env("GOFLAGS", "-mod=mod")
        .env("GOPROXY", "off")
        .env("GOSUMDB", "off")
        .env("GOWORK", "off")
        .env("KUSTOMIZE_RUNS", &file)
        .output()
        .map_err(|error| format!("cannot run `go test`: {error}"))?;
    // A test that fails has written down what it built before.
    let text = std::fs::read_to_string(file).map_err(|_| {
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        format!("kustomize's tests cannot be built from the module cache: {}", said.lines().last().unwrap_or_default())
    })?;
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

/// Copies the module, whose files cannot be written, without what it needs beyond itself.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let target = to.join(&name);
        if path.is_dir() {
            copy(&path, &target);
        } else if !LEFT_OUT.contains(&name.as_str()) {
            let bytes = std::fs::read(&path).unwrap();
            match String::from_utf8(bytes) {
                Ok(text) => {
                    let text = text.replace("github.com/stretchr/testify/", &format!("{MODULE}/testutils/"));
                    std::fs::write(target, text).unwrap();
                }
                Err(error) => std::fs::write(target, error.as_bytes()).unwrap(),
            }
        }
    }
}
