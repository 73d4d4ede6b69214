//! The binary as its users run it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use harness_testing::{limits, wait_for_blocking};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Says where the binary keeps its clusters.
const STATE_DIR: &str = "HARNESS_STATE_DIR";

fn state_root(folder: &Path) -> PathBuf {
    folder.join("clusters")
}

/// The binary under test.
pub(crate) fn harness() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.env_remove("HARNESS_LOG").current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

/// A scenario of these tests.
pub(crate) fn scenario(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/scenarios/{name}.yaml"));
    path.to_str().unwrap().to_owned()
}

/// A run on its own cluster.
pub(crate) fn start_alone(arguments: &[&str]) -> Started {
    let mut command = harness();
    command.arg("run").args(arguments);
    start(command)
}

/// Starts a run with its own folder; the command lacks only `--out`. Where it does not say where clusters are kept, none is up, and the run
/// starts its own.
pub(crate) fn start(mut command: Command) -> Started {
    let folder = tempfile::tempdir().unwrap();
    if !command.get_envs().any(|(name, _)| name == STATE_DIR) {
        command.env(STATE_DIR, state_root(folder.path()));
    }
    let stderr = std::fs::File::create(folder.path().join("stderr")).unwrap();
    let child = command
        .arg("--out")
        .arg(folder.path().join("run"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .unwrap();
    Started { child, folder }
}

/// A run in progress. It is killed if the test ends first.
pub(crate) struct Started {
    child: Child,
    folder: tempfile::TempDir,
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Started {
    /// The folder that the run writes to.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Where the clusters are kept that it starts.
    pub(crate) fn state_root(&self) -> PathBuf {
        state_root(self.folder.path())
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Kills it and returns its folder.
    pub(crate) fn sigkill(mut self) -> (tempfile::TempDir, PathBuf) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        let run = folder.path().join("run");
        (folder, run)
    }

    /// Waits until the log of the run, or of one of several by its folder's name, has an event that satisfies the condition.
    pub(crate) fn wait_for_event(&self, run: &str, what: &str, condition: impl Fn(&Value) -> bool) {
        let path = self.folder().join(run).join("events.jsonl");
        wait_for_blocking(&format!("the log has {what}"), limits::EVENT, || {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            // The last line may be cut: it is still being written.
            let mut events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            if events.any(|event| condition(&event["e"])) {
                return Ok(());
            }
            Err(format!("{}\n{}", text.lines().last().unwrap_or("no event"), self.stderr()))
        });
    }

    /// Waits for the start of a phase.
    pub(crate) fn wait_for_phase(&self, run: &str, phase: &str) {
        self.wait_for_event(run, &format!("the phase {phase}"), |event| event["phase_began"]["phase"] == phase);
    }

    /// The id that the first event of the log names.
    pub(crate) fn run_id(&self) -> String {
        self.wait_for_event("", "its first event", |event| event["run_started"].is_object());
        run_id(&self.folder())
    }

    fn stderr(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }

    /// Waits for the end and reads the results.
    pub(crate) fn ended(mut self) -> Ran {
        let child = &mut self.child;
        let folder = self.folder.path().to_owned();
        let code = wait_for_blocking("the run ends", limits::RUN, || match child.try_wait().unwrap() {
            Some(status) => Ok(status.code().unwrap_or(-1)),
            None => Err(tail_of_output(&folder)),
        });
        let stderr = self.stderr();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        let summary = read_json(&folder.path().join("run/summary.json"));
        Ran { folder, code, stderr, summary }
    }
}

/// The last lines of stderr and of the log.
fn tail_of_output(folder: &Path) -> String {
    let tail = |file: &str, lines: usize| {
        let text = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    };
    format!("{}\n{}", tail("stderr", 8), tail("run/events.jsonl", 3))
}

/// A JSON file, or `null` where there is none.
pub(crate) fn read_json(path: &Path) -> Value {
    std::fs::read(path).map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap())
}

/// The id of the run whose log is in a folder.
pub(crate) fn run_id(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("events.jsonl")).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    first["e"]["run_started"]["run_id"].as_str().unwrap().to_owned()
}

/// A run that has ended.
pub(crate) struct Ran {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) code: i32,
    pub(crate) stderr: String,
    pub(crate) summary: Value,
}

impl Ran {
    /// The folder that the run wrote to.
    pub(crate) fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Everything that a failing assertion should show.
    pub(crate) fn report(&self) -> String {
        format!(
            "exit {}\nreasons {:#}\nexpectations {:#}\n{}",
            self.code, self.summary["reasons"], self.summary["expectations"], self.stderr
        )
    }

    /// The events of the log.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.run().join("events.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How many events satisfy the condition.
    pub(crate) fn count(&self, condition: impl Fn(&Value) -> bool) -> usize {
        self.events().iter().filter(|event| condition(&event["e"])).count()
    }

    /// The values of an attribute over all milestones.
    pub(crate) fn attributes(&self, name: &str) -> BTreeSet<String> {
        let events = self.events();
        let values = events.iter().filter_map(|event| event["e"]["milestone"]["attributes"][name].as_str());
        values.map(str::to_owned).collect()
    }

    /// It passed, every report exists, and nothing is left behind.
    pub(crate) fn assert_passed(&self) {
        assert_eq!((self.code, &self.summary["verdict"]), (0, &"pass".into()), "{}", self.report());
        self.assert_reports();
        self.assert_nothing_left();
    }

    /// Every report exists.
    pub(crate) fn assert_reports(&self) {
        for file in ["summary.json", "junit.xml", "report.html", "report.md", "latencies.hlog", "plan.json"] {
            let size = std::fs::metadata(self.run().join(file)).map_or(0, |it| it.len());
            assert!(size > 0, "{file} is missing or empty\n{}", self.report());
        }
    }

    /// Nothing was left behind, according to the run and to the machine.
    pub(crate) fn assert_nothing_left(&self) {
        assert_eq!(self.summary["leaks"], serde_json::json!([]), "{}", self.report());
        let run_id = self.summary["run"]["id"].as_str().unwrap().to_owned();
        assert_eq!(processes_of(&run_id), Vec::<String>::new(), "{}", self.report());
    }
}

/// Command lines of the processes that belong to the cluster that a run started for itself.
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
