//! Reports of recorded runs: from `events.jsonl` to every format.

use std::path::{Path, PathBuf};

use harness_record::Summary;
use harness_record::summary::read_hlog;
use harness_report::{console, html, junit, markdown, write_all};
use quick_xml::Reader;
use quick_xml::events::Event;
use rstest::rstest;

use crate::recording::Recording;

#[rstest]
fn a_recording_becomes_every_report(
    #[files("../../fixtures/recordings/*")]
    #[dirs]
    folder: PathBuf,
) {
    let recording = Recording::read(&folder);
    let (plan, name) = (&recording.plan, &recording.name);
    let result = recording.result();
    let written_to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recordings").join(name);
    std::fs::create_dir_all(&written_to).unwrap();
    assert_eq!(write_all(&written_to, plan, &result).unwrap().len(), 5);
    let read = |file: &str| std::fs::read_to_string(written_to.join(file)).unwrap();

    let written = read("summary.json");
    assert_eq!(written, Summary::from(&result).to_json().unwrap(), "{name}");
    assert_eq!(written, Summary::from_json(written.as_bytes()).unwrap().to_json().unwrap(), "{name}");

    let (page, md) = (read("report.html"), read("report.md"));
    assert_eq!(page, html::render(plan, &result).unwrap(), "{name}: the same log makes the same page");
    assert_eq!(md, markdown::render(plan, &result), "{name}");
    let shown = console::summary(&result, 120, false);
    let elements = elements(page.strip_prefix("<!doctype html>").expect("a doctype"));
    assert!(elements.iter().filter(|(element, _)| element == "svg").count() >= 2, "{name}: curves are drawn");
    assert!(!elements.iter().any(|(element, _)| element == "script"), "{name}");
    for text in [&page, &md] {
        assert!(text.contains(&format!("exit code {}", result.exit_code)), "{name}");
        assert!(!text.contains("NaN"), "{name}");
    }
    assert!(shown.lines().all(|line| line.starts_with("again:") || line.chars().count() <= 120), "{shown}");

    let xml = read("junit.xml");
    let cases: Vec<String> = self::elements(xml.split_once("?>").unwrap().1)
        .into_iter()
        .filter(|(element, _)| element == "testcase")
        .map(|(_, name)| name)
        .collect();
    for expectation in &plan.expectations {
        let found = cases.iter().filter(|case| **case == expectation.name).count();
        assert_eq!(found, 1, "{name}: a testcase for `{}` among {cases:#?}", expectation.name);
    }
    assert_eq!(xml, junit::render(plan, &result).unwrap());

    let rows = read_hlog(&std::fs::read(written_to.join("latencies.hlog")).unwrap()).unwrap();
    for latency in result.latencies.iter().filter(|it| it.labels.is_empty() && !it.samples.measured_us.is_empty()) {
        let row = rows.iter().find(|row| row.name == latency.name.as_str() && row.labels.is_empty());
        let count = row.map(|row| row.histogram.len());
        assert_eq!(count, Some(latency.samples.measured_us.len() as u64), "{name}: {}", latency.name);
    }
}

/// The elements of well-formed XML and their `name` attributes. The page is written so that it is XML too.
fn elements(text: &str) -> Vec<(String, String)> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let (mut elements, mut depth) = (Vec::new(), 0_i32);
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("{error} at {}", reader.buffer_position()));
        match event {
            Event::Start(ref tag) | Event::Empty(ref tag) => {
                depth += i32::from(matches!(event, Event::Start(_)));
                let name = tag.attributes().map(Result::unwrap).find(|attribute| attribute.key.as_ref() == b"name");
                let name = name.map(|name| {
                    let escaped = std::str::from_utf8(&name.value).unwrap().to_owned();
                    quick_xml::escape::unescape(&escaped).unwrap().into_owned()
                });
                elements.push((String::from_utf8(tag.name().as_ref().to_vec()).unwrap(), name.unwrap_or_default()));
            }
            Event::End(_) => depth -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "every element is closed");
    elements
}
