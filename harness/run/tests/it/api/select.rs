//! Label and field selectors.

use serde_json::Value;

/// Both selectors of a list or watch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selectors {
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
}

#[derive(Clone, Debug)]
struct Requirement {
    key: String,
    is: Is,
}

#[derive(Clone, Debug)]
enum Is {
    In(Vec<String>),
    NotIn(Vec<String>),
    There,
    Absent,
}

impl Requirement {
    fn parse(text: &str) -> Self {
        let values = |text: &str| text.split(',').map(|value| value.trim().to_owned()).collect::<Vec<_>>();
        let inner = |text: &str| values(text.trim().trim_start_matches('(').trim_end_matches(')'));
        let of = |key: &str, is| Self { key: key.trim().to_owned(), is };
        if let Some((key, list)) = text.split_once(" notin ") {
            return of(key, Is::NotIn(inner(list)));
        }
        if let Some((key, list)) = text.split_once(" in ") {
            return of(key, Is::In(inner(list)));
        }
        if let Some((key, value)) = text.split_once("!=") {
            return of(key, Is::NotIn(values(value)));
        }
        if let Some((key, value)) = text.split_once('=') {
            return of(key, Is::In(values(value.trim_start_matches('='))));
        }
        match text.trim().strip_prefix('!') {
            Some(key) => of(key, Is::Absent),
            None => of(text, Is::There),
        }
    }

    fn holds(&self, value: Option<&str>) -> bool {
        match &self.is {
            Is::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            Is::NotIn(values) => value.is_none_or(|value| values.iter().all(|one| one != value)),
            Is::There => value.is_some(),
            Is::Absent => value.is_none(),
        }
    }
}

/// Splits at the commas that are not inside brackets.
fn requirements(text: &str) -> Vec<Requirement> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    parts.iter().filter(|part| !part.trim().is_empty()).map(|part| Requirement::parse(part)).collect()
}

impl Selectors {
    pub(crate) fn parse(labels: &str, fields: &str) -> Self {
        Self { labels: requirements(labels), fields: requirements(fields) }
    }

    pub(crate) fn of_labels(labels: &str) -> Self {
        Self::parse(labels, "")
    }

    pub(crate) fn match_object(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        let by_labels = self.labels.iter().all(|one| one.holds(labels[&one.key].as_str()));
        by_labels && self.fields.iter().all(|one| one.holds(field(object, &one.key)))
    }
}

/// A field that is not there counts as empty, as in the API server's field sets.
fn field<'a>(object: &'a Value, path: &str) -> Option<&'a str> {
    let value = path.split('.').fold(object, |value, part| &value[part]);
    Some(value.as_str().unwrap_or_default())
}

#[test]
fn selectors_as_the_api_server_reads_them() {
    let object =
        serde_json::json!({"metadata": {"name": "a", "labels": {"pool": "web", "run": "r1"}}, "type": "Warning"});
    let labels = |text: &str| Selectors::of_labels(text).match_object(&object);
    assert!(labels("") && labels("run=r1") && labels("run==r1,pool in (web, batch)") && labels("pool,!zone"));
    assert!(!labels("run=r2") && !labels("pool in (batch)") && !labels("zone") && !labels("pool notin (web)"));
    assert!(labels("zone!=1") && labels("zone notin (1)"));
    let fields = |text: &str| Selectors::parse("", text).match_object(&object);
    assert!(fields("metadata.name=a,type!=Normal") && !fields("type=Normal,reason=x") && fields("spec.nodeName="));
}
