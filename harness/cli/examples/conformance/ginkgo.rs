//! Ginkgo's JSON report (`types/types.go` of github.com/onsi/ginkgo/v2): which specs a suite has, and what became of one.

use std::path::Path;

use harness_record::text::one_line;
use serde::Deserialize;

use crate::record::Outcome;
use crate::spec::Spec;

/// How much of a message the table shows, characters.
const REASON_MAX: usize = 600;

/// The report of one suite.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Report {
    suite_description: String,
    /// `null` where a suite has none.
    spec_reports: Option<Vec<Node>>,
}

/// A spec, or a node of the whole suite such as `BeforeSuite`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Node {
    container_hierarchy_texts: Option<Vec<String>>,
    leaf_node_type: String,
    leaf_node_text: String,
    leaf_node_location: Location,
    state: State,
    /// Nanoseconds.
    run_time: u64,
    failure: Option<Problem>,
    additional_failures: Option<Vec<Additional>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Pending,
    Skipped,
    Passed,
    Failed,
    Aborted,
    Panicked,
    Interrupted,
    TimedOut,
}

impl State {
    fn is_failure(self) -> bool {
        match self {
            Self::Pending | Self::Skipped | Self::Passed => false,
            Self::Failed | Self::Aborted | Self::Panicked | Self::Interrupted | Self::TimedOut => true,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Location {
    file_name: String,
    line_number: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Additional {
    failure: Problem,
}

/// A failure, or the words of a `Skip`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Problem {
    #[serde(default)]
    message: String,
    location: Location,
    #[serde(default)]
    forwarded_panic: String,
    #[serde(default)]
    failure_node_type: String,
    /// Where the spec was when its time was over.
    progress_report: Option<Progress>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Progress {
    goroutines: Option<Vec<Goroutine>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Goroutine {
    /// Innermost first.
    stack: Vec<Frame>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Frame {
    filename: String,
    line: u32,
    /// It is in the suite.
    #[serde(default)]
    highlight: bool,
}

/// What became of a spec.
#[derive(Debug, PartialEq)]
pub(crate) struct Judgement {
    pub(crate) outcome: Outcome,
    pub(crate) seconds: f64,
    pub(crate) reason: Option<String>,
}

impl Report {
    /// Reads the report of a suite's program: a list with this suite alone.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        let [report] = serde_json::from_slice::<[Self; 1]>(text)?;
        Ok(report)
    }

    /// Its specs, in the order in which Ginkgo lists them.
    pub(crate) fn specs(&self, suite: &str) -> Vec<Spec> {
        let leaves = self.nodes().filter(|node| node.leaf_node_type == "It");
        leaves
            .map(|node| Spec {
                suite: suite.to_owned(),
                description: self.suite_description.clone(),
                text: node.text(),
                file: file_name(&node.leaf_node_location.file_name),
                line: node.leaf_node_location.line_number,
            })
            .collect()
    }

    /// What became of this spec. Specs that are alike in text and place cannot be told apart: all of them must pass.
    ///
    /// A failure of a node of the whole suite is the spec's. One of an `AfterAll` is not: it judges all specs of its container together (the
    /// scheduling suite's, whether every well-known label was used), and here each runs alone.
    pub(crate) fn judge(&self, spec: &Spec) -> Option<Judgement> {
        let own: Vec<&Node> = self.nodes().filter(|node| node.is(spec)).collect();
        let first = own.first()?;
        let seconds = own.iter().map(|node| node.run_time as f64 / 1e9).sum();
        let failures = self.nodes().filter(|node| node.state.is_failure()).flat_map(Node::problems);
        let mut failures = failures.filter(|problem| problem.failure_node_type != "AfterAll");
        let judged = |outcome, reason| Some(Judgement { outcome, seconds, reason });
        if let Some(problem) = failures.next() {
            return judged(Outcome::Failed, Some(problem.in_one_line()));
        }
        match first.state {
            State::Skipped | State::Pending => {
                let words = first.problems().next().map(|skip| one_line(&skip.message, REASON_MAX));
                judged(Outcome::Skipped, Some(words.unwrap_or_else(|| "no reason given".to_owned())))
            }
            State::Passed => judged(Outcome::Passed, None),
            // Only an `AfterAll` failed.
            State::Failed if first.problems().next().is_some() => judged(Outcome::Passed, None),
            // Nothing says why.
            state => judged(Outcome::Failed, Some(format!("{state:?}"))),
        }
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.spec_reports.iter().flatten()
    }
}

impl Node {
    /// As in `Spec.Text` of Ginkgo's `internal/spec.go`.
    fn text(&self) -> String {
        let texts = self.container_hierarchy_texts.iter().flatten().chain([&self.leaf_node_text]);
        texts.filter(|text| !text.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    fn is(&self, spec: &Spec) -> bool {
        let place = &self.leaf_node_location;
        self.leaf_node_type == "It"
            && (place.line_number, file_name(&place.file_name)) == (spec.line, spec.file.clone())
            && self.text() == spec.text
    }

    fn problems(&self) -> impl Iterator<Item = &Problem> {
        let more = self.additional_failures.iter().flatten().map(|more| &more.failure);
        self.failure.iter().chain(more)
    }
}

impl Problem {
    /// The line that failed, or that did not end in time.
    fn place(&self) -> (&str, u32) {
        let goroutines = self.progress_report.iter().filter_map(|report| report.goroutines.as_ref()).flatten();
        let frames = goroutines.flat_map(|goroutine| &goroutine.stack).filter(|frame| frame.highlight);
        // Rather the spec's line than that of a helper that it calls, as in `Location`.
        let own = frames.clone().find(|frame| frame.filename == self.location.file_name);
        match own.or_else(|| frames.clone().next()) {
            Some(frame) => (&frame.filename, frame.line),
            None => (&self.location.file_name, self.location.line_number),
        }
    }

    /// `suite_test.go:815: Timed out after 960 s. Expected ...`
    fn in_one_line(&self) -> String {
        let (file, line) = self.place();
        // The module cache is elsewhere on every machine.
        let file = file.split_once('@').and_then(|(_, path)| path.split_once('/')).map_or(file, |(_, path)| path);
        let node = match self.failure_node_type.as_str() {
            "" | "It" => String::new(),
            other => format!("in {other}: "),
        };
        one_line(&format!("{file}:{line}: {node}{} {}", self.message, self.forwarded_panic), REASON_MAX)
    }
}

fn file_name(path: &str) -> String {
    Path::new(path).file_name().map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Value, json};

    const FOLDER: &str =
        "/home/somebody/go/pkg/mod/github.com/!azure/karpenter-provider-azure@v1.14.0/test/suites/drift";

    fn node(kind: &str, text: &str, state: &str) -> Value {
        json!({
            "ContainerHierarchyTexts": if kind == "It" { json!(["Drift", "Budgets"]) } else { Value::Null },
            "LeafNodeType": kind,
            "LeafNodeText": text,
            "LeafNodeLocation": { "FileName": format!("{FOLDER}/suite_test.go"), "LineNumber": 94 },
            "State": state,
            "RunTime": 61_500_000_000_u64,
        })
    }

    fn with(mut node: Value, key: &str, failures: Value) -> Value {
        node[key] = failures;
        node
    }

    fn problem(message: &str, node: &str) -> Value {
        json!({
            "Message": message,
            "FailureNodeType": node,
            "Location": { "FileName": format!("{FOLDER}/suite_test.go"), "LineNumber": 120 },
        })
    }

    /// A report of the suite `drift` with these nodes.
    pub(crate) fn report(nodes: &[Value]) -> String {
        json!([{ "SuiteDescription": "Drift", "SpecReports": nodes }]).to_string()
    }

    /// A spec as the dry run lists it.
    pub(crate) fn listed(text: &str) -> Value {
        node("It", text, "passed")
    }

    fn judged(nodes: &[Value]) -> Option<(Outcome, Option<String>)> {
        let spec = Report::parse(report(&[listed("respects them")]).as_bytes()).unwrap().specs("drift").remove(0);
        let judgement = Report::parse(report(nodes).as_bytes()).unwrap().judge(&spec)?;
        assert!((judgement.seconds - 61.5).abs() < 1e-9);
        Some((judgement.outcome, judgement.reason))
    }

    #[test]
    fn the_specs_of_a_suite_are_its_leaves() {
        let text =
            report(&[node("BeforeSuite", "", "passed"), listed("respects them"), node("AfterSuite", "", "passed")]);
        let specs = Report::parse(text.as_bytes()).unwrap().specs("drift");
        let expected = Spec {
            suite: "drift".to_owned(),
            description: "Drift".to_owned(),
            text: "Drift Budgets respects them".to_owned(),
            file: "suite_test.go".to_owned(),
            line: 94,
        };
        assert_eq!(specs, [expected]);
        // The newskus suite, when no size of its list is new.
        let none = json!([{ "SuiteDescription": "NewSKUs", "SpecReports": null }]).to_string();
        assert_eq!(Report::parse(none.as_bytes()).unwrap().specs("newskus"), []);
    }

    #[test]
    fn a_spec_passes_skips_itself_or_fails_at_a_place() {
        let others = node("It", "is another spec", "skipped");
        assert_eq!(judged(&[others.clone(), listed("respects them")]), Some((Outcome::Passed, None)));
        let skipped = with(node("It", "respects them", "skipped"), "Failure", problem("needs a\n zone", "It"));
        assert_eq!(judged(&[others.clone(), skipped]), Some((Outcome::Skipped, Some("needs a zone".to_owned()))));
        let failed =
            with(node("It", "respects them", "timedout"), "Failure", problem("Expected\n  2\nto be\n  3", "It"));
        let reason = "test/suites/drift/suite_test.go:120: Expected 2 to be 3".to_owned();
        assert_eq!(judged(&[failed]), Some((Outcome::Failed, Some(reason))));
        assert_eq!(judged(&[others]), None);
    }

    /// Before, the place was the first line of the spec.
    #[test]
    fn a_spec_that_does_not_end_in_time_fails_where_it_is() {
        let frame =
            |file: &str, line: u32, highlight: bool| json!({ "Filename": file, "Line": line, "Highlight": highlight });
        let suite = format!("{FOLDER}/suite_test.go");
        let helper = "/go/test/pkg/environment/common/expectations.go";
        let stack = [
            frame("/go/gomega/async_assertion.go", 145, false),
            frame(helper, 325, true),
            frame(&suite, 835, true),
            frame(&suite, 900, true),
        ];
        let mut late = problem("A suite timeout occurred", "It");
        late["ProgressReport"] = json!({ "Goroutines": [{ "Stack": stack }] });
        let failed = with(node("It", "respects them", "timedout"), "Failure", late);
        let reason = "test/suites/drift/suite_test.go:835: A suite timeout occurred".to_owned();
        assert_eq!(judged(&[failed]), Some((Outcome::Failed, Some(reason))));
    }

    #[test]
    fn what_fails_around_a_spec_is_its_failure() {
        let before = with(node("BeforeSuite", "", "panicked"), "Failure", problem("Test Panicked", "BeforeSuite"));
        let reason = "test/suites/drift/suite_test.go:120: in BeforeSuite: Test Panicked".to_owned();
        let outcome = judged(&[before, node("It", "respects them", "skipped")]);
        assert_eq!(outcome, Some((Outcome::Failed, Some(reason))));
    }

    /// Before, each spec of the scheduling suite failed: its `AfterAll` wants all of them to have run.
    #[test]
    fn what_judges_all_specs_of_a_container_does_not_count_for_one() {
        let all = problem("not every label was used", "AfterAll");
        let passed = with(node("It", "respects them", "failed"), "Failure", all.clone());
        assert_eq!(judged(&[passed]), Some((Outcome::Passed, None)));
        let failed = with(node("It", "respects them", "failed"), "Failure", problem("no node", "It"));
        let failed = with(failed, "AdditionalFailures", json!([{ "State": "failed", "Failure": all }]));
        assert!(judged(&[failed]).unwrap().1.unwrap().ends_with("no node"));
    }
}
