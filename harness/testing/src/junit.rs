//! Reading JUnit files, as cargo-nextest and the runner of the cluster tests write them.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// A test and what it came to.
#[derive(Clone, Debug, PartialEq)]
pub struct TestCase {
    /// Binary and name.
    pub name: String,
    /// How long it took, the last attempt only.
    pub seconds: f64,
    /// What it came to.
    pub outcome: Outcome,
}

/// What a test came to; with the message of the file where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It passed at the first attempt.
    Passed,
    /// It failed first and passed when repeated.
    Flaky(String),
    /// It was not run.
    Skipped(String),
    /// It failed.
    Failed(String),
}

impl Outcome {
    /// The first line of the message.
    pub fn reason(&self) -> &str {
        match self {
            Self::Passed => "",
            Self::Flaky(message) | Self::Skipped(message) | Self::Failed(message) => {
                message.lines().next().unwrap_or_default()
            }
        }
    }
}

/// The tests of a JUnit file, in its order.
///
/// # Errors
/// In words, where it is not XML or not JUnit.
pub fn read(text: &str) -> Result<Vec<TestCase>, String> {
    let mut reader = Reader::from_str(text);
    let (mut cases, mut inside) = (Vec::new(), false);
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) if tag.name().as_ref() == b"testcase" => {
                cases.push(test_case(&tag)?);
                inside = true;
            }
            Event::Empty(tag) if tag.name().as_ref() == b"testcase" => cases.push(test_case(&tag)?),
            Event::End(tag) if tag.name().as_ref() == b"testcase" => inside = false,
            Event::Start(tag) | Event::Empty(tag) if inside => {
                if let (Some(found), Some(case)) = (outcome(&tag)?, cases.last_mut()) {
                    // Of a test that failed at every attempt the first such element is the failure, the others are its repetitions.
                    if case.outcome == Outcome::Passed {
                        case.outcome = found;
                    }
                }
            }
            Event::Eof => return Ok(cases),
            _ => {}
        }
    }
}

fn test_case(tag: &BytesStart<'_>) -> Result<TestCase, String> {
    let name = attribute(tag, "name")?.ok_or("a test case without a name")?;
    let class = attribute(tag, "classname")?.unwrap_or_default();
    let seconds = attribute(tag, "time")?.unwrap_or_default();
    let seconds = if seconds.is_empty() { 0.0 } else { seconds.parse().map_err(|_| format!("time {seconds}"))? };
    Ok(TestCase { name: format!("{class} {name}").trim().to_owned(), seconds, outcome: Outcome::Passed })
}

fn outcome(tag: &BytesStart<'_>) -> Result<Option<Outcome>, String> {
    let message = || Ok::<String, String>(attribute(tag, "message")?.unwrap_or_default());
    Ok(match tag.name().as_ref() {
        b"failure" | b"error" => Some(Outcome::Failed(message()?)),
        b"flakyFailure" | b"flakyError" => Some(Outcome::Flaky(message()?)),
        b"skipped" => Some(Outcome::Skipped(message()?)),
        _ => None,
    })
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    let found = tag.try_get_attribute(name).map_err(|error| error.to_string())?;
    let value = found.map(|it| it.normalized_value(quick_xml::XmlVersion::Explicit1_0).map(|value| value.into_owned()));
    value.transpose().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_outcome() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="all"><testsuite name="one">
                <testcase name="a" classname="crate::it" time="0.250"/>
                <testcase name="b" classname="crate::it" time="1.5"><system-out>hello</system-out></testcase>
                <testcase name="c" classname="crate::it"><skipped message="no &quot;cluster&quot;"/></testcase>
                <testcase name="d" time="2"><flakyFailure message="late" type="x"><system-err>e</system-err></flakyFailure></testcase>
                <testcase name="e" time="3"><failure message="broken"/><rerunFailure message="broken again"/></testcase>
            </testsuite></testsuites>"#;
        let cases = read(text).unwrap();
        let outcomes: Vec<(&str, f64, &Outcome)> =
            cases.iter().map(|it| (it.name.as_str(), it.seconds, &it.outcome)).collect();
        assert_eq!(
            outcomes,
            [
                ("crate::it a", 0.25, &Outcome::Passed),
                ("crate::it b", 1.5, &Outcome::Passed),
                ("crate::it c", 0.0, &Outcome::Skipped("no \"cluster\"".into())),
                ("d", 2.0, &Outcome::Flaky("late".into())),
                ("e", 3.0, &Outcome::Failed("broken".into())),
            ]
        );
        assert_eq!(cases[2].outcome.reason(), "no \"cluster\"");
    }

    #[test]
    fn refuses_what_is_not_junit() {
        assert!(read("<testsuites><testcase time='1'/></testsuites>").unwrap_err().contains("without a name"));
        assert!(read("<testcase name='x' time='soon'/>").unwrap_err().contains("soon"));
        assert!(read("<testsuites><testcase name='x'></wrong>").is_err());
    }
}
