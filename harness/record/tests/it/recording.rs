//! Recorded runs: `fixtures/recordings/NAME/` with `plan.json.gz`, `events.jsonl.gz` and `verdict.json`, made by `ci/record.sh`.

use std::fs;
use std::path::Path;

use harness_plan::Plan;
use harness_record::log::read_log;
use harness_record::{Event, RunResult};
use harness_testing::recordings;
use serde_json::Value;

/// One recorded run.
pub(crate) struct Recording {
    /// The folder's name: the scenario's, or `SCENARIO--CASE` for a run with something broken.
    pub(crate) name: String,
    pub(crate) plan: Plan,
    /// `events.jsonl`, byte for byte.
    pub(crate) log: Vec<u8>,
    /// The result that the harness computed at the time of the run.
    pub(crate) verdict: Value,
}

impl Recording {
    pub(crate) fn read(folder: &Path) -> Self {
        let name = folder.file_name().expect("a folder with a name").to_string_lossy().into_owned();
        let unpacked = |file: &str| recordings::read(&name, file).unwrap_or_else(|error| panic!("{error}"));
        let plan = Plan::from_json(&unpacked("plan.json"))
            .unwrap_or_else(|error| panic!("the plan of recording {name}: {error}"));
        let verdict = fs::read(folder.join(recordings::VERDICT)).expect("a verdict.json beside the log");
        let verdict =
            serde_json::from_slice(&verdict).unwrap_or_else(|error| panic!("verdict.json of {name}: {error}"));
        Self { plan, log: unpacked("events.jsonl"), verdict, name }
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
