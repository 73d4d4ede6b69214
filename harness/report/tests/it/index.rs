//! The index over several runs.

use crate::support;
use harness_record::RunResult;
use harness_record::verdict::Verdict;
use harness_report::index::{self, Head, Index};
use harness_report::several::{Became, One, Trouble};
use harness_scenario::plan::Plan;
use quick_xml::Reader;
use quick_xml::events::Event;

fn head(exit_code: u8) -> Head {
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

fn ran<'a>(name: &'a str, plan: &'a Plan, result: &'a RunResult) -> One<'a> {
    One { name, group: "scaling", became: Became::Ran(plan, result), troubles: &[], exit_code: result.exit_code }
}

fn not_run(name: &'static str, why: &'static str) -> One<'static> {
    One { name, group: "failure", became: Became::NotRun(why), troubles: &[], exit_code: 4 }
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
fn says_of_each_what_it_came_to_and_why() {
    let plan = support::plan();
    let (passed, failed, killed) = (support::passed(1), support::failed(), support::killed());
    let all = [
        ran("scale-burst", &plan, &passed),
        ran("quota", &plan, &failed),
        ran("spot", &plan, &killed),
        not_run("gitops", "the target lacks gitops"),
    ];
    let head = head(1);
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
    // What failed first, what was not run without a link.
    assert_eq!(own, [&"quota/report.html", &"spot/report.html", &"scale-burst/report.html"]);
    for text in
        ["1 passed, 1 failed, 1 inconclusive, 1 not run", "the target lacks gitops", "exit code 1", "took 24m05s"]
    {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("@import") && !page.contains("url("), "styles load nothing");
}

#[test]
fn not_all_of_them_is_no_pass() {
    let plan = support::plan();
    let passed = support::passed(1);
    let verdict = |all: &[One<'_>], head: &Head| Index::new(head, all).verdict;
    let one = ran("scale-burst", &plan, &passed);
    assert_eq!(verdict(&[one], &head(0)), Verdict::Pass);
    assert_eq!(verdict(&[], &head(0)), Verdict::Inconclusive);
    assert_eq!(verdict(&[one, not_run("spot", "lacks it")], &head(4)), Verdict::Inconclusive);
    assert_eq!(verdict(&[one], &Head { left: vec!["NodePool x".to_owned()], ..head(5) }), Verdict::Fail);
}

#[test]
fn a_run_that_passed_with_trouble_around_it_failed() {
    let plan = support::plan();
    let passed = support::passed(1);
    let troubles = [Trouble { exit_code: 5, what: "left behind: Namespace x".to_owned() }];
    let one = One { troubles: &troubles, exit_code: 5, ..ran("scale-burst", &plan, &passed) };
    let index = Index::new(&head(5), &[one]);
    assert_eq!((index.totals.passed, index.totals.failed), (0, 1));
    assert_eq!(index.scenarios[0].reasons, ["left behind: Namespace x"]);
}

#[test]
fn hostile_texts_stay_texts() {
    let text = "<script>alert(1)</script>\"'|`&\n](javascript:x)";
    let (plan, result) = support::hostile(text);
    let one = One { group: text, ..ran(text, &plan, &result) };
    let head = Head { title: text.to_owned(), command: text.to_owned(), left: vec![text.to_owned()], ..head(1) };
    let (elements, attributes) = parsed(&index::html(&head, &[one]).unwrap());
    assert!(!elements.iter().any(|element| element == "script"));
    assert!(attributes.iter().all(|(key, value)| key != "href" || !value.contains(':') || value.starts_with("data:")));
    let md = index::markdown(&head, &[one]);
    assert!(!md.lines().filter(|line| !line.starts_with("<script>")).any(|line| line.contains("<script>")), "{md}");
}
