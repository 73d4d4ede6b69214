//! Edits of the tree, one after another, and what is wrong after them: said where the scenario asks for it, not in the files that it changes.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::scenario::Scenario;
use harness_plan::{ObjectRef, TreeEdit};
use harness_tree::{
    AmendError, Finding, NodeConfigTree, Severity, SkuFact, SourceFile, TreeReading, amend, values_are_sold,
};
use harness_yaml::{self as yaml, Diagnostic, Kind, Mark, Node, Problem};

/// Edits that are made together, with their places in the scenario.
pub(super) struct Edits<'a> {
    scenario: &'a Scenario,
    /// The value that all paths start from.
    from: Mark,
    /// To whatever asks for the edits.
    asked: Vec<String>,
    /// Each with the path to it.
    list: Vec<(Vec<String>, TreeEdit)>,
}

/// The action that patches an object in the cluster.
const BY_HAND: &str = "change";

/// What is wrong with a tree after edits.
pub(super) struct Complaint {
    pub(super) diagnostic: Diagnostic,
    /// Whether Flux reports it: then a scenario can want it.
    pub(super) shows: bool,
}

impl<'a> Edits<'a> {
    /// What a scenario changes before the tree is applied.
    pub(super) fn before_the_run(scenario: &'a Scenario) -> Self {
        let edits = scenario.amendments().iter().enumerate();
        Self {
            scenario,
            from: scenario.top(),
            asked: path(&["amend"]),
            list: edits.map(|(index, edit)| (path(&["amend", &index.to_string()]), edit.clone())).collect(),
        }
    }

    /// What an action pushes. `written` of the edits stand under `edits`, the others under `addMany`.
    pub(super) fn of_action(
        scenario: &'a Scenario,
        action: Mark,
        key: &str,
        edits: &[TreeEdit],
        written: usize,
    ) -> Self {
        let place = |index: usize| match index.checked_sub(written) {
            None => path(&[key, "edits", &index.to_string()]),
            Some(index) => path(&[key, "addMany", &index.to_string()]),
        };
        let list = edits.iter().enumerate().map(|(index, edit)| (place(index), edit.clone())).collect();
        Self { scenario, from: action, asked: path(&[key]), list }
    }

    /// A patch of an object in the cluster, as if it were one of the tree.
    pub(super) fn by_hand(scenario: &'a Scenario, action: Mark, object: ObjectRef, patch: Value) -> Self {
        let asked = path(&[BY_HAND]);
        Self { scenario, from: action, list: vec![(asked.clone(), TreeEdit::Merge { object, patch })], asked }
    }

    /// Makes them. `tree` is what the files are before.
    pub(super) fn make(&self, files: &[SourceFile], tree: &NodeConfigTree) -> Result<Vec<SourceFile>, Diagnostic> {
        let mut files = files.to_vec();
        for (at, edit) in &self.list {
            files = amend(&files, std::slice::from_ref(edit)).map_err(|error| {
                let problem = misfit(edit, &error, &files, tree);
                let problem = at.iter().rev().cloned().fold(problem, Problem::under);
                self.error(&problem.path, false, problem.message, problem.hint)
            })?;
        }
        Ok(files)
    }

    /// What was not wrong before them.
    pub(super) fn complaints(&self, before: &TreeReading, after: &TreeReading, skus: &[SkuFact]) -> Vec<Complaint> {
        let known: BTreeSet<Wrong> = wrongs(&before.tree, skus).into_iter().collect();
        let news = wrongs(&after.tree, skus).into_iter().filter(|wrong| !known.contains(wrong));
        news.map(|wrong| {
            let (at, is_key) = self.cause(&wrong);
            let diagnostic = self.error(&at, is_key, wrong.message, wrong.hint);
            Complaint { diagnostic, shows: wrong.shows }
        })
        .collect()
    }

    pub(super) fn error(&self, at: &[String], is_key: bool, message: String, hint: String) -> Diagnostic {
        let mark = self.scenario.mark_at(self.from, at, is_key);
        Diagnostic::new(self.scenario.file(), mark, message).with_hint(hint)
    }

    /// The same for all of them.
    pub(super) fn error_of_all(&self, message: String, hint: String) -> Diagnostic {
        self.error(&self.asked, true, message, hint)
    }

    /// The path to what has brought it, as far as an edit says it: that one which says the most of the field.
    fn cause(&self, wrong: &Wrong) -> (Vec<String>, bool) {
        let said = self.list.iter().filter_map(|(at, edit)| says(at, edit, wrong));
        match said.max_by_key(|said| said.depth) {
            Some(said) => (said.path, wrong.is_key),
            None => (self.asked.clone(), true),
        }
    }
}

fn path(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

/// Something that is wrong with an object of a tree. Two trees are compared by these, so that they have no places.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Wrong {
    /// The file, where no object can be read there.
    file: String,
    kind: String,
    name: String,
    /// To the field.
    path: Vec<String>,
    is_key: bool,
    message: String,
    hint: String,
    shows: bool,
}

fn wrongs(tree: &NodeConfigTree, skus: &[SkuFact]) -> Vec<Wrong> {
    let errors = tree.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let mut found: Vec<Wrong> = errors.map(|finding| wrong(finding, &tree.files)).collect();
    for pool in &tree.pools {
        let unsold = values_are_sold(pool, skus).into_iter().map(|problem| Wrong {
            file: String::new(),
            kind: "NodePool".to_owned(),
            name: pool.name.clone(),
            path: problem.path,
            is_key: false,
            message: problem.message,
            hint: problem.hint,
            // Flux takes it, and so does the controller.
            shows: false,
        });
        found.extend(unsold);
    }
    found
}

fn wrong(finding: &Finding, files: &[SourceFile]) -> Wrong {
    let hint = finding.fix.clone().unwrap_or_else(|| finding.effect.clone());
    let unread = Wrong {
        file: finding.file.clone(),
        kind: String::new(),
        name: String::new(),
        path: Vec::new(),
        is_key: false,
        message: finding.message.clone(),
        hint,
        shows: true,
    };
    let mark =
        Mark { line: finding.line, column: finding.column, offset: finding.offset, length: finding.length, source: 0 };
    let text = files.iter().find(|file| file.path == finding.file).map_or("", |file| file.text.as_str());
    let documents = yaml::documents(text).unwrap_or_default();
    let place = documents.iter().flat_map(objects).find_map(|object| Some((object, path_to(object, mark)?)));
    let Some((object, (path, is_key))) = place else { return unread };
    Wrong { file: String::new(), kind: text_at(object, &["kind"]), name: name_of(object), path, is_key, ..unread }
}

/// The objects of a document: those of a list, or the document itself.
fn objects(document: &Node) -> &[Node] {
    match document.items_at(&["items"]) {
        [] => std::slice::from_ref(document),
        items => items,
    }
}

fn text_at(node: &Node, path: &[&str]) -> String {
    node.at(path).and_then(Node::scalar).unwrap_or_default()
}

fn name_of(object: &Node) -> String {
    text_at(object, &["metadata", "name"])
}

/// The path to the value or key that stands at a place, and whether it is a key.
fn path_to(node: &Node, mark: Mark) -> Option<(Vec<String>, bool)> {
    let below = |key: String, node: &Node| {
        let (mut path, is_key) = path_to(node, mark)?;
        path.insert(0, key);
        Some((path, is_key))
    };
    let found = match &node.kind {
        Kind::List(items) => items.iter().enumerate().find_map(|(index, item)| below(index.to_string(), item)),
        Kind::Map(entries) => entries.iter().find_map(|entry| match entry.key_mark == mark {
            true => Some((vec![entry.key.clone()], true)),
            false => below(entry.key.clone(), &entry.value),
        }),
        Kind::Null | Kind::Bool(_) | Kind::Number(..) | Kind::Text(_) => None,
    };
    found.or_else(|| (node.mark == mark).then(|| (Vec::new(), false)))
}

/// How much an edit says of a field.
struct Said {
    path: Vec<String>,
    depth: usize,
}

/// What an edit says of what is wrong; `None` where it is about something else.
fn says(at: &[String], edit: &TreeEdit, wrong: &Wrong) -> Option<Said> {
    let within = |keys: &[&str], value: &Value| {
        let inner = at.iter().cloned().chain(path(keys)).chain(wrong.path.iter().cloned());
        Some(Said { path: inner.collect(), depth: depth(value, &wrong.path) })
    };
    let is_it = |object: &Value| {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str);
        text("/kind") == Some(&wrong.kind) && text("/metadata/name") == Some(&wrong.name)
    };
    match edit {
        TreeEdit::Merge { object, patch } if is_meant(object, wrong) => match at {
            [action] if action == BY_HAND => within(&["patch"], patch),
            _ => within(&["merge", "patch"], patch),
        },
        TreeEdit::Add { object, .. } if is_it(object) => within(&["add", "object"], object),
        TreeEdit::AddMany { object, .. } if edit.added().iter().any(is_it) => {
            match at.iter().any(|key| key == "addMany") {
                true => within(&["object"], object),
                false => within(&["addMany", "object"], object),
            }
        }
        TreeEdit::AddText { file, text, .. } => {
            let documents = yaml::documents(text).unwrap_or_default();
            let mut held = documents.iter().flat_map(objects);
            let holds_it = held.any(|object| text_at(object, &["kind"]) == wrong.kind && name_of(object) == wrong.name);
            let is_file = wrong.file.rsplit('/').next() == Some(file);
            let path = at.iter().cloned().chain(path(&["addText", "text"])).collect();
            (holds_it || is_file).then_some(Said { path, depth: wrong.path.len() })
        }
        TreeEdit::Merge { .. } | TreeEdit::Add { .. } | TreeEdit::AddMany { .. } | TreeEdit::Remove { .. } => None,
    }
}

fn is_meant(object: &ObjectRef, wrong: &Wrong) -> bool {
    object.kind == wrong.kind && object.name.as_ref().is_none_or(|name| *name == wrong.name)
}

/// How many steps of a path a value has.
fn depth(value: &Value, path: &[String]) -> usize {
    let Some((key, rest)) = path.split_first() else { return 0 };
    let next = match value {
        Value::Array(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
        other => other.get(key),
    };
    next.map_or(0, |next| 1 + depth(next, rest))
}

/// Why an edit does not fit the tree, with the path from the edit.
fn misfit(edit: &TreeEdit, error: &AmendError, files: &[SourceFile], tree: &NodeConfigTree) -> Problem {
    let (key, message) = (edit.as_str(), error.to_string());
    match (error, edit) {
        (AmendError::NoObject { .. }, TreeEdit::Merge { object, .. } | TreeEdit::Remove { object }) => {
            let names: BTreeSet<&str> = tree.objects_of(&object.kind).collect();
            match &object.name {
                Some(name) if !names.is_empty() => {
                    let message = format!("there is no {} `{name}` in the tree `{}`", object.kind, tree.source);
                    Problem::unknown(&[key, "object", "name"], message, name, names)
                }
                _ => {
                    let kinds: BTreeSet<&str> = tree.objects.iter().map(|object| object.kind.as_str()).collect();
                    let message = format!("there is no {} in the tree `{}`", object.kind, tree.source);
                    Problem::unknown(&[key, "object", "kind"], message, &object.kind, kinds)
                }
            }
        }
        (AmendError::NoFolder { folder, .. }, _) => {
            let folders: BTreeSet<&str> = files.iter().filter_map(|file| Some(file.path.rsplit_once('/')?.0)).collect();
            let message = format!("there is no folder `{folder}` in the tree `{}`", tree.source);
            Problem::unknown(&[key, "folder"], message, folder, folders)
        }
        (AmendError::Exists { .. }, _) => Problem::new(&[key], message, "change what is there: `merge`"),
        (AmendError::FileName { .. }, _) => Problem::new(&[key, "file"], message, "name it `broken.yaml`, say"),
        (AmendError::Nameless { .. }, _) => Problem::new(&[key, "object"], message, "give it both"),
        (AmendError::Syntax { .. } | AmendError::NoObject { .. }, _) => {
            Problem::new(&[key], message, "an earlier edit has made it unreadable: let this one come before it")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_place_in_a_file_is_a_path_in_an_object() {
        let text = "kind: List\nitems:\n- kind: NodePool\n  metadata: {name: a}\n  spec:\n    limit: {cpu: 4}\n";
        let document = yaml::documents(text).unwrap().remove(0);
        let object = &objects(&document)[0];
        let entry = object.get("spec").and_then(|spec| spec.entry("limit")).unwrap();
        assert_eq!(path_to(object, entry.key_mark), Some((path(&["spec", "limit"]), true)));
        let value = entry.value.get("cpu").unwrap();
        assert_eq!(path_to(object, value.mark), Some((path(&["spec", "limit", "cpu"]), false)));
        assert_eq!(path_to(object, Mark::START), None);
    }

    #[test]
    fn a_patch_is_as_deep_as_it_has_the_path() {
        let patch = json!({"spec": {"budgets": [{"nodes": 1}]}});
        assert_eq!(depth(&patch, &path(&["spec", "budgets", "0", "nodes"])), 4);
        assert_eq!(depth(&patch, &path(&["spec", "budgets", "1", "nodes"])), 2);
        assert_eq!(depth(&patch, &path(&["metadata"])), 0);
    }
}
