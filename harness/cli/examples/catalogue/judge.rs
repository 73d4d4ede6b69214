//! Whether a run had the expected outcome.

use crate::counter_case::CounterCase;
use crate::jobs::Job;

/// The exit code of a run in which an expectation failed (README.md).
const EXPECTATION_FAILED: i32 = 1;

/// How a run ended, as far as the catalogue needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The exit code of `harness run`; `None` if a signal killed it.
    pub(crate) exit_code: Option<i32>,
    /// The run's own reasons for not passing.
    pub(crate) reasons: Vec<String>,
    /// The names of the expectations that failed.
    pub(crate) failed: Vec<String>,
    /// Leftovers: objects the run itself counted, and processes of its cluster.
    pub(crate) left: Vec<String>,
    /// Trouble with the process or its report.
    pub(crate) troubles: Vec<String>,
}

/// Everything that is wrong with the outcome, most important first. Empty if it is the expected one.
pub(crate) fn problems(job: &Job, outcome: &Outcome) -> Vec<String> {
    let mut problems = outcome.troubles.clone();
    if !outcome.left.is_empty() {
        problems.push(format!("left behind: {}", outcome.left.join(", ")));
    }
    match &job.counter_case {
        Some((case, _)) => problems.extend(problems_of_counter_case(case, outcome)),
        None if outcome.exit_code == Some(0) => {}
        None if outcome.reasons.is_empty() => problems.push(exit(outcome)),
        None => problems.extend(outcome.reasons.iter().cloned()),
    }
    problems
}

/// A counter-case must fail for its own reason and for no other.
fn problems_of_counter_case(case: &CounterCase, outcome: &Outcome) -> Vec<String> {
    if outcome.exit_code != Some(EXPECTATION_FAILED) {
        let because = outcome.reasons.first().map_or(String::new(), |reason| format!(": {reason}"));
        return vec![format!("expected exit code {EXPECTATION_FAILED}, but {}{because}", exit(outcome))];
    }
    let said: Vec<&String> = outcome.reasons.iter().chain(&outcome.failed).collect();
    let missing = case.fails.iter().filter(|part| !said.iter().any(|line| line.contains(part.as_str())));
    let related = |name: &str| case.fails.iter().chain(&case.may_fail).any(|part| name.contains(part.as_str()));
    let unrelated = outcome.failed.iter().filter(|name| !related(name));
    missing
        .map(|part| format!("no failure mentions `{part}`"))
        .chain(unrelated.map(|name| format!("unrelated failure: {name}")))
        .collect()
}

fn exit(outcome: &Outcome) -> String {
    outcome.exit_code.map_or("it was killed by a signal".to_owned(), |code| format!("it exited with {code}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::tests::taking;
    use rstest::rstest;
    use serde_json::Value;

    fn counter_case(fails: &[&str]) -> Job {
        let case = CounterCase {
            scenario: "spot".to_owned(),
            broken: "There is no spot.".to_owned(),
            patch: serde_json::from_str("[]").unwrap(),
            why_two: None,
            fails: fails.iter().map(|&part| part.to_owned()).collect(),
            may_fail: vec!["placement".to_owned()],
        };
        Job { counter_case: Some((case, Value::Null)), ..taking("spot--x", 1) }
    }

    fn outcome(exit_code: i32, reasons: &[&str], failed: &[&str]) -> Outcome {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Outcome { exit_code: Some(exit_code), reasons: owned(reasons), failed: owned(failed), ..Outcome::default() }
    }

    #[rstest]
    #[case::passed(outcome(0, &[], &[]), &[])]
    #[case::failed(outcome(1, &["phase up: 3 pods"], &["phase up"]), &["phase up: 3 pods"])]
    #[case::no_reason(outcome(3, &[], &[]), &["it exited with 3"])]
    #[case::killed(Outcome::default(), &["it was killed by a signal"])]
    #[case::left(Outcome { left: vec!["NodeClaim a".to_owned()], ..outcome(0, &[], &[]) }, &["left behind: NodeClaim a"])]
    #[case::no_report(Outcome { troubles: vec!["no summary.json".to_owned()], ..outcome(0, &[], &[]) }, &["no summary.json"])]
    fn a_scenario_passes_and_leaves_nothing(#[case] outcome: Outcome, #[case] expected: &[&str]) {
        assert_eq!(problems(&taking("spot", 1), &outcome), expected);
    }

    #[rstest]
    #[case::as_expected(outcome(1, &["compute-optimized: OperationNotAllowed"], &["phase up"]), &[])]
    #[case::consequence(outcome(1, &["OperationNotAllowed"], &["phase up", "placement of all workloads"]), &[])]
    #[case::passed(outcome(0, &[], &[]), &["expected exit code 1, but it exited with 0"])]
    #[case::target_failed(
        outcome(3, &["etcd died"], &["phase up"]),
        &["expected exit code 1, but it exited with 3: etcd died"]
    )]
    #[case::other_reason(
        outcome(1, &["compute-optimized: SkuNotAvailable"], &["phase up"]),
        &["no failure mentions `NotAllowed`"]
    )]
    #[case::more_than_that(
        outcome(1, &["OperationNotAllowed"], &["phase up", "phase down"]),
        &["unrelated failure: phase down"]
    )]
    #[case::left(
        Outcome { left: vec!["Node a".to_owned()], ..outcome(1, &["OperationNotAllowed"], &["phase up"]) },
        &["left behind: Node a"]
    )]
    fn a_counter_case_fails_for_its_own_reason_only(#[case] outcome: Outcome, #[case] expected: &[&str]) {
        assert_eq!(problems(&counter_case(&["phase up", "NotAllowed"]), &outcome), expected);
    }
}
