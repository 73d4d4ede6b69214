//! Markdown, JUnit and console, as snapshots.

use crate::support;
use harness_record::RunResult;
use harness_record::live::Live;
use harness_report::{console, junit, markdown};
use quick_xml::Reader;
use quick_xml::events::Event;
use rstest::rstest;

#[rstest]
#[case("passed", support::passed(1))]
#[case("failed", support::failed())]
#[case("killed", support::killed())]
#[case("not_run", support::not_run())]
#[case("leaked", support::leaked())]
fn texts(#[case] name: &str, #[case] result: RunResult) {
    let plan = support::plan();
    insta::assert_snapshot!(format!("markdown_{name}"), markdown::render(&plan, &result));
    insta::assert_snapshot!(format!("junit_{name}"), junit::render(&plan, &result).unwrap());
    insta::assert_snapshot!(format!("console_{name}"), console::summary(&result, 110, false));
}

/// Counts of a JUnit file: those in its attributes, and those of its elements.
fn counts(xml: &str) -> ([usize; 3], [usize; 3]) {
    let mut reader = Reader::from_str(xml);
    let (mut stated, mut found) = ([0; 3], [0; 3]);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) | Event::Empty(tag) => match tag.name().as_ref() {
                b"testsuites" => {
                    for (slot, name) in stated.iter_mut().zip(["tests", "failures", "errors"]) {
                        let value = tag.try_get_attribute(name).unwrap().unwrap();
                        *slot = std::str::from_utf8(&value.value).unwrap().parse().unwrap();
                    }
                }
                b"testcase" => found[0] += 1,
                b"failure" => found[1] += 1,
                b"error" => found[2] += 1,
                _ => {}
            },
            Event::Eof => return (stated, found),
            _ => {}
        }
    }
}

#[rstest]
#[case(support::passed(1), [8, 0, 0])]
#[case(support::failed(), [8, 1, 1])]
#[case(support::killed(), [8, 0, 8])]
#[case(support::not_run(), [3, 0, 2])]
#[case(support::leaked(), [8, 1, 0])]
fn junit_counts_are_right(#[case] result: RunResult, #[case] expected: [usize; 3]) {
    let (stated, found) = counts(&junit::render(&support::plan(), &result).unwrap());
    assert_eq!(stated, expected);
    assert_eq!(found, expected);
}

#[test]
fn the_group_of_an_expectation_is_the_class_of_its_case() {
    let mut plan = support::plan();
    let named = plan.expectations[1].name.clone();
    plan.expectations[1].group = Some("end.to end".to_owned());
    let xml = junit::render(&plan, &support::passed(1)).unwrap();
    let case = xml.lines().find(|line| line.contains(&format!("name=\"{}\"", named.replace('<', "&lt;")))).unwrap();
    assert!(case.contains("classname=\"harness.scale-burst.end-to end\""), "{case}");
    assert!(xml.contains("classname=\"harness.scale-burst\""), "the others have the scenario's alone");
}

#[test]
fn hostile_texts_stay_texts() {
    let (plan, result) = support::hostile("<script>\u{1b}[31m|`&\"'\n</testcase>");
    let xml = junit::render(&plan, &result).unwrap();
    let (stated, found) = counts(&xml);
    assert_eq!(stated, found);
    assert!(!markdown::render(&plan, &result).contains("<script>\n"));
    assert!(!console::summary(&result, 110, false).contains('\u{1b}'));
}

#[rstest]
#[case(60)]
#[case(80)]
#[case(160)]
fn the_console_keeps_to_its_width(#[case] width: usize) {
    let result = support::failed();
    let text = console::summary(&result, width, false);
    for line in text.lines().filter(|line| !line.starts_with("again:")) {
        assert!(line.chars().count() <= width, "{} > {width}: {line}", line.chars().count());
    }
}

#[test]
fn colour_changes_nothing_but_colour() {
    let result = support::failed();
    let coloured = console::summary(&result, 100, true);
    assert!(coloured.contains("\u{1b}[1;31m"));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((front, back)) = rest.split_once('\u{1b}') {
        plain.push_str(front);
        rest = back.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, console::summary(&result, 100, false));
}

#[test]
fn before_anything_happened_the_live_view_has_something_to_say() {
    let live = Live::new(&support::plan());
    assert!(console::progress_line(&live).contains("between phases"));
    assert_eq!(console::live_lines(&live, 80).len(), 3);
}

/// Before, exit code 5 was always "left behind", also where the run had left nothing.
#[test]
fn a_run_after_which_something_is_not_as_before_has_its_own_word() {
    let mut result = support::leaked();
    result.leaks.clear();
    let text = console::summary(&result, 110, false);
    assert!(text.contains("NOT AS BEFORE") && !text.contains("LEFT BEHIND"), "{text}");
}
