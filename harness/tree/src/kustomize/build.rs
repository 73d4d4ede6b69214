//! The build of a folder: resources, generators, components, then what changes them, in kustomize's order.
//!
//! Source: api/internal/target, kusttarget.go and kusttarget_configplugin.go.

use std::collections::HashSet;

use super::accumulator::{self, Accumulator};
use super::builder::{Build, Builder, Built, By, OPENED_MAX, Place};
use super::finish::finish;
use super::paths::NAMES;
use super::resource::{self, Resource, kind, listed};
use super::{extensions, fields, flux, folder_of, generate, is_kustomization, is_yaml, kustomization_in, steps};
use crate::files::Files;
use crate::finding::{Finding, Severity};
use harness_yaml::{Kind, Mark, Node};

const RESOURCES: &str = "kustomization-resources";
const COMPONENTS: &str = "kustomization-components";
const FIELDS: &str = "kustomization-fields";

/// Builds a folder as Flux would; the empty text is the top of the tree.
pub(crate) fn build(files: &Files, folder: &str) -> Build {
    build_for(files, folder, None)
}

/// Builds a folder as Flux would for a Kustomization with this `spec`.
pub(crate) fn build_for(files: &Files, folder: &str, spec: Option<&Node>) -> Build {
    let mut builder = Builder::new(files);
    let objects = builder.applied(folder, spec);
    builder.finish(objects)
}

/// What a kustomization is named as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Outermost,
    Base,
    Component,
}

impl Builder<'_> {
    /// The objects of a folder, as the `spec` of a Flux Kustomization makes them.
    pub(super) fn applied(&mut self, folder: &str, spec: Option<&Node>) -> Vec<Built> {
        let files = self.files;
        let built = match kustomization_in(files, folder).filter(|path| self.index_of(path).is_some()) {
            Some(path) => self.folder(path, Role::Outermost, spec, Accumulator::default()),
            None if self.by == By::Flux => self.without_kustomization(folder, spec),
            None => {
                self.report(RESOURCES, Mark::START, format!("there is no kustomization in `{folder}`"), "add one");
                Accumulator::default()
            }
        };
        let mut objects = finish(self, built);
        if let Some(spec) = spec {
            super::substitute::after_build(self, spec, &mut objects);
        }
        objects
    }

    /// Where a folder has no kustomization, kustomize-controller writes one of all manifests below it; a folder that has one is taken as that says.
    /// Source: `scanManifests` of fluxcd/pkg/kustomize/kustomize_generator.go.
    fn without_kustomization(&mut self, folder: &str, spec: Option<&Node>) -> Accumulator {
        let files = self.files;
        let mut paths: Vec<(usize, &str)> = files
            .below(folder)
            .map(|index| (index, files.path(index)))
            .filter(|(_, path)| is_yaml(path) || is_kustomization(path))
            .filter(|(_, path)| self.index_of(path).is_some())
            .collect();
        paths.sort_by(|(_, a), (_, b)| a.split('/').cmp(b.split('/')));
        let inner: Vec<&str> =
            paths.iter().filter(|(_, path)| is_kustomization(path)).map(|(_, path)| folder_of(path)).collect();
        let is_below = |path: &str, top: &str| path.strip_prefix(top).is_some_and(|rest| rest.starts_with('/'));
        let mut resources = Vec::new();
        let mut known = HashSet::new();
        for (index, path) in &paths {
            let top = inner.iter().filter(|top| is_below(path, top)).min_by_key(|top| top.len());
            let named = top.copied().unwrap_or(path);
            let relative = named.strip_prefix(folder).unwrap_or(named).trim_start_matches('/');
            let mark = Mark { source: u32::try_from(*index).unwrap_or(u32::MAX), ..Mark::START };
            if known.insert(relative) {
                resources.push(Node::of_text(relative, mark));
            }
        }
        let mark = resources.first().map_or(Mark::START, |first| first.mark);
        self.say_that_it_is_missing(folder, mark, resources.is_empty());
        let mut document = Node::empty_map(mark);
        document.put("resources", Node { kind: Kind::List(resources.into()), ..Node::empty_map(mark) });
        let path = if folder.is_empty() { NAMES[0].to_owned() } else { format!("{folder}/{}", NAMES[0]) };
        self.open.push(path);
        let document = flux::overlaid(self, Place { folder }, document, spec);
        let built = self.content(Place { folder }, &document, Accumulator::default());
        self.open.pop();
        built
    }

    fn say_that_it_is_missing(&mut self, folder: &str, mark: Mark, is_empty: bool) {
        let message = if folder.is_empty() {
            "there is no kustomization.yaml at the top of the tree".to_owned()
        } else {
            format!("there is no kustomization.yaml in `{folder}`")
        };
        let path = if is_empty { NAMES[0] } else { self.path_of(mark) };
        let note = Finding::new(Severity::Note, "kustomization-missing", path, Mark::START, message)
            .effect("Flux generates one that lists every YAML file there")
            .fix("add a kustomization.yaml that lists the resources");
        self.build.findings.push(note);
    }

    /// Builds a kustomization into `into`: a component changes what is in there already, a base is added when it is done.
    fn folder(&mut self, path: &str, role: Role, spec: Option<&Node>, into: Accumulator) -> Accumulator {
        let Some(index) = self.files.find(path) else { return into };
        let start = Mark { source: u32::try_from(index).unwrap_or(u32::MAX), ..Mark::START };
        self.opened += 1;
        if self.opened > OPENED_MAX {
            if self.opened == OPENED_MAX + 1 {
                let message =
                    format!("more than {OPENED_MAX} kustomizations are built: each base is built once for every use");
                self.report(RESOURCES, start, message, "name each base in fewer places");
            }
            return into;
        }
        self.open.push(path.to_owned());
        self.build.kustomizations.insert(path.to_owned());
        let built = match self.document(index, start) {
            Some(document) => {
                let place = Place { folder: folder_of(path) };
                let is_component = kind(&document) == "Component";
                match (role, is_component) {
                    (Role::Base, true) => {
                        let mark = document.get("kind").map_or(start, |kind| kind.mark);
                        let message = "a Component is not a resource";
                        self.report(RESOURCES, mark, message, "name it in `components`, or make it a Kustomization");
                    }
                    (Role::Component, false) => {
                        let mark = document.get("kind").map_or(start, |kind| kind.mark);
                        let message = "a component is of the kind Component";
                        self.report(COMPONENTS, mark, message, "name it in `resources`, or make it a Component");
                    }
                    _ => {}
                }
                if role == Role::Component {
                    self.content(place, &document, into)
                } else {
                    let document = flux::overlaid(self, place, document, spec);
                    let own = self.content(place, &document, Accumulator::default());
                    // Of a base it is seen with what the other resources bring.
                    self.build.refused |= role == Role::Outermost && resource::repeats_one(&own.resources, 0);
                    accumulator::add(self, into, own)
                }
            }
            None => into,
        };
        self.open.pop();
        built
    }

    /// The one document of a kustomization.
    fn document(&mut self, index: usize, start: Mark) -> Option<Node> {
        let path = self.files.path(index);
        let others = super::kustomization_paths(folder_of(path)).filter(|other| self.index_of(other).is_some()).count();
        if others > 1 {
            let message = "the folder has more than one kustomization";
            self.report(FIELDS, start, message, "keep one of them: kustomization.yaml");
        }
        let (documents, repeats) = match self.files.documents_with_repeats(index) {
            Ok(read) => read,
            Err(error) => {
                self.syntax(error);
                return None;
            }
        };
        for repeat in repeats {
            let message = format!("`{}` is given twice; first in line {}", repeat.key, repeat.first.line);
            let effect = "kustomize uses only the last one: the first one has no effect";
            self.warn(FIELDS, repeat.mark, message, effect, "write one with what both say");
        }
        let [document] = documents else {
            self.report(FIELDS, start, "a kustomization is one document", "write one, with `resources`");
            return None;
        };
        Some(fields::read(self, document))
    }

    fn content(&mut self, place: Place<'_>, document: &Node, mut built: Accumulator) -> Accumulator {
        extensions::openapi(self, place, document);
        let before = built.resources.len();
        for item in document.items_at(&["resources"]).iter().chain(document.items_at(&["bases"])) {
            built = self.resource(place, item, built);
        }
        self.build.refused |= resource::repeats_one(&built.resources, before);
        extensions::configurations(self, place, document, &mut built);
        let configured_in = self.open.last().map(|path| self.relative_to_outermost(path)).unwrap_or_default();
        for mut generated in generate::generate(self, place, document) {
            let by = kind(&generated.node);
            generated.origin = Some(format!(
                "configuredIn: {configured_in}\nconfiguredBy:\n  apiVersion: builtin\n  kind: {by}Generator\n"
            ));
            accumulator::absorb(self, &mut built.resources, generated);
        }
        extensions::plugins(self, place, document, "generators");
        extensions::charts(self, document);
        for item in document.items_at(&["components"]) {
            built = self.component(place, item, built);
        }
        steps::transform(self, place, document, &mut built);
        extensions::plugins(self, place, document, "transformers");
        extensions::plugins(self, place, document, "validators");
        extensions::of_the_outermost(self, document);
        super::vars::collect(self, document, &mut built.resources, &mut built.vars);
        built
    }

    fn resource(&mut self, place: Place<'_>, item: &Node, into: Accumulator) -> Accumulator {
        let Some(path) = self.local(RESOURCES, place, item, &item.scalar().unwrap_or_default()) else { return into };
        if let Some(index) = self.index_of(&path) {
            let mut into = into;
            self.restrict(RESOURCES, place, item, &path);
            self.file(index, &mut into.resources);
            return into;
        }
        self.enter(RESOURCES, Role::Base, item, &path, into)
    }

    /// Applies a component to the objects.
    fn component(&mut self, place: Place<'_>, item: &Node, into: Accumulator) -> Accumulator {
        match self.local(COMPONENTS, place, item, &item.scalar().unwrap_or_default()) {
            Some(path) => self.enter(COMPONENTS, Role::Component, item, &path, into),
            None => into,
        }
    }

    /// Builds the kustomization in a folder that another one names, unless that leads in a circle.
    fn enter(&mut self, rule: &'static str, role: Role, item: &Node, path: &str, into: Accumulator) -> Accumulator {
        let contains = |open: &String| {
            let open = folder_of(open);
            path.is_empty() || open == path || open.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
        };
        if self.files.has_folder(path) && self.open.iter().any(contains) {
            let message = format!(
                "`{}` leads back to a kustomization that is being built, or to a folder that holds it",
                item.scalar().unwrap_or_default()
            );
            self.report(rule, item.mark, message, "remove the circle: name a folder beside or below this one");
            return into;
        }
        match kustomization_in(self.files, path).filter(|path| self.index_of(path).is_some()) {
            Some(inner) => self.folder(inner, role, None, into),
            None if self.files.has_folder(path) => {
                let message = format!("there is no kustomization.yaml in `{path}`");
                self.report(rule, item.mark, message, "add one there, or name the files");
                into
            }
            None => {
                self.missing(rule, item, path);
                into
            }
        }
    }

    /// The objects of a file; a `List` is taken apart as kustomize does, after what is no list.
    fn file(&mut self, index: usize, resources: &mut Vec<Resource>) {
        if !self.build.resources.contains(&index) {
            self.build.resources.push(index);
        }
        let documents = match self.files.documents(index) {
            Ok(documents) => documents,
            Err(error) => return self.syntax(error),
        };
        if self.files.is_cut(index) {
            let mark = Mark { source: u32::try_from(index).unwrap_or(u32::MAX), ..Mark::START };
            let effect = "of a file in UTF-16 kustomize reads the first document alone: the others are not applied";
            self.warn("yaml", mark, "the file is in UTF-16 and has several documents", effect, "save it as UTF-8");
        }
        let mut open: std::collections::VecDeque<&Node> = documents.iter().collect();
        while let Some(node) = open.pop_front() {
            let inner = listed(node);
            if !inner.first().is_some_and(|first| std::ptr::eq(first, node)) {
                open.extend(inner);
                continue;
            }
            // The rules about objects say what such a one lacks.
            let lacks = |path: &[&str]| node.at(path).and_then(Node::scalar).is_none_or(|text| text.is_empty());
            let is_list = kind(node).ends_with("List");
            self.build.refused |= lacks(&["kind"]) || (lacks(&["metadata", "name"]) && !is_list);
            let origin = Some(format!("path: {}\n", self.relative_to_outermost(self.files.path(index))));
            resources.push(Resource { origin, ..Resource::new(index, node.clone()) });
        }
    }

    /// A path of the tree as one from the outermost kustomization.
    fn relative_to_outermost(&self, path: &str) -> String {
        let folder = self.open.first().map_or("", |open| folder_of(open));
        let (from, to): (Vec<&str>, Vec<&str>) =
            (folder.split('/').filter(|part| !part.is_empty()).collect(), path.split('/').collect());
        let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let up = std::iter::repeat_n("..", from.len() - shared);
        up.chain(to[shared..].iter().copied()).collect::<Vec<_>>().join("/")
    }

    /// kustomize alone, unlike Flux, reads no files outside of the folder of a kustomization.
    pub(super) fn restrict(&mut self, rule: &'static str, place: Place<'_>, item: &Node, path: &str) {
        let is_within =
            place.folder.is_empty() || path.strip_prefix(place.folder).is_some_and(|rest| rest.starts_with('/'));
        if self.by.is_restricted() && !is_within {
            let message = format!("`{path}` is not in or below the folder of the kustomization");
            self.report(rule, item.mark, message, "move it there");
        }
    }
}
