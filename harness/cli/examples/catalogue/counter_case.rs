//! Counter-cases: a whole scenario with one thing broken, which must fail for the reason given in its file.
//!
//! A file `SCENARIO--CASE.yaml` holds a JSON Patch (RFC 6902). [`make`] refuses a patch that touches phases or expectations, so a
//! counter-case shows that *the scenario's own* expectations can fail.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use json_patch::{Patch, PatchOperation};
use serde::Deserialize;
use serde_json::Value;

/// Between the name of the scenario and that of the case.
const SEPARATOR: &str = "--";
/// The keys of a scenario that a patch may change; in `phases` only the actions, in `parameters` only those that no limit uses.
const MAY_CHANGE: [&str; 7] = ["amend", "azure", "gitops", "namespaceQuota", "parameters", "phases", "workloads"];
/// The key of a phase's actions.
const ACTIONS: &str = "do";

/// The content of a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CounterCase {
    /// The scenario it is made from.
    pub(crate) scenario: String,
    /// What is broken and why that must fail, one sentence.
    pub(crate) broken: String,
    /// One operation that changes something, after `test` operations that show what its array indexes refer to.
    pub(crate) patch: Patch,
    /// Why two operations are needed, if there are two.
    #[serde(default)]
    pub(crate) why_two: Option<String>,
    /// What must fail. Each text occurs in a reason or in the name of a failed expectation.
    pub(crate) fails: Vec<String>,
    /// What may fail as a consequence, depending on timing. No other expectation may fail.
    #[serde(default)]
    pub(crate) may_fail: Vec<String>,
}

/// Why a counter-case cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// The folder or a file.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not YAML of this shape.
    #[error("{}: {source}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<serde_saphyr::Error>,
    },
    /// Its name does not begin with that of its scenario.
    #[error("{name}: the name must be `{scenario}{SEPARATOR}CASE`, for a case of {scenario}")]
    Name {
        /// The file's name without its extension.
        name: String,
        /// The scenario that it names.
        scenario: String,
    },
    /// A required text is empty.
    #[error("`{key}` is empty")]
    Empty {
        /// The key.
        key: &'static str,
    },
    /// Too many operations, or none.
    #[error("{count} operations change something; expected one, or two and `whyTwo`")]
    Count {
        /// Operations that are not `test`.
        count: usize,
    },
    /// An operation that does not show what it changes.
    #[error("`{operation}`: only test, add, remove and replace are allowed")]
    Operation {
        /// The operation.
        operation: String,
    },
    /// An index that tells the reader nothing, and that may refer to something else after the next edit of the scenario.
    #[error("{pointer}: precede it with a `test` operation that shows which element {element} is")]
    Unguarded {
        /// The path of the operation.
        pointer: String,
        /// Its part up to the index.
        element: String,
    },
    /// The patch does not fit the scenario.
    #[error("the patch does not fit: {0}")]
    Patch(#[from] json_patch::PatchError),
    /// It changes what the scenario expects, or something else that must stay.
    #[error("it changes {what}, which must stay as in the scenario")]
    Touches {
        /// What it changes.
        what: String,
    },
    /// It changes nothing.
    #[error("it changes nothing")]
    Same,
}

/// The counter-cases of a folder by name, in order.
pub(crate) fn read_all(folder: &Path) -> Result<Vec<(String, CounterCase)>, Refused> {
    let failed = |path: &Path, source| Refused::Read { path: path.to_owned(), source };
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|source| failed(folder, source))? {
        let path = entry.map_err(|source| failed(folder, source))?.path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).map_err(|source| failed(&path, source))?;
        let case: CounterCase = serde_saphyr::from_str(&text)
            .map_err(|error| Refused::Shape { path: path.clone(), source: Box::new(error) })?;
        let rest = name.strip_prefix(&case.scenario).and_then(|rest| rest.strip_prefix(SEPARATOR));
        if rest.is_none_or(str::is_empty) {
            return Err(Refused::Name { name, scenario: case.scenario });
        }
        all.push((name, case));
    }
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(all)
}

/// Makes the broken scenario.
pub(crate) fn make(case: &CounterCase, scenario: &Value) -> Result<Value, Refused> {
    says_why(case)?;
    is_small(case)?;
    let mut broken = scenario.clone();
    json_patch::patch(&mut broken, &case.patch.0)?;
    if broken == *scenario {
        return Err(Refused::Same);
    }
    is_intact(scenario, &broken)?;
    Ok(broken)
}

fn says_why(case: &CounterCase) -> Result<(), Refused> {
    let blank = |text: &String| text.trim().is_empty();
    let empty = [
        ("broken", blank(&case.broken)),
        ("fails", case.fails.is_empty() || case.fails.iter().any(blank)),
        ("mayFail", case.may_fail.iter().any(blank)),
        ("whyTwo", case.why_two.as_ref().is_some_and(blank)),
    ];
    match empty.into_iter().find(|(_, empty)| *empty) {
        Some((key, _)) => Err(Refused::Empty { key }),
        None => Ok(()),
    }
}

/// Checks that there is one operation, or two with a reason, and that each shows what it changes.
fn is_small(case: &CounterCase) -> Result<(), Refused> {
    let mut tested: Vec<String> = Vec::new();
    let mut count = 0;
    for operation in &case.patch.0 {
        let pointer = operation.path().to_string();
        match operation {
            PatchOperation::Test(_) => tested.push(pointer),
            PatchOperation::Add(_) | PatchOperation::Remove(_) | PatchOperation::Replace(_) => {
                count += 1;
                // An `add` does not touch the element at its last index; it inserts before it.
                let inserts = matches!(operation, PatchOperation::Add(_));
                is_guarded(&pointer, inserts, &tested)?;
            }
            other => return Err(Refused::Operation { operation: other.to_string() }),
        }
    }
    let most = if case.why_two.is_some() { 2 } else { 1 };
    if count == 0 || count > most || (count == 1 && case.why_two.is_some()) {
        return Err(Refused::Count { count });
    }
    Ok(())
}

/// Checks that for each array index in the path a `test` operation has shown something of that element.
fn is_guarded(pointer: &str, inserts: bool, tested: &[String]) -> Result<(), Refused> {
    let parts: Vec<&str> = pointer.split('/').collect();
    let there = if inserts { parts.len() - 1 } else { parts.len() };
    for (at, part) in parts.iter().enumerate().take(there) {
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let element = parts[..=at].join("/");
        let inside = format!("{element}/");
        if !tested.iter().any(|path| *path == element || path.starts_with(&inside)) {
            return Err(Refused::Unguarded { pointer: pointer.to_owned(), element });
        }
    }
    Ok(())
}

/// Checks that question, expectations, and the conditions and limits of phases are those of the scenario, with the parameters they use.
fn is_intact(scenario: &Value, broken: &Value) -> Result<(), Refused> {
    let touches = |what: String| Err(Refused::Touches { what });
    let keys: BTreeSet<&String> =
        [scenario, broken].into_iter().filter_map(Value::as_object).flat_map(|all| all.keys()).collect();
    for key in keys {
        if !MAY_CHANGE.contains(&key.as_str()) && scenario.get(key) != broken.get(key) {
            return touches(format!("`{key}`"));
        }
    }
    let waits = without_actions(&scenario["phases"]);
    if waits != without_actions(&broken["phases"]) {
        return touches("more of `phases` than their actions".to_owned());
    }
    let mut limits = BTreeSet::new();
    used(&waits, &mut limits);
    used(&scenario["expect"], &mut limits);
    match limits.into_iter().find(|name| scenario["parameters"][name] != broken["parameters"][name]) {
        Some(name) => touches(format!("the parameter `{name}`, which is part of a limit")),
        None => Ok(()),
    }
}

/// The phases without their actions.
fn without_actions(phases: &Value) -> Value {
    let mut phases = phases.clone();
    for phase in phases.as_array_mut().into_iter().flatten() {
        if let Some(phase) = phase.as_object_mut() {
            phase.remove(ACTIONS);
        }
    }
    phases
}

/// Collects the parameters that a part of a scenario refers to.
fn used<'a>(part: &'a Value, names: &mut BTreeSet<&'a str>) {
    match part {
        Value::String(text) => names.extend(text.strip_prefix('$')),
        Value::Array(items) => items.iter().for_each(|item| used(item, names)),
        Value::Object(items) => items.values().for_each(|item| used(item, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests; two targets share this file, and one of them allows it anyway")]

    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn scenario() -> Value {
        json!({
            "name": "s",
            "question": "Does it?",
            "parameters": {"pods": {"default": 2}, "limit": {"default": "5s"}, "other": {"default": 1}},
            "azure": {"boot": {"constant": "1s"}},
            "phases": [
                {"name": "up", "do": [{"scale": {"to": "$other"}}], "until": "all-pods-ready", "within": "1m"},
                {"name": "down", "do": [{"clear": {}}], "until": {"ready-pods": {"atLeast": "$pods"}}, "within": "1m"},
            ],
            "expect": [{"latency": {"max": "$limit"}}],
        })
    }

    fn made(patch: Value) -> Result<Value, Refused> {
        made_because(patch, None)
    }

    fn made_because(patch: Value, why_two: Option<&str>) -> Result<Value, Refused> {
        let case = CounterCase {
            scenario: "s".to_owned(),
            broken: "It is broken.".to_owned(),
            patch: serde_json::from_value(patch).unwrap(),
            why_two: why_two.map(str::to_owned),
            fails: vec!["phase up".to_owned()],
            may_fail: Vec::new(),
        };
        make(&case, &scenario())
    }

    #[test]
    fn one_thing_is_broken_and_the_rest_stays() {
        let made = made(json!([
            {"op": "test", "path": "/phases/1/name", "value": "down"},
            {"op": "remove", "path": "/phases/1/do/0"},
        ]));
        // The removed element is part of an array, too: a test must show it.
        assert!(matches!(made, Err(Refused::Unguarded { element, .. }) if element == "/phases/1/do/0"));
        let made = self::made(json!([
            {"op": "test", "path": "/phases/1/do/0", "value": {"clear": {}}},
            {"op": "remove", "path": "/phases/1/do/0"},
        ]))
        .unwrap();
        let mut expected = scenario();
        expected["phases"][1]["do"] = json!([]);
        assert_eq!(made, expected);
    }

    #[rstest]
    #[case::expectation(json!([{"op": "add", "path": "/expect/-", "value": {}}]), "`expect`")]
    #[case::question(json!([{"op": "replace", "path": "/question", "value": "Why?"}]), "`question`")]
    #[case::needs(json!([{"op": "add", "path": "/needs", "value": []}]), "`needs`")]
    #[case::deadline(
        json!([{"op": "test", "path": "/phases/0/name", "value": "up"}, {"op": "replace", "path": "/phases/0/within", "value": "1s"}]),
        "more of `phases`"
    )]
    #[case::phase(json!([{"op": "add", "path": "/phases/-", "value": {"name": "more"}}]), "more of `phases`")]
    #[case::limit(json!([{"op": "replace", "path": "/parameters/limit/default", "value": "1s"}]), "parameter `limit`")]
    #[case::condition(json!([{"op": "add", "path": "/parameters/pods/smoke", "value": 9}]), "parameter `pods`")]
    fn what_is_expected_cannot_be_touched(#[case] patch: Value, #[case] what: &str) {
        let refused = made(patch).unwrap_err();
        assert!(matches!(&refused, Refused::Touches { what: found } if found.contains(what)), "{refused}");
    }

    #[test]
    fn a_parameter_that_is_no_limit_may_change() {
        let made = made(json!([{"op": "replace", "path": "/parameters/other/default", "value": 0}])).unwrap();
        assert_eq!(made["parameters"]["other"]["default"], 0);
    }

    #[test]
    fn two_operations_need_a_reason_and_three_have_none() {
        let add = |key: &str| json!({"op": "add", "path": format!("/azure/{key}"), "value": 1});
        let two = json!([add("a"), add("b")]);
        assert!(matches!(made(two.clone()), Err(Refused::Count { count: 2 })));
        assert!(made_because(two, Some("both are needed")).is_ok());
        let three = json!([add("a"), add("b"), add("c")]);
        assert!(matches!(made_because(three, Some("all are needed")), Err(Refused::Count { count: 3 })));
        assert!(matches!(made_because(json!([add("a")]), Some("why?")), Err(Refused::Count { count: 1 })));
        assert!(matches!(made(json!([])), Err(Refused::Count { count: 0 })));
    }

    #[test]
    fn an_operation_that_changes_nothing_or_hides_what_it_changes_is_refused() {
        let same = json!([{"op": "replace", "path": "/azure/boot/constant", "value": "1s"}]);
        assert!(matches!(made(same), Err(Refused::Same)));
        let moves = json!([{"op": "move", "from": "/azure/boot", "path": "/azure/delete"}]);
        assert!(matches!(made(moves), Err(Refused::Operation { .. })));
        let absent = json!([{"op": "replace", "path": "/azure/quotaCores", "value": {}}]);
        assert!(matches!(made(absent), Err(Refused::Patch(_))));
    }

    #[test]
    fn a_file_is_of_the_scenario_that_its_name_begins_with() {
        let folder = tempfile::tempdir().unwrap();
        let text = "scenario: s\nbroken: b\npatch: [{op: add, path: /azure/x, value: 1}]\nfails: [phase up]\n";
        std::fs::write(folder.path().join("s--x.yaml"), text).unwrap();
        std::fs::write(folder.path().join("notes.md"), "no case").unwrap();
        let all = read_all(folder.path()).unwrap();
        assert_eq!(all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["s--x"]);
        std::fs::write(folder.path().join("t--x.yaml"), text).unwrap();
        assert!(matches!(read_all(folder.path()), Err(Refused::Name { name, .. }) if name == "t--x"));
    }

    #[rstest]
    #[case("scenario: s\nbroken: ''\npatch: [{op: add, path: /azure/x, value: 1}]\nfails: [a]\n", "broken")]
    #[case("scenario: s\nbroken: b\npatch: [{op: add, path: /azure/x, value: 1}]\nfails: []\n", "fails")]
    #[case("scenario: s\nbroken: b\npatch: [{op: add, path: /azure/x, value: 1}]\nfails: [' ']\n", "fails")]
    fn a_case_says_what_is_broken_and_what_fails(#[case] text: &str, #[case] missing: &str) {
        let case: CounterCase = serde_saphyr::from_str(text).unwrap();
        assert!(matches!(make(&case, &scenario()), Err(Refused::Empty { key }) if key == missing));
    }
}
