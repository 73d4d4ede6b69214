//! The engine against kustomize itself, on the inputs of kustomize's own tests.
//!
//! The inputs are in the Go module cache, where a build of the components puts them: nothing of them is copied into this repository. The
//! tests are run with a harness that writes down what each run was given and what came of it. Without Go, or without the module, there is
//! nothing to compare with, and the test says so.

mod flux;
mod go;
mod krusty;
mod trees;

use std::collections::BTreeMap;

use super::builder::{Builder, By};
use crate::files::{Files, Unreadable};
use crate::finding::Severity;
use harness_yaml::Node;
use serde_json::Value;

/// What came of a build, next to what kustomize made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Equal,
    OrderDiffers,
    RefusedByBoth,
    Declared,
    BuiltDifferently,
    RefusedWrongly,
    AcceptedWrongly,
}

/// What kustomize made of a folder.
pub(super) enum Expected {
    Objects(Vec<Value>),
    Refused(String),
}

impl Expected {
    fn of(objects: Option<Vec<Value>>, error: &str) -> Self {
        if error.is_empty() { Self::Objects(objects.unwrap_or_default()) } else { Self::Refused(error.to_owned()) }
    }
}

/// Files whose bytes `read` fetches.
fn files(paths: Vec<String>, read: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Files {
    Files::on_demand(paths, move |path| Unreadable::decode(read(path)))
}

/// Builds a folder of some files, for the `spec` of a Flux Kustomization where there is one, and compares.
fn compare(files: &Files, folder: &str, by: By, spec: Option<&Node>, expected: &Expected) -> (Outcome, String) {
    let mut builder = Builder::new(files);
    builder.by = by;
    let objects = builder.applied(folder, spec);
    let build = builder.finish(objects);
    let errors: Vec<String> = build
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| format!("{}:{}: {}", finding.file, finding.line, finding.message))
        .collect();
    let refused = build.refused || !errors.is_empty();
    let declared = build.declared || !build.elsewhere.is_empty();
    let ours: Vec<Value> = build.objects.iter().map(|built| built.node.to_json()).collect();
    match expected {
        Expected::Refused(_) if refused => (Outcome::RefusedByBoth, String::new()),
        Expected::Refused(_) if declared => (Outcome::Declared, String::new()),
        Expected::Refused(reason) => {
            (Outcome::AcceptedWrongly, reason.lines().last().unwrap_or_default().chars().take(300).collect())
        }
        Expected::Objects(_) if refused && declared => (Outcome::Declared, String::new()),
        Expected::Objects(_) if refused => (Outcome::RefusedWrongly, errors.join("; ")),
        Expected::Objects(theirs) => match difference(&ours, theirs) {
            None => (Outcome::Equal, String::new()),
            Some(difference) if declared => (Outcome::Declared, difference),
            Some(difference) => {
                let sorted = |values: &[Value]| {
                    let mut values = values.to_vec();
                    values.sort_by_cached_key(|value| {
                        format!("{} {} {}", value["kind"], value["metadata"]["namespace"], value["metadata"]["name"])
                    });
                    values
                };
                match self::difference(&sorted(&ours), &sorted(theirs)) {
                    None => (Outcome::OrderDiffers, difference),
                    Some(difference) => (Outcome::BuiltDifferently, difference),
                }
            }
        },
    }
}

/// The first difference between two lists of objects.
fn difference(ours: &[Value], theirs: &[Value]) -> Option<String> {
    differs(&Value::Array(ours.to_vec()), &Value::Array(theirs.to_vec()), "")
}

fn differs(ours: &Value, theirs: &Value, path: &str) -> Option<String> {
    match (ours, theirs) {
        (Value::Array(own), Value::Array(other)) if own.len() == other.len() => own
            .iter()
            .zip(other)
            .enumerate()
            .find_map(|(index, (own, other))| differs(own, other, &format!("{path}/{index}"))),
        (Value::Object(own), Value::Object(other)) => {
            own.keys().chain(other.keys().filter(|key| !own.contains_key(*key))).find_map(|key| {
                let missing = Value::String("(missing)".to_owned());
                let path = format!("{path}/{key}");
                differs(own.get(key).unwrap_or(&missing), other.get(key).unwrap_or(&missing), &path)
            })
        }
        (Value::Number(own), Value::Number(other)) if own.as_f64() == other.as_f64() => None,
        (own, other) if own == other => None,
        (own, other) => {
            let short = |value: &Value| value.to_string().chars().take(160).collect::<String>();
            Some(format!("{path}: {} instead of {}", short(own), short(other)))
        }
    }
}

/// Counts outcomes, and shows those that are wrong.
#[derive(Default)]
pub(super) struct Table {
    counts: BTreeMap<Outcome, usize>,
    wrong: Vec<String>,
}

impl Table {
    pub(super) fn add(&mut self, name: &str, (outcome, difference): (Outcome, String)) {
        *self.counts.entry(outcome).or_default() += 1;
        if outcome >= Outcome::BuiltDifferently || matches!(outcome, Outcome::OrderDiffers | Outcome::Declared) {
            self.wrong.push(format!("{outcome:?} {name}: {difference}"));
        }
    }

    fn count(&self, outcomes: &[Outcome]) -> usize {
        outcomes.iter().filter_map(|outcome| self.counts.get(outcome)).sum()
    }

    /// Shows the table, and fails where less than `percent_min` are right or declared.
    pub(super) fn check(&self, what: &str, percent_min: usize) {
        let all: usize = self.counts.values().sum();
        let right = self.count(&[Outcome::Equal, Outcome::OrderDiffers, Outcome::RefusedByBoth, Outcome::Declared]);
        let rows: Vec<String> = self.counts.iter().map(|(outcome, count)| format!("{count:5} {outcome:?}")).collect();
        println!(
            "{what}: {right} of {all} equal, refused by both or declared\n{}\n{}",
            rows.join("\n"),
            self.wrong.join("\n")
        );
        assert!(right * 100 >= all * percent_min, "{what}: {right} of {all}\n{}", self.wrong.join("\n"));
    }
}
