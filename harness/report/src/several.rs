//! Several scenarios that were run together: the outcome of each, and `junit.xml` over all of them.

use std::time::Duration;

use harness_plan::Plan;
use harness_record::verdict::Verdict;
use harness_record::{ExitCode, RunResult};
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCaseStatus, TestRerun, TestSuite};

use crate::{junit, outcome, text};

/// One scenario among several.
#[derive(Clone, Copy, Debug)]
pub struct SuiteEntry<'a> {
    /// Its name, unique among them: also that of its folder.
    pub name: &'a str,
    /// Its group, as scenarios write it.
    pub group: &'a str,
    /// Its outcome.
    pub outcome: EntryOutcome<'a>,
    /// What went wrong around the run, which its own log cannot hold.
    pub issues: &'a [EntryIssue],
    /// Its exit code, issues included.
    pub exit_code: ExitCode,
}

/// The outcome of a scenario.
#[derive(Clone, Copy, Debug)]
pub enum EntryOutcome<'a> {
    /// It was run, and this is its result.
    Ran(&'a Plan, &'a RunResult),
    /// It was run, and its result is not judged by its verdict alone.
    Judged(&'a Plan, &'a RunResult, Judgement<'a>),
    /// It was not run, or there is no log: why.
    NotRun(&'a str),
}

impl<'a> EntryOutcome<'a> {
    /// Plan and result, if it was run.
    pub fn ran(&self) -> Option<(&'a Plan, &'a RunResult)> {
        match *self {
            Self::Ran(plan, result) | Self::Judged(plan, result, _) => Some((plan, result)),
            Self::NotRun(_) => None,
        }
    }

    /// What is broken on purpose, if it is a counter-case.
    pub fn broken(&self) -> Option<&'a str> {
        self.judgement().and_then(|judgement| judgement.broken)
    }

    /// Whether it had the expected result at the second attempt only.
    pub fn is_flaky(&self) -> bool {
        self.judgement().is_some_and(|judgement| judgement.problems.is_empty() && !judgement.first.is_empty())
    }

    pub(crate) fn judgement(&self) -> Option<Judgement<'a>> {
        match *self {
            Self::Judged(_, _, judgement) => Some(judgement),
            Self::Ran(..) | Self::NotRun(_) => None,
        }
    }
}

/// Whether a run had the expected result. A counter-case, a scenario with something broken on purpose, must fail for that reason.
#[derive(Clone, Copy, Debug, Default)]
pub struct Judgement<'a> {
    /// What is broken on purpose; `None` if it is not a counter-case.
    pub broken: Option<&'a str>,
    /// What is wrong with the result, most important first. Empty if it is the expected one.
    pub problems: &'a [String],
    /// What was wrong at the first attempt. Empty if there was only one attempt.
    pub first: &'a [String],
}

impl Judgement<'_> {
    fn word(&self, result: &RunResult) -> (&'static str, Verdict) {
        let expected = self.problems.is_empty();
        match self.broken {
            _ if expected && !self.first.is_empty() => ("Flaky", Verdict::Pass),
            Some(_) if expected => ("Failed as expected", Verdict::Pass),
            Some(_) if result.exit_code == ExitCode::Passed => ("Did not fail", Verdict::Fail),
            Some(_) => ("Failed for another reason", Verdict::Fail),
            None if expected || result.exit_code != ExitCode::Passed => {
                let headline = outcome::headline(result);
                (headline.word, headline.tone)
            }
            None => ("Failed", Verdict::Fail),
        }
    }

    fn reasons(&self, result: &RunResult) -> Vec<String> {
        let first = self.first.iter().map(|why| format!("first attempt: {why}"));
        let mut lines: Vec<String> = self.problems.iter().cloned().chain(first).collect();
        if result.exit_code != ExitCode::Passed {
            lines.extend(outcome::reasons(result).into_iter().map(str::to_owned));
        }
        lines.iter().map(|line| text::one_line(line, 500)).collect()
    }
}

/// Something that went wrong around a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryIssue {
    /// The exit code that it makes.
    pub exit_code: ExitCode,
    /// What happened, one line.
    pub what: String,
}

impl SuiteEntry<'_> {
    /// The outcome in a word or two, and the verdict whose colour it has.
    pub fn word(&self) -> (&'static str, Verdict) {
        match self.outcome {
            EntryOutcome::Judged(_, result, judgement) if self.issues.is_empty() => judgement.word(result),
            EntryOutcome::Ran(_, result) if result.exit_code == self.exit_code => {
                let headline = outcome::headline(result);
                (headline.word, headline.tone)
            }
            EntryOutcome::NotRun(_) if self.issues.is_empty() => ("Not run", Verdict::Inconclusive),
            _ => match self.exit_code {
                ExitCode::Failed => ("Slower", Verdict::Fail),
                ExitCode::Inconclusive => ("Inconclusive", Verdict::Inconclusive),
                ExitCode::LeftBehind => ("Left behind", Verdict::Fail),
                ExitCode::TargetFailed => ("Target failed", Verdict::Fail),
                ExitCode::Passed | ExitCode::Interrupted | ExitCode::InvalidInput => ("Failed", Verdict::Fail),
            },
        }
    }

    /// Why, most important first, one line each. Empty for one that passed at the first attempt.
    pub fn reasons(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.issues.iter().map(|issue| text::one_line(&issue.what, 500)).collect();
        match self.outcome {
            EntryOutcome::Ran(_, result) if result.exit_code != ExitCode::Passed => {
                lines.extend(outcome::reasons(result).into_iter().map(|line| text::one_line(line, 500)));
            }
            EntryOutcome::Ran(..) => {}
            EntryOutcome::Judged(_, result, judgement) => lines.extend(judgement.reasons(result)),
            EntryOutcome::NotRun(why) => lines.push(format!("not run: {}", text::one_line(why, 500))),
        }
        lines
    }

    /// How long it took, in microseconds; `None` for one that was not run.
    pub fn took_us(&self) -> Option<u64> {
        self.outcome.ran().map(|(_, result)| result.run.duration_us)
    }
}

/// `junit.xml` over all: a suite for each scenario, in their order.
///
/// # Errors
///
/// Only where the XML writer fails, which writing to memory does not.
pub fn junit(title: &str, all: &[SuiteEntry<'_>]) -> Result<String, SerializeError> {
    let mut report = Report::new(title);
    report.set_time(Duration::from_micros(all.iter().filter_map(SuiteEntry::took_us).sum()));
    for entry in all {
        let mut suite = match entry.outcome {
            EntryOutcome::Ran(plan, result) => junit::suite(plan, result),
            EntryOutcome::Judged(plan, result, judgement) => {
                judged(entry, junit::suite(plan, result), result, &judgement)
            }
            EntryOutcome::NotRun(why) => {
                let mut suite = TestSuite::new(entry.name);
                let status = junit::non_success(NonSuccessKind::Error, "not run", &format!("not run: {why}"), "");
                suite.add_test_case(junit::run_case(entry.name, "the run ended as planned", status));
                suite
            }
        };
        // The names of suites differ, also where one scenario was run twice.
        suite.name = entry.name.into();
        for issue in entry.issues {
            // Inconclusive: nothing is wrong, and nothing is known.
            let kind = match issue.exit_code {
                ExitCode::Inconclusive => NonSuccessKind::Error,
                _ => NonSuccessKind::Failure,
            };
            let status = junit::non_success(kind, "trouble", &issue.what, "");
            suite.add_test_case(junit::run_case(entry.name, "nothing went wrong around the run", status));
        }
        report.timestamp = report.timestamp.or(suite.timestamp);
        report.add_test_suite(suite);
    }
    report.to_string()
}

/// The suite of a run, with a case for the judgement that lists the first attempt. It is the only case of a counter-case, whose
/// expectations fail on purpose.
fn judged(entry: &SuiteEntry<'_>, whole: TestSuite, result: &RunResult, judgement: &Judgement<'_>) -> TestSuite {
    let mut suite = whole;
    if judgement.broken.is_some() {
        let mut alone = TestSuite::new(entry.name);
        (alone.time, alone.timestamp) = (suite.time, suite.timestamp);
        (alone.properties, alone.system_out) = (suite.properties, suite.system_out);
        suite = alone;
    }
    let mut status = match judgement.problems {
        [] => TestCaseStatus::success(),
        [main, ..] => junit::non_success(NonSuccessKind::Failure, "judgement", main, &judgement.problems.join("\n")),
    };
    if let [main, ..] = judgement.first {
        let mut first = TestRerun::new(NonSuccessKind::Failure);
        first.set_type("judgement").set_message(text::one_line(main, 500)).set_description(judgement.first.join("\n"));
        status.add_rerun(first);
    }
    let mut case = junit::run_case(entry.name, "the result is the expected one", status);
    if let Some(broken) = judgement.broken {
        let mut lines = vec![format!("broken on purpose: {broken}")];
        lines.extend(outcome::reasons(result).into_iter().map(str::to_owned));
        case.set_system_out(lines.join("\n"));
    }
    suite.add_test_case(case);
    suite
}
