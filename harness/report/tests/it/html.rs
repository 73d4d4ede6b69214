//! `report.html`: well-formed, escaped, self-contained, small.

use crate::support;
use harness_plan::Plan;
use harness_record::RunResult;
use harness_report::html;
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::Event;
use rstest::rstest;

fn page(plan: &Plan, result: &RunResult) -> String {
    html::render(plan, result).unwrap()
}

/// The page is written so that it is XML too: every element is closed, every attribute is quoted, everything is escaped.
/// Returns the names of its elements and the values of its attributes.
fn parsed(page: &str) -> (Vec<String>, Vec<(String, String)>) {
    let body = page.strip_prefix("<!doctype html>").expect("a doctype");
    let mut reader = Reader::from_str(body);
    reader.config_mut().check_end_names = true;
    let (mut elements, mut attributes, mut depth) = (Vec::new(), Vec::new(), 0_i32);
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("{error} at {}", reader.buffer_position()));
        match event {
            Event::Start(ref tag) | Event::Empty(ref tag) => {
                depth += i32::from(matches!(event, Event::Start(_)));
                elements.push(String::from_utf8(tag.name().as_ref().to_vec()).unwrap());
                for attribute in tag.attributes() {
                    let attribute = attribute.unwrap();
                    let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
                    attributes.push((key, String::from_utf8(attribute.value.to_vec()).unwrap()));
                }
            }
            Event::End(_) => depth -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "every element is closed");
    (elements, attributes)
}

/// Keeps the page for a look at it: the folder is `CARGO_TARGET_TMPDIR`.
fn keep(name: &str, page: &str) {
    std::fs::write(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{name}.html")), page)
        .unwrap();
}

#[rstest]
#[case("passed", support::passed(1))]
#[case("failed", support::failed())]
#[case("killed", support::killed())]
#[case("not-run", support::not_run())]
#[case("leaked", support::leaked())]
#[case("nothing", support::nothing())]
#[case("large", support::passed(25))]
fn is_well_formed_and_self_contained(#[case] name: &str, #[case] result: RunResult) {
    let page = page(&support::plan(), &result);
    keep(name, &page);
    let (elements, attributes) = parsed(&page);
    for foreign in ["script", "iframe", "object", "embed", "img"] {
        assert!(!elements.iter().any(|element| element == foreign), "{foreign}");
    }
    for (key, value) in &attributes {
        assert!(!key.starts_with("on"), "{key}");
        if ["href", "src", "xlink:href", "style"].contains(&key.as_str()) {
            assert!(value.starts_with("data:") || value.starts_with('#'), "{key}={value}");
        }
    }
    assert!(!page.contains("@import") && !page.contains("url("), "styles load nothing");
    let pictures = elements.iter().filter(|element| *element == "svg").count();
    let described = attributes.iter().filter(|(key, _)| key == "aria-label" || key == "aria-hidden").count();
    assert!(described >= pictures, "every picture is described or hidden: {described} of {pictures}");
}

#[rstest]
#[case(support::passed(1))]
#[case(support::nothing())]
#[case(support::not_run())]
#[case(support::killed())]
fn never_shows_what_is_not_a_number(#[case] result: RunResult) {
    let page = page(&support::plan(), &result);
    for (_, value) in parsed(&page).1 {
        assert!(!value.contains("NaN") && !value.contains("inf") && !value.contains("-0\""), "{value}");
    }
}

#[test]
fn contains_what_a_reader_must_know() {
    let page = page(&support::plan(), &support::failed());
    for text in [
        "Failed",
        "exit code 1",
        "QuotaExceeded",
        "compute-optimized",
        "&gt; 5m",
        "harness run scale-burst --profile default --seed 42",
        "Azure Resource Manager and the VM fleet",
        "encoder: 26 of 40 pods Ready",
        "GET /subscriptions/x",
        "kube-apiserver",
        "Watch lag",
    ] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn thousands_of_nodes_make_a_small_page() {
    let result = support::passed(170);
    assert!(result.nodes.len() > 3_000 && result.counts.pods_ready > 20_000);
    let page = page(&support::plan(), &result);
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
    assert!(page.contains("slowest"), "it says that not all are drawn");
}

#[test]
fn a_pool_whose_percentile_was_not_reached_is_drawn_as_never() {
    let page = page(&support::plan(), &support::failed());
    assert!(page.contains("class=\"bar never\"") && page.contains("curve censored"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_text_of_a_run_becomes_markup(text in "(<script>alert\\(1\\)</script>|\"'><svg onload=x>|&amp;&lt;|\\]\\]>|--><!--|</style>|\\{\\{x\\}\\}|[\u{0}-\u{ff}<>&\"']{1,40})") {
        let (plan, result) = support::hostile(&text);
        let page = page(&plan, &result);
        let (elements, attributes) = parsed(&page);
        prop_assert!(!elements.iter().any(|element| element == "script"));
        prop_assert!(!attributes.iter().any(|(key, _)| key.starts_with("on")));
    }
}
