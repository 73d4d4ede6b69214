//! The crate as another program uses it, where no cluster is needed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails as the test does")]

mod draws;
mod flux_build;

use std::path::Path;
use std::sync::Mutex;

use harness_suite::{
    ComparisonError, ExitCode, FolderError, FolderReport, InputError, Issue, ProgressListener, RecordedJudgement,
    RunRecord, RunRequest, RunState, ScenarioChoice, SingleRun, Suite, SuiteError, SuiteRecord, TargetError, Update,
    attach, compare_folders, report_folder,
};
use harness_testing::recordings;
use rstest::rstest;

/// The seeds that were reported.
#[derive(Default)]
struct Seeds(Mutex<Vec<u64>>);

impl ProgressListener for Seeds {
    fn update(&self, update: Update<'_>) {
        if let Update::Seed { seed, .. } = update {
            self.0.lock().unwrap().push(seed);
        }
    }
}

fn named(names: &[&str]) -> RunRequest {
    RunRequest::new(ScenarioChoice::Named(names.iter().map(|name| (*name).to_owned()).collect()))
}

fn run(name: &str, state: RunState) -> RunRecord {
    RunRecord {
        name: name.to_owned(),
        scenario: name.to_owned(),
        group: "cost".to_owned(),
        question: "Why?".to_owned(),
        state,
        issues: Vec::new(),
        judgement: None,
    }
}

/// A run with a judgement by the catalogue: whether it had the expected result.
fn judged(name: &str, broken: Option<&str>, problems: &[&str]) -> RunRecord {
    let problems = problems.iter().map(|problem| (*problem).to_owned()).collect();
    let judgement = RecordedJudgement { broken: broken.map(str::to_owned), problems, first: Vec::new() };
    RunRecord { judgement: Some(judgement), ..run(name, RunState::Ran) }
}

fn with_issue(exit_code: ExitCode) -> RunRecord {
    let issues = vec![Issue { exit_code, what: "NodeClaim a".to_owned() }];
    RunRecord { issues, ..run("scale-burst", RunState::Ran) }
}

/// The first is a recording that passed, the second one that failed.
#[rstest]
#[case::passed(run("scale-burst", RunState::Ran), ExitCode::Passed)]
#[case::failed(run("no-quota", RunState::Ran), ExitCode::Failed)]
#[case::left_something(with_issue(ExitCode::LeftBehind), ExitCode::LeftBehind)]
#[case::counter_case_failed_as_expected(judged("no-quota", Some("There is no quota."), &[]), ExitCode::Passed)]
#[case::counter_case_passed(judged("scale-burst", Some("There is no quota."), &["it passed"]), ExitCode::Failed)]
#[case::never_started(run("none", RunState::Waiting), ExitCode::Inconclusive)]
#[case::without_a_log(run("none", RunState::Ran), ExitCode::Inconclusive)]
#[case::interrupted(
    run("none", RunState::NotRun { reason: "interrupted".to_owned(), exit_code: ExitCode::Interrupted }),
    ExitCode::Interrupted
)]
fn a_suite_has_the_exit_code_of_its_worst_run(#[case] record: RunRecord, #[case] expected: ExitCode) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["scale-burst", "no-quota"].into_iter().filter(|name| *name == record.name) {
        recordings::unpack(name, &folder.path().join(name)).unwrap();
    }
    SuiteRecord::new("x", jiff::Timestamp::UNIX_EPOCH, vec![record]).save(folder.path()).unwrap();
    let FolderReport::Suite(report) = report_folder(folder.path()).unwrap() else { panic!("it is a suite") };
    assert_eq!((report.exit_code, report.failures.len()), (expected, 0));
    assert_eq!(report.outcomes()[0].exit_code, expected);
    for file in ["index.html", "index.md", "index.json", "junit.xml"] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
}

#[test]
fn a_run_that_cannot_be_read_is_a_failure_and_the_others_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    recordings::unpack("scale-burst", &folder.path().join("scale-burst")).unwrap();
    recordings::unpack("no-quota", &folder.path().join("no-quota")).unwrap();
    std::fs::write(folder.path().join("no-quota/plan.json"), "{}").unwrap();
    let runs = vec![run("no-quota", RunState::Ran), run("scale-burst", RunState::Ran)];
    SuiteRecord::new("x", jiff::Timestamp::UNIX_EPOCH, runs).save(folder.path()).unwrap();
    let FolderReport::Suite(report) = report_folder(folder.path()).unwrap() else { panic!("it is a suite") };
    assert!(
        matches!(report.failures.as_slice(), [FolderError::Unreadable { path, .. }] if path.ends_with("plan.json"))
    );
    assert_eq!(report.exit_code, ExitCode::InvalidInput);
    assert!(folder.path().join("scale-burst/report.html").is_file());
}

#[test]
fn planning_checks_everything_and_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let plan = |names: &[&str], change: fn(&mut RunRequest)| {
        let mut request = named(names);
        request.out = Some(out.clone());
        request.options.seed = Some(7);
        change(&mut request);
        let seeds = Seeds::default();
        let outcome = match request.single().map(str::to_owned) {
            Some(name) => SingleRun::plan(&name, request, &seeds).map(drop),
            None => Suite::plan(request, &seeds).map(drop),
        };
        (outcome, seeds.0.into_inner().unwrap())
    };
    let (outcome, seeds) = plan(&["scale-burst", "spot"], |_| {});
    assert!(outcome.is_ok() && seeds == [7]);
    let (outcome, _) = plan(&["scale-burst", "no-such-scenario"], |_| {});
    assert!(matches!(outcome, Err(SuiteError::Input(InputError::UnknownScenario(name))) if name == "no-such-scenario"));
    let (outcome, _) =
        plan(&["scale-burst"], |request| request.options.parameters.push("podsPerClass=many".to_owned()));
    assert!(matches!(outcome, Err(SuiteError::Input(InputError::Invalid(invalid))) if !invalid.problems.is_empty()));
    let (outcome, _) = plan(&["scale-burst", "spot"], |request| request.keep = true);
    assert!(matches!(outcome, Err(SuiteError::KeepSeveral)));
    let (outcome, _) = plan(&["scale-burst"], |request| request.baseline = Some("no/such/folder".into()));
    assert!(matches!(outcome, Err(SuiteError::Comparison(ComparisonError::NoFolder(_)))));
    assert!(!out.exists());
}

#[test]
fn runs_of_different_scenarios_are_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let recorded = |name: &str| {
        recordings::unpack(name, &folder.path().join(name)).unwrap();
        folder.path().join(name)
    };
    let (before, after) = (recorded("scale-burst"), recorded("spot"));
    let error = compare_folders(&before, &after).unwrap_err();
    assert!(matches!(error, ComparisonError::NothingInCommon { .. }), "{error}");
    let error = compare_folders(Path::new("no/such/folder"), &after).unwrap_err();
    assert!(error.to_string().contains("no/such/folder") && error.exit_code() == ExitCode::InvalidInput, "{error}");
}

#[tokio::test]
async fn a_cluster_that_is_not_up_is_an_error_that_says_how_to_start_one() {
    let error = attach("nobody-started-this").await.err().unwrap();
    assert!(matches!(&error, TargetError::NotUp { name, .. } if name == "nobody-started-this"));
    assert!(error.to_string().contains("harness up"), "{error}");
}
