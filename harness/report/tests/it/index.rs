//! The index over several runs.

use crate::support;
use harness_plan::Plan;
use harness_record::verdict::Verdict;
use harness_record::{ExitCode, RunResult};
use harness_report::index::{self, Head, Index};
use harness_report::several::{self, EntryIssue, EntryOutcome, Judgement, SuiteEntry};
use quick_xml::Reader;
use quick_xml::events::Event;

fn head(exit_code: ExitCode) -> Head {
    Head {
        title: "20261121-121500-4f2a".to_owned(),
        target: "local".to_owned(),
        profile: "default".to_owned(),
        seed: Some(42),
        started_at: Some("2026-11-21T12:15:00Z".parse().unwrap()),
        took_us: 1_445_000_000,
        exit_code,
        command: "harness run --all --seed 42".to_owned(),
        left: Vec::new(),
    }
}

fn ran<'a>(name: &'a str, plan: &'a Plan, result: &'a RunResult) -> SuiteEntry<'a> {
    SuiteEntry {
        name,
        group: "scaling",
        outcome: EntryOutcome::Ran(plan, result),
        issues: &[],
        exit_code: result.exit_code,
    }
}

fn not_run(name: &'static str, why: &'static str) -> SuiteEntry<'static> {
    SuiteEntry {
        name,
        group: "failure",
        outcome: EntryOutcome::NotRun(why),
        issues: &[],
        exit_code: ExitCode::Inconclusive,
    }
}

/// Elements, attributes: the page is XML too.
fn parsed(page: &str) -> (Vec<String>, Vec<(String, String)>) {
    let mut reader = Reader::from_str(page.strip_prefix("<!doctype html>").expect("a doctype"));
    reader.config_mut().check_end_names = true;
    let (mut elements, mut attributes) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error} at {}", reader.buffer_position())) {
            Event::Start(ref tag) | Event::Empty(ref tag) => {
                elements.push(String::from_utf8(tag.name().as_ref().to_vec()).unwrap());
                for attribute in tag.attributes() {
                    let attribute = attribute.unwrap();
                    let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
                    attributes.push((key, String::from_utf8(attribute.value.to_vec()).unwrap()));
                }
            }
            Event::Eof => return (elements, attributes),
            _ => {}
        }
    }
}

#[test]
fn lists_each_outcome_with_its_reason() {
    let plan = support::plan();
    let (passed, failed, killed) = (support::passed(1), support::failed(), support::killed());
    let all = [
        ran("scale-burst", &plan, &passed),
        ran("quota", &plan, &failed),
        ran("spot", &plan, &killed),
        not_run("gitops", "the target lacks gitops"),
    ];
    let head = head(ExitCode::Failed);
    insta::assert_snapshot!("index_markdown", index::markdown(&head, &all));
    insta::assert_snapshot!("index_json", index::json(&head, &all).unwrap());
    let page = index::html(&head, &all).unwrap();
    std::fs::write(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("index.html"), &page).unwrap();
    let (elements, attributes) = parsed(&page);
    for foreign in ["script", "iframe", "object", "embed", "img"] {
        assert!(!elements.iter().any(|element| element == foreign), "{foreign}");
    }
    let links: Vec<&str> =
        attributes.iter().filter(|(key, _)| key == "href").map(|(_, value)| value.as_str()).collect();
    let own: Vec<&&str> = links.iter().filter(|link| !link.starts_with("data:")).collect();
    // Failures come first; a run that was not run has no link.
    assert_eq!(own, [&"quota/report.html", &"spot/report.html", &"scale-burst/report.html"]);
    for text in
        ["1 passed, 1 failed, 1 inconclusive, 1 not run", "the target lacks gitops", "exit code 1", "took 24m05s"]
    {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("@import") && !page.contains("url("), "styles load nothing");
}

#[test]
fn a_scenario_that_was_not_run_prevents_a_pass() {
    let plan = support::plan();
    let passed = support::passed(1);
    let verdict = |all: &[SuiteEntry<'_>], head: &Head| Index::new(head, all).verdict;
    let one = ran("scale-burst", &plan, &passed);
    assert_eq!(verdict(&[one], &head(ExitCode::Passed)), Verdict::Pass);
    assert_eq!(verdict(&[], &head(ExitCode::Passed)), Verdict::Inconclusive);
    assert_eq!(verdict(&[one, not_run("spot", "lacks it")], &head(ExitCode::Inconclusive)), Verdict::Inconclusive);
    assert_eq!(
        verdict(&[one], &Head { left: vec!["NodePool x".to_owned()], ..head(ExitCode::LeftBehind) }),
        Verdict::Fail
    );
}

#[test]
fn a_passed_run_with_an_issue_around_it_fails() {
    let plan = support::plan();
    let passed = support::passed(1);
    let issues = [EntryIssue { exit_code: ExitCode::LeftBehind, what: "left behind: Namespace x".to_owned() }];
    let one = SuiteEntry { issues: &issues, exit_code: ExitCode::LeftBehind, ..ran("scale-burst", &plan, &passed) };
    let index = Index::new(&head(ExitCode::LeftBehind), &[one]);
    assert_eq!((index.totals.passed, index.totals.failed), (0, 1));
    assert_eq!(index.scenarios[0].reasons, ["left behind: Namespace x"]);
}

fn judged<'a>(name: &'a str, plan: &'a Plan, result: &'a RunResult, judgement: Judgement<'a>) -> SuiteEntry<'a> {
    let exit_code = if judgement.problems.is_empty() { ExitCode::Passed } else { ExitCode::Failed };
    SuiteEntry { outcome: EntryOutcome::Judged(plan, result, judgement), exit_code, ..ran(name, plan, result) }
}

#[test]
fn counter_cases_and_flaky_runs_are_marked_and_the_whole_passes() {
    let plan = support::plan();
    let (passed, failed) = (support::passed(1), support::failed());
    let first = ["phase burst: 3 pods missing".to_owned()];
    let broken = Some("The subscription has no quota.");
    let all = [
        judged("scale-burst", &plan, &passed, Judgement::default()),
        judged("spot", &plan, &passed, Judgement { first: &first, ..Judgement::default() }),
        judged("scale-burst--no-quota", &plan, &failed, Judgement { broken, ..Judgement::default() }),
    ];
    let index = Index::new(&head(ExitCode::Passed), &all);
    assert_eq!(index.verdict, Verdict::Pass);
    let totals = &index.totals;
    assert_eq!((totals.passed, totals.failed, totals.counter_cases, totals.flaky), (2, 0, 1, 1));
    let words: Vec<&str> = index.scenarios.iter().map(|entry| entry.word.as_str()).collect();
    assert_eq!(words, ["Passed", "Flaky", "Failed as expected"]);
    assert_eq!(index.scenarios[1].first_attempt, first);
    assert_eq!(index.scenarios[1].reasons, ["first attempt: phase burst: 3 pods missing"]);
    assert_eq!(index.scenarios[2].broken.as_deref(), broken);
    // Why it failed is what people want to know about a counter-case.
    assert!(!index.scenarios[2].reasons.is_empty());

    let page = index::html(&head(ExitCode::Passed), &all).unwrap();
    for text in ["2 passed, 1 failed as expected, 1 flaky", "The subscription has no quota.", "Counter-cases"] {
        assert!(page.contains(text), "{text}");
    }
    let markdown = index::markdown(&head(ExitCode::Passed), &all);
    assert!(markdown.contains("failed as expected | [scale-burst--no-quota]"), "{markdown}");

    let xml = several::junit("catalogue", &all).unwrap();
    assert!(xml.contains("failures=\"0\" errors=\"0\"") && !xml.contains("<failure"), "{xml}");
    assert_eq!(xml.matches("<flakyFailure").count(), 1, "{xml}");
}

#[test]
fn an_unexpected_result_fails_the_whole() {
    let plan = support::plan();
    let (passed, failed) = (support::passed(1), support::failed());
    let broken = Some("The subscription has no quota.");
    let (passes, other) = (["it exited with 0".to_owned()], ["unrelated failure: phase drain".to_owned()]);
    let all = [
        judged("a--passes", &plan, &passed, Judgement { broken, problems: &passes, first: &passes }),
        judged("a--other", &plan, &failed, Judgement { broken, problems: &other, first: &[] }),
        judged("b", &plan, &failed, Judgement { problems: &other, ..Judgement::default() }),
        judged("c", &plan, &passed, Judgement { problems: &other, ..Judgement::default() }),
    ];
    let index = Index::new(&head(ExitCode::Failed), &all);
    assert_eq!((index.verdict, index.totals.failed, index.totals.flaky), (Verdict::Fail, 4, 0));
    let words: Vec<&str> = index.scenarios.iter().map(|entry| entry.word.as_str()).collect();
    assert_eq!(words, ["Did not fail", "Failed for another reason", "Failed", "Failed"]);
    assert_eq!(index.scenarios[1].reasons[0], other[0]);
    let xml = several::junit("catalogue", &all).unwrap();
    assert_eq!(xml.matches("<rerunFailure").count(), 1, "{xml}");
    assert!(xml.matches("<failure").count() >= 4, "{xml}");
}

#[test]
fn hostile_texts_stay_texts() {
    let text = "<script>alert(1)</script>\"'|`&\n](javascript:x)";
    let (plan, result) = support::hostile(text);
    let one = SuiteEntry { group: text, ..ran(text, &plan, &result) };
    let head = Head {
        title: text.to_owned(),
        command: text.to_owned(),
        left: vec![text.to_owned()],
        ..head(ExitCode::Failed)
    };
    let (elements, attributes) = parsed(&index::html(&head, &[one]).unwrap());
    assert!(!elements.iter().any(|element| element == "script"));
    assert!(attributes.iter().all(|(key, value)| key != "href" || !value.contains(':') || value.starts_with("data:")));
    let md = index::markdown(&head, &[one]);
    assert!(!md.lines().filter(|line| !line.starts_with("<script>")).any(|line| line.contains("<script>")), "{md}");
}
