//! From the two builds of a folder to one: upstream's values at our places.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::place;
use super::protocol::{BuildOutcome, BuildRefusal, BuildStage, BuiltObject, FluxBuildAnswer};
use crate::files::Files;
use crate::finding::{Finding, Severity};
use crate::kustomize::{self, Build, Built};
use harness_yaml::{Entry, Kind, Mark, Node};

/// The rule of whatever Flux's own code says of a build.
const RULE: &str = "flux-build";

/// The build of a folder as upstream has it, with the places that our own build knows.
pub(crate) fn reconciled(files: &Files, folder: &str, ours: Build, theirs: &FluxBuildAnswer) -> Build {
    match (theirs.outcome, &theirs.refusal) {
        (BuildOutcome::Built, _) => built(files, folder, ours, &theirs.objects),
        // The API server does not take such a Kustomization, which its schema says.
        (BuildOutcome::Refused, Some(BuildRefusal { stage: BuildStage::Request, .. })) => ours,
        (BuildOutcome::Refused, Some(refusal)) => refused(files, folder, ours, refusal),
        (BuildOutcome::OverLimit | BuildOutcome::Failed, refusal) => not_built(files, folder, ours, refusal.as_ref()),
        // What is fetched from elsewhere is said by our own engine.
        (BuildOutcome::Refused, None) | (BuildOutcome::Remote, _) => ours,
    }
}

/// Whether upstream builds objects that our own build does not have.
pub(crate) fn lacks_some(ours: &Build, theirs: &FluxBuildAnswer) -> bool {
    let known: BTreeSet<Address> = ours.objects.iter().map(|object| Address::of_node(&object.node)).collect();
    theirs.objects.iter().any(|object| !known.contains(&Address::of(&object.value)))
}

fn refused(files: &Files, folder: &str, mut ours: Build, refusal: &BuildRefusal) -> Build {
    let mut known = ours.findings.iter_mut().filter(|finding| finding.severity == Severity::Error).peekable();
    if known.peek().is_some() {
        // Once: upstream ends at the first mistake.
        let message = in_a_line(&refusal.message);
        known.take(1).for_each(|finding| finding.effect = format!("{}: {message}", finding.effect));
        return ours;
    }
    let (mark, message) = (
        place::of_refusal(files, folder, &ours, refusal),
        format!("Flux cannot build this: {}", in_a_line(&refusal.message)),
    );
    let finding = Finding::new(Severity::Error, RULE, files.path_of(mark), mark, message)
        .effect("the Kustomization is not ready (BuildFailed), and Flux applies nothing from it");
    ours.findings.push(finding);
    ours
}

/// A text of several lines as one line, with single spaces.
fn in_a_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Our own build, with a note: what ended the other one is nothing that Flux would mind.
fn not_built(files: &Files, folder: &str, mut ours: Build, refusal: Option<&BuildRefusal>) -> Build {
    let reason = refusal.map_or("it says no reason", |refusal| refusal.message.as_str());
    let mark = place::of_folder(files, folder);
    let message = format!("flux-build could not build this: {reason}");
    let note = Finding::new(Severity::Note, RULE, files.path_of(mark), mark, message)
        .effect("the built-in engine has built it; whether Flux builds the same is not known");
    ours.findings.push(note);
    ours
}

fn built(files: &Files, folder: &str, ours: Build, theirs: &[BuiltObject]) -> Build {
    let mut left: BTreeMap<Address, Vec<Built>> = BTreeMap::new();
    for object in ours.objects.iter().rev() {
        left.entry(Address::of_node(&object.node)).or_default().push(object.clone());
    }
    let mut differences = Differences::default();
    let mut objects = Vec::with_capacity(theirs.len());
    for object in theirs {
        let address = Address::of(&object.value);
        match left.get_mut(&address).and_then(Vec::pop) {
            Some(known) => {
                let mut path = vec![address.to_string()];
                let mut value = object.value.clone();
                // The program leaves out what SOPS needs to decrypt; without the keys nobody knows more of such an object.
                if let Some(sops) = known.node.get("sops").filter(|_| !object.encrypted.is_empty()) {
                    value["sops"] = sops.to_json();
                }
                // Most are the same: these keep their parts, which the documents of the files share.
                let is_ours = known.node.to_json() == value;
                let node =
                    if is_ours { known.node.clone() } else { differences.merged(&known.node, &value, &mut path) };
                objects.push(Built { file: known.file, node });
            }
            None => {
                let mark = origin(files, object).unwrap_or_else(|| place::of_folder(files, folder));
                differences.note(mark, format!("{address} is built by kustomize alone"));
                objects.push(Built { file: crate::files::index_of(mark), node: placed(&object.value, mark) });
            }
        }
    }
    for (address, objects) in left {
        if let Some(object) = objects.first() {
            differences.note(object.node.mark, format!("{address} is not built by kustomize"));
        }
    }
    // What our engine says that it leaves out is built by upstream, and what it takes for wrong is not.
    let declared = ours.is_partial();
    let holds = |finding: &Finding| finding.severity != Severity::Error && finding.rule != "kustomization-unchecked";
    let mut findings: Vec<Finding> = ours.findings.iter().filter(|finding| holds(finding)).cloned().collect();
    if !declared {
        findings.extend(differences.finding(files));
    }
    let printed = theirs.iter().filter_map(|object| object.yaml.clone()).collect();
    Build { objects, printed, findings, ..ours }
}

/// Where upstream has an object from that our engine does not build.
fn origin(files: &Files, object: &BuiltObject) -> Option<Mark> {
    let origin = object.origin.as_ref()?;
    let path = if origin.path.is_empty() { &origin.configured_in } else { &origin.path };
    let index = files.find(path)?;
    let documents = files.documents(index).ok()?;
    let kind = object.value["kind"].as_str();
    let same = documents.iter().flat_map(kustomize::listed).find(|node| Some(kustomize::kind(node)) == kind);
    Some(
        same.or(documents.first())
            .map_or(Mark { source: u32::try_from(index).unwrap_or(u32::MAX), ..Mark::START }, |node| node.mark),
    )
}

/// What kustomize calls an object by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Address {
    group: String,
    kind: String,
    namespace: String,
    name: String,
}

impl Address {
    fn of(value: &Value) -> Self {
        Self::read(|path| path.iter().try_fold(value, |value, key| value.get(key))?.as_str())
    }

    fn of_node(node: &Node) -> Self {
        Self::read(|path| node.at(path)?.text())
    }

    fn read<'v>(text: impl Fn(&[&str]) -> Option<&'v str>) -> Self {
        let text = |path: &[&str]| text(path).unwrap_or_default().to_owned();
        Self {
            group: kustomize::split_api_version(&text(&["apiVersion"])).0.to_owned(),
            kind: text(&["kind"]),
            namespace: text(&["metadata", "namespace"]),
            name: text(&["metadata", "name"]),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} `{}`", self.kind, self.name)
    }
}

/// Where the two builds differ.
#[derive(Default)]
struct Differences {
    first: Option<(Mark, String)>,
    count: usize,
}

impl Differences {
    fn note(&mut self, mark: Mark, what: String) {
        self.count += 1;
        self.first.get_or_insert((mark, what));
    }

    fn finding(self, files: &Files) -> Option<Finding> {
        let (mark, what) = self.first?;
        let more = if self.count > 1 { format!(", and {} more", self.count - 1) } else { String::new() };
        let message = format!("the built-in engine builds this differently: {what}{more}");
        let note = Finding::new(Severity::Note, "build-differs", files.path_of(mark), mark, message)
            .effect("what kustomize builds is checked; the places of findings may be approximate");
        Some(note)
    }

    /// Upstream's value with our places, where both have one.
    fn merged(&mut self, ours: &Node, theirs: &Value, path: &mut Vec<String>) -> Node {
        match (&ours.kind, theirs) {
            (Kind::Map(entries), Value::Object(map)) => {
                let mut merged = self.entries(entries, map, path);
                for entry in entries.iter().filter(|entry| !map.contains_key(&entry.key)) {
                    self.at(entry.key_mark, path, &entry.key, &entry.value.to_json(), &Value::Null);
                }
                merged.extend(map.iter().filter(|(key, _)| ours.get(key).is_none()).map(|(key, value)| {
                    self.at(ours.mark, path, key, &Value::Null, value);
                    Entry { key: key.clone(), key_mark: ours.mark, value: placed(value, ours.mark) }
                }));
                Node { kind: Kind::Map(merged.into()), mark: ours.mark, end: ours.end }
            }
            (Kind::List(items), Value::Array(values)) if items.len() == values.len() => {
                let merged = items.iter().zip(values).enumerate().map(|(index, (item, value))| {
                    path.push(index.to_string());
                    let merged = self.merged(item, value, path);
                    path.pop();
                    merged
                });
                Node { kind: Kind::List(merged.collect()), mark: ours.mark, end: ours.end }
            }
            (_, theirs) => {
                let value = ours.to_json();
                if is_same(&value, theirs) {
                    return ours.clone();
                }
                self.differs(ours.mark, path, &value, theirs);
                placed(theirs, ours.mark)
            }
        }
    }

    /// The entries that both have.
    fn entries(&mut self, entries: &[Entry], map: &Map<String, Value>, path: &mut Vec<String>) -> Vec<Entry> {
        let mut merged = Vec::with_capacity(entries.len());
        for entry in entries {
            let Some(value) = map.get(&entry.key) else { continue };
            path.push(entry.key.clone());
            let value = self.merged(&entry.value, value, path);
            path.pop();
            merged.push(Entry { key: entry.key.clone(), key_mark: entry.key_mark, value });
        }
        merged
    }

    fn at(&mut self, mark: Mark, path: &mut Vec<String>, key: &str, ours: &Value, theirs: &Value) {
        // An empty field and one that is not there are the same to the API server.
        let is_nothing = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
        if is_nothing(ours) && is_nothing(theirs) {
            return;
        }
        path.push(key.to_owned());
        self.differs(mark, path, ours, theirs);
        path.pop();
    }

    fn differs(&mut self, mark: Mark, path: &[String], ours: &Value, theirs: &Value) {
        let Some((object, fields)) = path.split_first() else { return };
        let is_secret =
            object.starts_with("Secret ") && fields.first().is_some_and(|it| it == "data" || it == "stringData");
        if is_secret && theirs.as_str() == Some(MASKED) {
            return;
        }
        // kustomize writes long texts anew and may add a blank line to one that was folded, which nobody needs to know.
        let words = |value: &Value| value.as_str().map(in_a_line);
        if words(ours).is_some_and(|ours| words(theirs) == Some(ours)) {
            return;
        }
        if is_secret {
            self.note(mark, format!("{} of {object} is not what kustomize makes of it", fields.join(".")));
            return;
        }
        let (here, there) = (text_of(ours), text_of(theirs));
        let same = here.chars().zip(there.chars()).take_while(|(a, b)| a == b).count();
        let shown = |value: &Value, text: &str| match value {
            Value::Null => "nothing".to_owned(),
            _ => format!("`{}`", excerpt(text, same)),
        };
        let what = format!(
            "{} of {object} is {} here, and kustomize makes it {}",
            fields.join("."),
            shown(ours, &here),
            shown(theirs, &there)
        );
        self.note(mark, what);
    }
}

/// What the program has in place of the data of a Secret that only SOPS can decrypt: `**SOPS**`, as kustomize-controller.
const MASKED: &str = "KipTT1BTKio=";

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A text, or the part of a long one that has its character at `at` near its start, in one line.
fn excerpt(text: &str, at: usize) -> String {
    const CHARACTERS_MAX: usize = 60;
    const BEFORE: usize = 10;
    let count = text.chars().count();
    let first = if count <= CHARACTERS_MAX { 0 } else { at.saturating_sub(BEFORE) };
    let part: String = text.chars().skip(first).take(CHARACTERS_MAX).collect();
    let (start, end) = (if first > 0 { "…" } else { "" }, if first + CHARACTERS_MAX < count { "…" } else { "" });
    format!("{start}{}{end}", part.replace('\n', "\\n"))
}

/// Numbers are the same where their values are.
fn is_same(a: &Value, b: &Value) -> bool {
    a == b || a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| (a - b).abs() <= f64::EPSILON * a.abs())
}

/// A value whose every part is at one place.
fn placed(value: &Value, mark: Mark) -> Node {
    let kind = match value {
        Value::Null => Kind::Null,
        Value::Bool(value) => Kind::Bool(*value),
        Value::Number(number) => Kind::Number(number.as_f64().unwrap_or_default(), number.to_string()),
        Value::String(text) => Kind::Text(text.clone()),
        Value::Array(items) => Kind::List(items.iter().map(|item| placed(item, mark)).collect()),
        Value::Object(map) => Kind::Map(
            map.iter()
                .map(|(key, value)| Entry { key: key.clone(), key_mark: mark, value: placed(value, mark) })
                .collect(),
        ),
    };
    Node { kind, mark, end: mark.offset + mark.length }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_file::SourceFile;
    use rstest::rstest;
    use serde_json::json;

    const POOL: &str =
        "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: a}\nspec:\n  weight: 7\n  list: [x, y]\n";

    fn ours(files: &Files) -> Build {
        let node = files.documents(0).unwrap()[0].clone();
        Build { objects: vec![Built { file: 0, node }], ..Build::default() }
    }

    fn theirs(value: Value) -> FluxBuildAnswer {
        let object = BuiltObject {
            value,
            yaml: None,
            origin: None,
            unresolved: Vec::new(),
            defaulted: Vec::new(),
            encrypted: Vec::new(),
        };
        FluxBuildAnswer {
            outcome: BuildOutcome::Built,
            objects: vec![object],
            refusal: None,
            remotes: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn pool(spec: Value) -> Value {
        json!({"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "a"}, "spec": spec})
    }

    #[rstest]
    #[case(json!({"weight": 7, "list": ["x", "y"]}), None)]
    #[case(json!({"weight": 9, "list": ["x", "y"]}), Some("spec.weight of NodePool `a` is `7` here, and kustomize makes it `9`"))]
    #[case(json!({"weight": 7, "list": ["x"]}), Some("spec.list of NodePool `a` is `[\"x\",\"y\"]` here"))]
    #[case(json!({"weight": 7}), Some("and kustomize makes it nothing"))]
    #[case(json!({"weight": 7, "list": ["x", "y"], "limits": {"cpu": 1}, "more": 2}), Some("limits of NodePool `a` is nothing here, and kustomize makes it `{\"cpu\":1}`, and 1 more"))]
    fn upstream_decides_and_both_are_said(#[case] spec: Value, #[case] said: Option<&str>) {
        let files = Files::from(vec![SourceFile::new("a.yaml", POOL)]);
        let build = reconciled(&files, "", ours(&files), &theirs(pool(spec.clone())));
        assert_eq!(build.objects[0].node.to_json(), pool(spec));
        // What both have keeps its place.
        assert_eq!(build.objects[0].node.at(&["spec", "weight"]).unwrap().mark.line, 5);
        match (said, build.findings.first()) {
            (None, None) => {}
            (Some(said), Some(finding)) => assert!(finding.message.contains(said), "{finding}"),
            (said, finding) => panic!("{said:?} {finding:?}"),
        }
    }

    /// Before, each object was made anew, and had no part in common with the document that it is from.
    #[test]
    fn what_both_build_alike_keeps_its_parts() {
        let files = Files::from(vec![SourceFile::new("a.yaml", POOL)]);
        let build = reconciled(&files, "", ours(&files), &theirs(pool(json!({"weight": 7, "list": ["x", "y"]}))));
        assert_eq!(build.objects[0].node.entries().as_ptr(), files.documents(0).unwrap()[0].entries().as_ptr());
    }

    #[test]
    fn what_upstream_builds_is_no_error_and_what_it_refuses_is_one() {
        let files = Files::from(vec![SourceFile::new("a.yaml", POOL)]);
        let error =
            || Finding::new(Severity::Error, "kustomization-patches", "a.yaml", Mark::START, "no").effect("why");
        let wrong = Build { findings: vec![error()], ..ours(&files) };
        let spec = json!({"weight": 7, "list": ["x", "y"]});
        assert_eq!(reconciled(&files, "", wrong.clone(), &theirs(pool(spec.clone()))).findings, []);
        let refusal = BuildRefusal { stage: BuildStage::Build, message: "because".to_owned() };
        let answer = FluxBuildAnswer { outcome: BuildOutcome::Refused, refusal: Some(refusal), ..theirs(pool(spec)) };
        assert_eq!(reconciled(&files, "", wrong, &answer).findings[0].effect, "why: because");
        let finding = reconciled(&files, "", ours(&files), &answer).findings.remove(0);
        assert_eq!((finding.rule, finding.severity), ("flux-build", Severity::Error));
        assert!(finding.message.contains("because"), "{finding}");
    }
}
