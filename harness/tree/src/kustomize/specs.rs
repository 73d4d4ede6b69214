//! Field specs: where in which kinds a transformer writes.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::order;
use super::resource::Id;
use harness_yaml::{Kind, Mark, Node};

/// The specs of kustomize itself as text; the text says how.
const SPECS: &str = include_str!("data/field_specs.txt");

/// Group, version and kind; what is empty does not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
}

impl Selected {
    pub(super) fn selects(&self, id: &Id) -> bool {
        id.is_of(&self.group, &self.version, &self.kind)
    }

    fn of(node: &Node) -> Self {
        let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default().to_owned();
        Self { group: text("group"), version: text("version"), kind: text("kind") }
    }

    /// Source: `IsLessThan` of kyaml/resid/gvk.go.
    fn sort_key(&self) -> (i32, String) {
        let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
        let text = [or(&self.group, "~G"), or(&self.version, "~V"), or(&self.kind, "~K")].join("_");
        (order::place_of(&self.kind), text)
    }

    /// `Kind:version@group`, or `*`.
    fn parse(text: &str) -> Self {
        let (text, group) = text.split_once('@').unwrap_or((text, ""));
        let (kind, version) = text.split_once(':').unwrap_or((text, ""));
        let kind = if kind == "*" { "" } else { kind };
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }
}

/// A place in the objects of a kind. Source: `FieldSpec` of kustomize api/types/fieldspec.go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldSpec {
    pub(super) of: Selected,
    pub(super) path: Vec<String>,
    /// Whether it is made where it is missing.
    pub(super) create: bool,
}

impl FieldSpec {
    /// A place in objects of every kind, which is made where it is missing.
    pub(super) fn everywhere(path: &str) -> Self {
        Self { of: Selected::default(), path: split(path, '/'), create: true }
    }

    /// As kustomizations and their configurations write it.
    pub(super) fn of(node: &Node) -> Self {
        let create = matches!(node.get("create").map(|create| &create.kind), Some(Kind::Bool(true)));
        let path = node.get("path").and_then(Node::text).unwrap_or_default();
        Self { of: Selected::of(node), path: split(path, '/'), create }
    }
}

/// The parts of a path; `\` before the sign keeps it. Source: `PathSplitter` of kyaml/utils.
pub(super) fn split(path: &str, sign: char) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in path.strip_prefix(sign).unwrap_or(path).split(sign) {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(sign);
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts
}

/// Where each transformer writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Config {
    sections: BTreeMap<String, Vec<FieldSpec>>,
    /// Kinds, each with the places that hold the name of an object of it.
    pub(super) references: Vec<(Selected, Vec<FieldSpec>)>,
}

impl Config {
    /// That of kustomize itself.
    pub(super) fn built_in() -> &'static Self {
        static BUILT_IN: OnceLock<Config> = OnceLock::new();
        BUILT_IN.get_or_init(|| {
            let mut config = Self::default();
            let mut specs: Vec<FieldSpec> = Vec::new();
            let mut section = "";
            for line in SPECS.lines().filter(|line| !line.starts_with('#')).chain(["["]) {
                if let Some(next) = line.strip_prefix('[') {
                    config.put(section, std::mem::take(&mut specs));
                    section = next.trim_end_matches(']');
                    continue;
                }
                let mut words = line.split(' ');
                let Some(path) = words.next().filter(|path| !path.is_empty()) else { continue };
                let create = path.starts_with('+');
                let path = split(&path[1..], '/');
                specs.extend(words.map(|kind| FieldSpec { of: Selected::parse(kind), path: path.clone(), create }));
            }
            config
        })
    }

    fn put(&mut self, section: &str, specs: Vec<FieldSpec>) {
        match section.strip_prefix("name ") {
            Some(kind) => self.references.push((Selected::parse(kind), specs)),
            None => drop(self.sections.insert(section.to_owned(), specs)),
        }
    }

    pub(super) fn section(&self, name: &str) -> &[FieldSpec] {
        self.sections.get(name).map_or(&[], Vec::as_slice)
    }

    /// What files of `configurations` say, with kustomize's own.
    pub(super) fn with(documents: &[Node]) -> Self {
        let mut own = Self::default();
        documents.iter().for_each(|document| own.add(document));
        let mut config = Self::built_in().clone();
        config.merge(&own);
        // kustomize merges what is sorted once more, by which a place in every kind is dropped behind one in a single kind.
        let mut merged = Self::default();
        merged.merge(&config);
        merged
    }

    /// Adds what a file of `configurations` says. Source: `TransformerConfig` of api/internal/plugins/builtinconfig.
    fn add(&mut self, document: &Node) {
        for entry in document.entries() {
            if entry.key != "nameReference" {
                let known = self.sections.entry(entry.key.clone()).or_default();
                merge(known, entry.value.items().iter().map(FieldSpec::of));
                continue;
            }
            for item in entry.value.items() {
                let specs = item.items_at(&["fieldSpecs"]).iter().map(FieldSpec::of);
                self.refer(Selected::of(item), specs);
            }
        }
    }

    fn refer(&mut self, kind: Selected, specs: impl Iterator<Item = FieldSpec>) {
        match self.references.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, known)) => merge(known, specs),
            None => self.references.push((kind, specs.collect())),
        }
    }

    /// Adds another one, as that of a base.
    pub(super) fn merge(&mut self, other: &Self) {
        for (section, specs) in &other.sections {
            merge(self.sections.entry(section.clone()).or_default(), specs.iter().cloned());
        }
        for (kind, specs) in &other.references {
            self.refer(kind.clone(), specs.iter().cloned());
        }
        self.sections.values_mut().for_each(|specs| specs.sort_by_cached_key(|spec| spec.of.sort_key()));
        self.references.sort_by_cached_key(|(kind, _)| kind.sort_key());
    }
}

/// Adds specs that are not there yet. Source: `FsSlice.MergeAll`.
pub(super) fn merge(known: &mut Vec<FieldSpec>, more: impl Iterator<Item = FieldSpec>) {
    for spec in more {
        let covers = |have: &FieldSpec| {
            let meets = |own: &str, asked: &str| asked.is_empty() || own == asked;
            have.path == spec.path
                && meets(&have.of.group, &spec.of.group)
                && meets(&have.of.version, &spec.of.version)
                && meets(&have.of.kind, &spec.of.kind)
        };
        if !known.iter().any(covers) {
            known.push(spec);
        }
    }
}

/// What is made where a path ends in nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Create {
    Nothing,
    Map,
    Scalar,
}

type Set<'f> = dyn FnMut(&mut Node) -> Result<(), String> + 'f;

/// Calls `set` with each value at the path of a spec, if it is for objects of this kind. What is made has the place `mark`.
/// Source: api/filters/fieldspec/fieldspec.go.
///
/// # Errors
/// The path leads through a plain value, or `set` fails.
pub(super) fn visit(
    object: &mut Node,
    id: &Id,
    spec: &FieldSpec,
    create: Create,
    mark: Mark,
    set: &mut Set<'_>,
) -> Result<(), String> {
    if !spec.of.selects(id) {
        return Ok(());
    }
    let create = if spec.create { create } else { Create::Nothing };
    walk(object, &spec.path, create, mark, set)
        .map_err(|error| format!("{error}, at `{}` of {id}", spec.path.join("/")))
}

fn walk(node: &mut Node, path: &[String], create: Create, mark: Mark, set: &mut Set<'_>) -> Result<(), String> {
    let Some((first, rest)) = path.split_first() else { return set(node) };
    match &mut node.kind {
        Kind::Null => Ok(()),
        Kind::List(items) => items.iter_mut().try_for_each(|item| walk(item, path, create, mark, set)),
        Kind::Map(_) => {
            let (name, is_list) = first.strip_suffix("[]").map_or((first.as_str(), false), |name| (name, true));
            let made = match create {
                _ if is_list => None,
                Create::Nothing => None,
                Create::Scalar if rest.is_empty() => Some(Node::of_text("", mark)),
                Create::Scalar | Create::Map => Some(Node::empty_map(mark)),
            };
            match node.get(name).map(|value| &value.kind) {
                Some(Kind::Null) | None => match made {
                    Some(made) => node.put(name, made),
                    None => return Ok(()),
                },
                Some(_) => {}
            }
            node.get_mut(name).map_or(Ok(()), |value| walk(value, rest, create, mark, set))
        }
        _ => Err(format!("a map or a list is expected instead of {}", node.describe())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> Node {
        harness_yaml::documents(text).unwrap().remove(0)
    }

    #[test]
    fn the_text_is_read() {
        let config = Config::built_in();
        assert_eq!(config.section("images").len(), 6);
        assert!(config.section("commonLabels").iter().any(|spec| spec.of.kind == "NetworkPolicy" && !spec.create));
        let (kind, specs) = config.references.iter().find(|(kind, _)| kind.kind == "ConfigMap").unwrap();
        assert_eq!(kind.version, "v1");
        let escaped = ["metadata", "annotations", "nginx.ingress.kubernetes.io/fastcgi-params-configmap"];
        assert!(specs.iter().any(|spec| spec.path == escaped));
    }

    #[test]
    fn a_path_goes_through_lists_and_makes_what_is_missing() {
        let mut object = node("{kind: A, spec: {items: [{x: 1}, {x: 2}]}}");
        let id = Id::of(&object);
        let mut seen = Vec::new();
        let spec = FieldSpec { create: false, ..FieldSpec::everywhere("spec/items/x") };
        visit(&mut object, &id, &spec, Create::Scalar, Mark::START, &mut |value| {
            seen.extend(value.scalar());
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, ["1", "2"]);
        let mut put = |map: &mut Node| {
            map.put("k", Node::of_text("v", Mark::START));
            Ok(())
        };
        let labels = FieldSpec::everywhere("metadata/labels");
        visit(&mut object, &id, &labels, Create::Map, Mark::START, &mut put).unwrap();
        assert_eq!(object.at(&["metadata", "labels", "k"]).and_then(Node::text), Some("v"));
        let through_a_number = FieldSpec::everywhere("spec/items/x/y");
        assert!(visit(&mut object, &id, &through_a_number, Create::Map, Mark::START, &mut put).is_err());
    }
}
