//! Whether a run came to what it must.

use crate::counter_case::CounterCase;
use crate::jobs::Job;

/// What a run came to, as far as that matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Came {
    /// The exit code of `harness run`; `None` where a signal ended it.
    pub(crate) exit_code: Option<i32>,
    /// Why it did not pass.
    pub(crate) reasons: Vec<String>,
    /// The names of the expectations that failed.
    pub(crate) failed: Vec<String>,
    /// What was left behind: objects by the run's own count, and processes of its cluster.
    pub(crate) left: Vec<String>,
    /// What went wrong with the process or its report.
    pub(crate) troubles: Vec<String>,
}

/// The exit code of a run in which an expectation failed.
const FAILED: i32 = 1;

/// What is wrong with it, most important first; empty where it came to what it must.
pub(crate) fn against(job: &Job, came: &Came) -> Vec<String> {
    let mut wrong = came.troubles.clone();
    if !came.left.is_empty() {
        wrong.push(format!("left behind: {}", came.left.join(", ")));
    }
    match &job.counter_case {
        Some((case, _)) => wrong.extend(not_as_it_must(case, came)),
        None if came.exit_code == Some(0) => {}
        None if came.reasons.is_empty() => wrong.push(ended(came)),
        None => wrong.extend(came.reasons.iter().cloned()),
    }
    wrong
}

/// A counter-case fails for its reason and for no other.
fn not_as_it_must(case: &CounterCase, came: &Came) -> Vec<String> {
    if came.exit_code != Some(FAILED) {
        let because = came.reasons.first().map_or(String::new(), |reason| format!(": {reason}"));
        return vec![format!("it must end with exit code {FAILED}, and {}{because}", ended(came))];
    }
    let said: Vec<&String> = came.reasons.iter().chain(&came.failed).collect();
    let silent = case.fails.iter().filter(|words| !said.iter().any(|line| line.contains(words.as_str())));
    let unrelated = came.failed.iter().filter(|name| !case.fails.iter().any(|words| name.contains(words.as_str())));
    silent
        .map(|words| format!("nothing that failed says `{words}`"))
        .chain(unrelated.map(|name| format!("this failed as well, and should not: {name}")))
        .collect()
}

fn ended(came: &Came) -> String {
    came.exit_code.map_or("it was ended by a signal".to_owned(), |code| format!("it ended with {code}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

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
            fails: fails.iter().map(|&words| words.to_owned()).collect(),
        };
        Job { counter_case: Some((case, Value::Null)), ..taking("spot--x", 1) }
    }

    fn came(exit_code: i32, reasons: &[&str], failed: &[&str]) -> Came {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Came { exit_code: Some(exit_code), reasons: owned(reasons), failed: owned(failed), ..Came::default() }
    }

    #[rstest]
    #[case::passed(came(0, &[], &[]), &[])]
    #[case::failed(came(1, &["phase up: 3 pods"], &["phase up"]), &["phase up: 3 pods"])]
    #[case::nothing_said(came(3, &[], &[]), &["it ended with 3"])]
    #[case::killed(Came::default(), &["it was ended by a signal"])]
    #[case::left(Came { left: vec!["NodeClaim a".to_owned()], ..came(0, &[], &[]) }, &["left behind: NodeClaim a"])]
    #[case::no_report(Came { troubles: vec!["no summary.json".to_owned()], ..came(0, &[], &[]) }, &["no summary.json"])]
    fn a_scenario_passes_and_leaves_nothing(#[case] came: Came, #[case] wrong: &[&str]) {
        assert_eq!(against(&taking("spot", 1), &came), wrong);
    }

    #[rstest]
    #[case::as_it_must(came(1, &["compute-optimized: OperationNotAllowed"], &["phase up"]), &[])]
    #[case::passed(came(0, &[], &[]), &["it must end with exit code 1, and it ended with 0"])]
    #[case::target(came(3, &["etcd died"], &["phase up"]), &["it must end with exit code 1, and it ended with 3: etcd died"])]
    #[case::other_reason(came(1, &["compute-optimized: SkuNotAvailable"], &["phase up"]), &["nothing that failed says `NotAllowed`"])]
    #[case::too_much(
        came(1, &["OperationNotAllowed"], &["phase up", "phase down"]),
        &["this failed as well, and should not: phase down"]
    )]
    #[case::left(
        Came { left: vec!["Node a".to_owned()], ..came(1, &["OperationNotAllowed"], &["phase up"]) },
        &["left behind: Node a"]
    )]
    fn a_counter_case_fails_for_its_reason_and_for_no_other(#[case] came: Came, #[case] wrong: &[&str]) {
        assert_eq!(against(&counter_case(&["phase up", "NotAllowed"]), &came), wrong);
    }
}
