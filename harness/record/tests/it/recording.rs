//! Recorded runs: `fixtures/recordings/NAME/` with `plan.json.gz`, `events.jsonl.gz` and `verdict.json`, made by `ci/record.sh`.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use harness_record::log::read_log;
use harness_record::{Event, RunResult};
use harness_scenario::plan::Plan;
use serde_json::Value;

/// One recorded run.
pub(crate) struct Recording {
    /// The folder's name: the scenario's, or `SCENARIO--CASE` for a run with something broken.
    pub(crate) name: String,
    pub(crate) plan: Plan,
    /// `events.jsonl`, byte for byte.
    pub(crate) log: Vec<u8>,
    /// What the harness that made the run came to.
    pub(crate) verdict: Value,
}

impl Recording {
    pub(crate) fn read(folder: &Path) -> Self {
        let name = folder.file_name().expect("a folder with a name").to_string_lossy().into_owned();
        let unpacked = |file: &str| {
            let path = folder.join(file);
            let packed = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let mut bytes = Vec::new();
            let read = GzDecoder::new(BufReader::new(packed)).read_to_end(&mut bytes);
            read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            bytes
        };
        let plan = serde_json::from_slice(&unpacked("plan.json.gz"))
            .unwrap_or_else(|error| panic!("the plan of recording {name}: {error}"));
        let verdict = fs::read(folder.join("verdict.json")).expect("a verdict.json beside the log");
        let verdict =
            serde_json::from_slice(&verdict).unwrap_or_else(|error| panic!("verdict.json of {name}: {error}"));
        Self { plan, log: unpacked("events.jsonl.gz"), verdict, name }
    }

    /// The result, read as `harness report` reads it.
    pub(crate) fn result(&self) -> RunResult {
        RunResult::read(&self.plan, self.log.as_slice()).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let log = read_log(self.log.as_slice()).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        log.map(|event| event.unwrap_or_else(|error| panic!("{}: {error}", self.name))).collect()
    }

    pub(crate) fn passed(&self) -> bool {
        self.verdict["verdict"] == "pass"
    }
}

/// `fixtures/recordings`.
pub(crate) fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recordings")
}

/// The names of all recordings, sorted.
pub(crate) fn names() -> Vec<String> {
    let entries = fs::read_dir(recordings()).expect("fixtures/recordings");
    let folders = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir());
    let mut names: Vec<String> =
        folders.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
    names.sort();
    names
}
