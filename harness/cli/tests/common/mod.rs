//! The binary as its users run it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![allow(dead_code, reason = "each test binary uses some of these")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use harness_cluster::components;
use serde_json::Value;

/// The binary under test.
pub(crate) fn harness() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.env_remove("HARNESS_LOG").current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A scenario of these tests.
pub(crate) fn scenario(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/scenarios/{name}.yaml"))
}

/// Whether the components are built; a test that needs them says so and passes where they are not.
pub(crate) fn components_or_skip(test: &str) -> bool {
    let folder = std::env::var_os("HARNESS_BIN_DIR").map(PathBuf::from);
    match components::locate(folder.as_deref()) {
        Ok(_) => true,
        Err(missing) => {
            eprintln!("skipped: {test}: {missing}; run `harness components build`");
            false
        }
    }
}

/// A run that has ended.
pub(crate) struct Ran {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) code: i32,
    pub(crate) stderr: String,
    pub(crate) summary: Value,
}

impl Ran {
    /// Everything that a failing assertion should show.
    pub(crate) fn said(&self) -> String {
        let reasons = serde_json::to_string_pretty(&self.summary["reasons"]).unwrap();
        format!(
            "exit {}\nreasons {reasons}\nexpectations {:#}\n{}",
            self.code, self.summary["expectations"], self.stderr
        )
    }

    /// The events of the log.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("run/events.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How many events satisfy the condition.
    pub(crate) fn count(&self, condition: impl Fn(&Value) -> bool) -> usize {
        self.events().iter().filter(|event| condition(&event["e"])).count()
    }

    /// Each report is there.
    pub(crate) fn assert_reports(&self) {
        for file in ["summary.json", "junit.xml", "report.html", "report.md", "latencies.hlog", "plan.json"] {
            let size = std::fs::metadata(self.folder.path().join("run").join(file)).map(|it| it.len()).unwrap_or(0);
            assert!(size > 0, "{file} is missing or empty\n{}", self.said());
        }
    }

    /// Nothing was left behind, by the run's own count and by the machine's.
    pub(crate) fn assert_nothing_left(&self) {
        assert_eq!(self.summary["leaks"], serde_json::json!([]), "{}", self.said());
        let run_id = self.summary["run"]["id"].as_str().unwrap().to_owned();
        assert_eq!(processes_of(&run_id), Vec::<String>::new(), "{}", self.said());
    }
}

/// Command lines of the processes that belong to the run's own cluster.
pub(crate) fn processes_of(run_id: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&format!("run-{run_id}")) {
            found.push(line);
        }
    }
    found
}

/// Runs to the end.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let child = start(arguments, folder.path());
    ended(child, folder)
}

/// Starts a run whose folder is `FOLDER/run`.
pub(crate) fn start(arguments: &[&str], folder: &Path) -> Child {
    harness()
        .arg("run")
        .args(arguments)
        // A name that nobody uses: the run has a cluster of its own.
        .args(["--cluster", "none-of-these-tests", "--out"])
        .arg(folder.join("run"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for the end of a run and reads its summary.
pub(crate) fn ended(child: Child, folder: tempfile::TempDir) -> Ran {
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    let summary = std::fs::read(folder.path().join("run/summary.json")).ok();
    let summary = summary.map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap());
    Ran { folder, code: status.code().unwrap_or(-1), stderr, summary }
}

/// Waits until the log of a run that goes on has an event that satisfies the condition.
pub(crate) fn wait_for_event(folder: &Path, what: &str, condition: impl Fn(&Value) -> bool) {
    let path = folder.join("run/events.jsonl");
    let limit = Instant::now() + Duration::from_secs(120);
    let mut last = String::new();
    while Instant::now() < limit {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        // The last line may be cut: it is still being written.
        let mut events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        if events.any(|event| condition(&event["e"])) {
            return;
        }
        last = text.lines().last().unwrap_or_default().to_owned();
        std::thread::park_timeout(Duration::from_millis(50));
    }
    panic!("{what} was not seen within 120 s; last event: {last}");
}
