//! Several scenarios that were run together: what became of each, and `junit.xml` over all of them.

use std::time::Duration;

use harness_record::RunResult;
use harness_record::verdict::Verdict;
use harness_scenario::plan::Plan;
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use crate::{junit, outcome, text};

/// One scenario among several.
#[derive(Clone, Copy, Debug)]
pub struct One<'a> {
    /// Its name, unique among them: also that of its folder.
    pub name: &'a str,
    /// Its group, as scenarios write it.
    pub group: &'a str,
    /// What became of it.
    pub became: Became<'a>,
    /// What went wrong around the run, which its own log cannot hold.
    pub troubles: &'a [Trouble],
    /// Its exit code, troubles included.
    pub exit_code: u8,
}

/// What became of a scenario.
#[derive(Clone, Copy, Debug)]
pub enum Became<'a> {
    /// It was run, and this is its result.
    Ran(&'a Plan, &'a RunResult),
    /// It was not run, or there is no log: why.
    NotRun(&'a str),
}

/// Something that went wrong around a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The exit code that it makes.
    pub exit_code: u8,
    /// What happened, one line.
    pub what: String,
}

impl One<'_> {
    /// What it came to in a word or two, and the verdict whose colour that has.
    pub fn word(&self) -> (&'static str, Verdict) {
        match self.became {
            Became::Ran(_, result) if result.exit_code == self.exit_code => {
                let headline = outcome::headline(result);
                (headline.word, headline.tone)
            }
            Became::NotRun(_) if self.troubles.is_empty() => ("Not run", Verdict::Inconclusive),
            _ => match self.exit_code {
                1 => ("Slower", Verdict::Fail),
                4 => ("Inconclusive", Verdict::Inconclusive),
                5 => ("Left behind", Verdict::Fail),
                3 => ("Target failed", Verdict::Fail),
                _ => ("Failed", Verdict::Fail),
            },
        }
    }

    /// Why, most important first, one line each. Empty for one that passed.
    pub fn reasons(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.troubles.iter().map(|trouble| text::one_line(&trouble.what, 500)).collect();
        match self.became {
            Became::Ran(_, result) if result.exit_code != 0 => {
                lines.extend(outcome::reasons(result).into_iter().map(|line| text::one_line(line, 500)));
            }
            Became::Ran(..) => {}
            Became::NotRun(why) => lines.push(format!("not run: {}", text::one_line(why, 500))),
        }
        lines
    }

    /// How long it took, in microseconds; `None` for one that was not run.
    pub fn took_us(&self) -> Option<u64> {
        match self.became {
            Became::Ran(_, result) => Some(result.run.duration_us),
            Became::NotRun(_) => None,
        }
    }
}

/// `junit.xml` over all: a suite for each scenario, in their order.
///
/// # Errors
///
/// Only where the XML writer fails, which writing to memory does not.
pub fn junit(title: &str, all: &[One<'_>]) -> Result<String, SerializeError> {
    let mut report = Report::new(title);
    report.set_time(Duration::from_micros(all.iter().filter_map(One::took_us).sum()));
    for one in all {
        let mut suite = match one.became {
            Became::Ran(plan, result) => junit::suite(plan, result),
            Became::NotRun(why) => {
                let mut suite = TestSuite::new(one.name);
                let status = junit::non_success(NonSuccessKind::Error, "not run", &format!("not run: {why}"), "");
                suite.add_test_case(around(one, "the run ended as planned", status));
                suite
            }
        };
        // A suite's name tells it from the others, also where one scenario was run twice.
        suite.name = one.name.into();
        for trouble in one.troubles {
            // 4: nothing is wrong, and nothing is known.
            let kind = if trouble.exit_code == 4 { NonSuccessKind::Error } else { NonSuccessKind::Failure };
            let status = junit::non_success(kind, "trouble", &trouble.what, "");
            suite.add_test_case(around(one, "nothing went wrong around the run", status));
        }
        report.timestamp = report.timestamp.or(suite.timestamp);
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn around(one: &One<'_>, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("harness.{}.run", one.name));
    case.set_time(Duration::ZERO);
    case
}
