//! The report over everything: `suite.json`, from which `harness report` makes the index.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::failure::Failure;
use crate::jobs::Job;
use crate::lanes::State;

/// The exit codes of runs that did not come to a result (README.md).
const NOT_RUN: u8 = 4;
const INTERRUPTED: u8 = 130;

/// What `harness report` reads; the type is that of `harness run`, as far as it is used here.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Suite<'a> {
    version: u32,
    id: &'a str,
    started_at: String,
    took_ms: u64,
    command: &'a str,
    profile: &'a str,
    target: &'a str,
    seed: u64,
    scenarios: Vec<Entry<'a>>,
    left: [String; 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    name: &'a str,
    scenario: &'a str,
    group: &'a str,
    question: &'a str,
    state: Became<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    judged: Option<Judged<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum Became<'a> {
    Ran,
    NotRun { reason: &'a str, exit_code: u8 },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Judged<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<&'a str>,
    against: &'a [String],
    first: &'a [String],
}

/// All runs.
pub(crate) struct Whole<'a> {
    pub(crate) jobs: &'a [Job],
    pub(crate) states: &'a [State],
    pub(crate) started_at: jiff::Timestamp,
    pub(crate) took: Duration,
    pub(crate) profile: &'a str,
    pub(crate) seed: u64,
    /// What repeats it.
    pub(crate) command: &'a str,
}

impl Whole<'_> {
    /// Writes `suite.json` and the table of durations, and has `harness report` make the index. Its exit code says what the runs came to,
    /// which we know.
    pub(crate) fn report(&self, out: &Path, harness: &Path) -> Result<(), Failure> {
        self.write(out, "suite.json", &self.json())?;
        self.write(out, "durations.json", &serde_json::to_value(self.durations()).unwrap_or_default())?;
        let status = Command::new(harness).arg("report").arg(out).status();
        let status = status.map_err(|source| Failure::Spawn { program: harness.to_owned(), source })?;
        match out.join("index.html").is_file() && out.join("junit.xml").is_file() {
            true => Ok(()),
            false => Err(Failure::Ended { what: "harness report".to_owned(), status: status.to_string() }),
        }
    }

    fn write(&self, out: &Path, name: &str, json: &serde_json::Value) -> Result<(), Failure> {
        let path = out.join(name);
        std::fs::write(&path, format!("{json:#}\n")).map_err(Failure::file("write", path))
    }

    fn json(&self) -> serde_json::Value {
        let started_at = self.started_at.to_string();
        let id = format!("catalogue-{}", self.started_at.strftime("%Y%m%d-%H%M%S"));
        let suite = Suite {
            version: 1,
            id: &id,
            started_at,
            took_ms: u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            command: self.command,
            profile: self.profile,
            target: "local",
            seed: self.seed,
            scenarios: self.jobs.iter().zip(self.states).map(entry).collect(),
            left: [],
        };
        serde_json::to_value(suite).unwrap_or_default()
    }

    /// Seconds from start to exit, of what came to what it must at the first attempt. A scenario's is worth keeping in the default profile.
    fn durations(&self) -> BTreeMap<&str, u64> {
        let right = self.jobs.iter().zip(self.states).filter(|(_, state)| state.is_right() && !state.is_flaky());
        right
            .filter_map(|(job, state)| match state {
                State::Ran { took, .. } => Some((job.name.as_str(), took.as_secs())),
                State::NotRun(_) | State::Interrupted => None,
            })
            .collect()
    }
}

fn entry<'a>((job, state): (&'a Job, &'a State)) -> Entry<'a> {
    let case = job.counter_case.as_ref().map(|(case, _)| case);
    let (became, judged) = match state {
        State::Ran { against, first, .. } => {
            let broken = case.map(|case| case.broken.as_str());
            (Became::Ran, Some(Judged { broken, against, first }))
        }
        State::NotRun(reason) => (Became::NotRun { reason, exit_code: NOT_RUN }, None),
        State::Interrupted => (Became::NotRun { reason: "interrupted", exit_code: INTERRUPTED }, None),
    };
    let scenario = case.map_or(job.name.as_str(), |case| case.scenario.as_str());
    Entry { name: &job.name, scenario, group: &job.group, question: &job.question, state: became, judged }
}

/// How many came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    passed: usize,
    counter_cases: usize,
    failed: usize,
    flaky: usize,
    not_run: usize,
    interrupted: usize,
}

impl Totals {
    /// Of all jobs.
    pub(crate) fn of(jobs: &[Job], states: &[State]) -> Self {
        let mut totals = Self::default();
        for (job, state) in jobs.iter().zip(states) {
            match state {
                State::Ran { against, .. } if !against.is_empty() => totals.failed += 1,
                State::Ran { .. } if job.counter_case.is_some() => totals.counter_cases += 1,
                State::Ran { .. } => totals.passed += 1,
                State::NotRun(_) => totals.not_run += 1,
                State::Interrupted => totals.interrupted += 1,
            }
            totals.flaky += usize::from(state.is_flaky());
        }
        totals
    }

    /// 0 where everything came to what it must and no more was flaky than may be, 130 where it was interrupted, otherwise 1: also where
    /// something was not run, which nobody must take for a pass.
    pub(crate) fn exit_code(&self, flaky_max: usize) -> u8 {
        match () {
            () if self.interrupted > 0 => INTERRUPTED,
            () if self.failed + self.not_run > 0 || self.flaky > flaky_max => 1,
            () if self.passed + self.counter_cases == 0 => 1,
            () => 0,
        }
    }

    /// The last line.
    pub(crate) fn text(&self, flaky_max: usize) -> String {
        let mut text = format!("{} passed, {} failed", self.passed, self.failed);
        for (count, what) in [(self.counter_cases, "counter-cases failed as they must"), (self.not_run, "not run"), (self.interrupted, "interrupted")] {
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
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::counter_case::CounterCase;
    use crate::jobs::tests::taking;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn ran(against: &[&str], first: &[&str]) -> State {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        State::Ran { against: owned(against), first: owned(first), took: Duration::from_secs(61) }
    }

    fn counter_case() -> Job {
        let case = CounterCase {
            scenario: "spot".to_owned(),
            broken: "There is no spot.".to_owned(),
            patch: serde_json::from_str("[]").unwrap(),
            why_two: None,
            fails: vec!["phase none-left".to_owned()],
        };
        Job { counter_case: Some((case, Value::Null)), ..taking("spot--x", 1) }
    }

    #[test]
    fn the_file_says_of_each_whether_it_came_to_what_it_must() {
        let jobs = [taking("a", 1), taking("b", 1), counter_case(), taking("c", 1), taking("d", 1)];
        let lacks = State::NotRun("needs image-registry".to_owned());
        let states = [ran(&[], &[]), ran(&[], &["phase up"]), ran(&[], &[]), lacks, State::Interrupted];
        let whole = Whole {
            jobs: &jobs,
            states: &states,
            started_at: jiff::Timestamp::UNIX_EPOCH,
            took: Duration::from_secs(90),
            profile: "default",
            seed: 7,
            command: "ci/catalogue.sh",
        };
        let json = whole.json();
        assert_eq!((&json["id"], &json["tookMs"]), (&json!("catalogue-19700101-000000"), &json!(90_000)));
        let of = |index: usize| &json["scenarios"][index];
        assert_eq!(of(0)["state"], "ran");
        assert_eq!(of(0)["judged"], json!({"against": [], "first": []}));
        assert_eq!(of(1)["judged"]["first"], json!(["phase up"]));
        assert_eq!((&of(2)["name"], &of(2)["scenario"]), (&json!("spot--x"), &json!("spot")));
        assert_eq!(of(2)["judged"]["broken"], "There is no spot.");
        assert_eq!(of(3)["state"], json!({"not-run": {"reason": "needs image-registry", "exitCode": 4}}));
        assert_eq!(of(4)["state"], json!({"not-run": {"reason": "interrupted", "exitCode": 130}}));
        // What needed two attempts is no measure.
        assert_eq!(whole.durations(), [("a", 61), ("spot--x", 61)].into());
    }

    #[rstest]
    #[case(vec![ran(&[], &[]), ran(&[], &[])], 0, "1 passed, 0 failed, 1 counter-cases failed as they must, 0 flaky (at most 1)")]
    #[case(vec![ran(&[], &["x"]), ran(&[], &[])], 0, "1 passed, 0 failed, 1 counter-cases failed as they must, 1 flaky (at most 1)")]
    #[case(vec![ran(&[], &["x"]), ran(&[], &["y"])], 1, "1 passed, 0 failed, 1 counter-cases failed as they must, 2 flaky (at most 1)")]
    #[case(vec![ran(&[], &[]), ran(&["it passed"], &["it passed"])], 1, "1 passed, 1 failed, 0 flaky (at most 1)")]
    #[case(vec![State::NotRun("no".to_owned()), ran(&[], &[])], 1, "0 passed, 0 failed, 1 counter-cases failed as they must, 1 not run, 0 flaky (at most 1)")]
    #[case(vec![ran(&["x"], &[]), State::Interrupted], 130, "0 passed, 1 failed, 1 interrupted, 0 flaky (at most 1)")]
    fn the_exit_code_and_the_last_line(#[case] states: Vec<State>, #[case] exit_code: u8, #[case] text: &str) {
        let totals = Totals::of(&[taking("a", 1), counter_case()], &states);
        assert_eq!((totals.exit_code(1), totals.text(1).as_str()), (exit_code, text));
    }

    #[test]
    fn nothing_that_was_run_is_no_pass() {
        assert_eq!(Totals::of(&[], &[]).exit_code(2), 1);
    }
}
