//! The report over everything: `suite.json`, from which `harness report` makes the index.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use harness_suite::{ExitCode, RecordedJudgement, RunRecord, RunState, SuiteRecord};

use crate::failure::Failure;
use crate::jobs::Job;
use crate::lanes::State;

/// The whole catalogue after its last run.
pub(crate) struct Whole<'a> {
    pub(crate) jobs: &'a [Job],
    pub(crate) states: &'a [State],
    pub(crate) id: &'a str,
    pub(crate) started_at: jiff::Timestamp,
    pub(crate) took: Duration,
    pub(crate) profile: &'a str,
    pub(crate) seed: u64,
    /// The command that repeats it.
    pub(crate) command: &'a str,
}

impl Whole<'_> {
    /// Writes `suite.json` and the table of durations, then has `harness report` make the index. Its exit code repeats the verdicts of the
    /// runs, so it does not tell whether the report was made.
    pub(crate) fn report(&self, out: &Path, harness: &Path) -> Result<(), Failure> {
        self.record(out).save(out)?;
        let path = out.join("durations.json");
        let text = serde_json::to_string_pretty(&self.durations()).map_err(std::io::Error::from);
        text.and_then(|text| std::fs::write(&path, text + "\n")).map_err(Failure::file("write", path.clone()))?;
        let status = Command::new(harness).arg("report").arg(out).status();
        let status = status.map_err(|source| Failure::Spawn { program: harness.to_owned(), source })?;
        match out.join("index.html").is_file() && out.join("junit.xml").is_file() {
            true => Ok(()),
            false => Err(Failure::Ended { what: "harness report".to_owned(), status: status.to_string() }),
        }
    }

    fn record(&self, out: &Path) -> SuiteRecord {
        let has_log = |job: &Job| out.join(&job.name).join("events.jsonl").is_file();
        let runs = self.jobs.iter().zip(self.states).map(|(job, state)| run_record(job, state, has_log(job)));
        SuiteRecord {
            took_ms: u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            command: self.command.to_owned(),
            profile: self.profile.to_owned(),
            target: "local".to_owned(),
            seed: self.seed,
            ..SuiteRecord::new(self.id, self.started_at, runs.collect())
        }
    }

    /// Seconds from start to exit of the runs that had the expected outcome at the first attempt, by profile and name.
    fn durations(&self) -> BTreeMap<&str, BTreeMap<&str, u64>> {
        let mut durations: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        for (job, state) in self.jobs.iter().zip(self.states) {
            if let State::Ran { problems, first, took } = state
                && problems.is_empty()
                && first.is_empty()
            {
                durations.entry(job.profile.as_str()).or_default().insert(&job.name, took.as_secs());
            }
        }
        durations
    }
}

fn run_record(job: &Job, state: &State, has_log: bool) -> RunRecord {
    let case = job.counter_case.as_ref().map(|(case, _)| case);
    let not_run = |reason: &str, exit_code| RunState::NotRun { reason: reason.to_owned(), exit_code };
    let (state, judgement) = match state {
        // It did not even start: `harness report` has nothing to read.
        State::Ran { problems, .. } if !has_log => (not_run(&problems.join("; "), ExitCode::TargetFailed), None),
        State::Ran { problems, first, .. } => {
            let broken = case.map(|case| case.broken.clone());
            let judgement = RecordedJudgement { broken, problems: problems.clone(), first: first.clone() };
            (RunState::Ran, Some(judgement))
        }
        State::Interrupted => (not_run("interrupted", ExitCode::Interrupted), None),
    };
    RunRecord {
        name: job.name.clone(),
        scenario: case.map_or(&job.name, |case| &case.scenario).clone(),
        group: job.group.clone(),
        question: job.question.clone(),
        state,
        issues: Vec::new(),
        judgement,
    }
}

/// How many jobs ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    passed: usize,
    counter_cases: usize,
    failed: usize,
    flaky: usize,
    interrupted: usize,
}

impl Totals {
    /// Counts all jobs.
    pub(crate) fn of(jobs: &[Job], states: &[State]) -> Self {
        let mut totals = Self::default();
        for (job, state) in jobs.iter().zip(states) {
            match state {
                State::Ran { problems, .. } if !problems.is_empty() => totals.failed += 1,
                State::Ran { .. } if job.counter_case.is_some() => totals.counter_cases += 1,
                State::Ran { .. } => totals.passed += 1,
                State::Interrupted => totals.interrupted += 1,
            }
            totals.flaky += usize::from(state.is_flaky());
        }
        totals
    }

    /// 0 if every run had the expected outcome and at most `flaky_max` were flaky, 130 after an interrupt, otherwise 1: also if nothing ran,
    /// which must not look like a pass.
    pub(crate) fn exit_code(&self, flaky_max: usize) -> ExitCode {
        match () {
            () if self.interrupted > 0 => ExitCode::Interrupted,
            () if self.failed > 0 || self.flaky > flaky_max => ExitCode::Failed,
            () if self.passed + self.counter_cases == 0 => ExitCode::Failed,
            () => ExitCode::Passed,
        }
    }

    /// The last line.
    pub(crate) fn text(&self, flaky_max: usize) -> String {
        let mut text = format!("{} passed, {} failed", self.passed, self.failed);
        for (count, what) in
            [(self.counter_cases, "counter-cases failed as expected"), (self.interrupted, "interrupted")]
        {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        text.push_str(&format!(", {} flaky (at most {flaky_max})", self.flaky));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counter_case::CounterCase;
    use crate::jobs::tests::taking;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn ran(problems: &[&str], first: &[&str]) -> State {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        State::Ran { problems: owned(problems), first: owned(first), took: Duration::from_secs(61) }
    }

    fn counter_case() -> Job {
        let case = CounterCase {
            scenario: "spot".to_owned(),
            broken: "There is no spot.".to_owned(),
            patch: serde_json::from_str("[]").unwrap(),
            why_two: None,
            fails: vec!["phase none-left".to_owned()],
            may_fail: Vec::new(),
        };
        Job { counter_case: Some((case, Value::Null)), ..taking("spot--x", 1) }
    }

    #[test]
    fn the_file_has_a_judgement_for_each_run() {
        let jobs = [taking("a", 1), taking("b", 1), counter_case(), taking("d", 1), taking("e", 1)];
        let states =
            [ran(&[], &[]), ran(&[], &["phase up"]), ran(&[], &[]), State::Interrupted, ran(&["cannot start"], &[])];
        let whole = Whole {
            jobs: &jobs,
            states: &states,
            id: "catalogue-1",
            started_at: jiff::Timestamp::UNIX_EPOCH,
            took: Duration::from_secs(90),
            profile: "default",
            seed: 7,
            command: "ci/catalogue.sh",
        };
        let out = tempfile::tempdir().unwrap();
        for job in &jobs[..3] {
            std::fs::create_dir(out.path().join(&job.name)).unwrap();
            std::fs::write(out.path().join(&job.name).join("events.jsonl"), "").unwrap();
        }
        let json = serde_json::to_value(whole.record(out.path())).unwrap();
        assert_eq!((&json["id"], &json["tookMs"]), (&json!("catalogue-1"), &json!(90_000)));
        let of = |index: usize| &json["scenarios"][index];
        assert_eq!(of(0)["state"], "ran");
        assert_eq!(of(0)["judgement"], json!({"problems": [], "first": []}));
        assert_eq!(of(1)["judgement"]["first"], json!(["phase up"]));
        assert_eq!((&of(2)["name"], &of(2)["scenario"]), (&json!("spot--x"), &json!("spot")));
        assert_eq!(of(2)["judgement"]["broken"], "There is no spot.");
        assert_eq!(of(3)["state"], json!({"not-run": {"reason": "interrupted", "exitCode": 130}}));
        assert_eq!(of(4)["state"], json!({"not-run": {"reason": "cannot start", "exitCode": 3}}));
        // The duration of a second attempt, alone on the machine, would mislead.
        assert_eq!(whole.durations(), [("default", [("a", 61), ("spot--x", 61)].into())].into());
    }

    #[rstest]
    #[case(vec![ran(&[], &[]), ran(&[], &[])], 0, "1 passed, 0 failed, 1 counter-cases failed as expected, 0 flaky (at most 1)")]
    #[case(vec![ran(&[], &["x"]), ran(&[], &[])], 0, "1 passed, 0 failed, 1 counter-cases failed as expected, 1 flaky (at most 1)")]
    #[case(vec![ran(&[], &["x"]), ran(&[], &["y"])], 1, "1 passed, 0 failed, 1 counter-cases failed as expected, 2 flaky (at most 1)")]
    #[case(vec![ran(&[], &[]), ran(&["it passed"], &["it passed"])], 1, "1 passed, 1 failed, 0 flaky (at most 1)")]
    #[case(vec![ran(&["x"], &[]), State::Interrupted], 130, "0 passed, 1 failed, 1 interrupted, 0 flaky (at most 1)")]
    fn the_exit_code_and_the_last_line(#[case] states: Vec<State>, #[case] exit_code: u8, #[case] text: &str) {
        let totals = Totals::of(&[taking("a", 1), counter_case()], &states);
        assert_eq!((u8::from(totals.exit_code(1)), totals.text(1).as_str()), (exit_code, text));
    }

    #[test]
    fn running_nothing_is_not_a_pass() {
        assert_eq!(Totals::of(&[], &[]).exit_code(2), ExitCode::Failed);
    }
}
