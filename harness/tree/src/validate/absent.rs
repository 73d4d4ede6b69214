//! What the clusters of a repository use and the repository does not have: one note for each such thing, however many use it.

use std::collections::BTreeMap;

use crate::files::Files;
use crate::finding::{Finding, Severity};
use crate::kustomize;
use crate::repository::{Applied, FluxKustomization, Repository, What};
use harness_units::count;
use harness_yaml::{Mark, Node};

/// Sources that are elsewhere, values that only the cluster has, and what flux-operator makes.
pub(super) fn notes(files: &Files, repository: &Repository) -> Vec<Finding> {
    let note =
        |rule, mark: Mark, message: String| Finding::new(Severity::Note, rule, files.path_of(mark), mark, message);
    let mut notes = Vec::new();
    for (source, users) in uses(repository, sources) {
        let message =
            format!("what {} comes from another source, {source}, and is not checked", users.verb("applies", "apply"));
        notes.push(note("flux-source", users.mark, message));
    }
    for (values, users) in uses(repository, |_, by| values_from(by)) {
        let message = format!("{values}, from which {} values, is not in the tree", users.verb("takes", "take"));
        let effect = "Flux substitutes the values in the cluster: what they make of the objects is not checked";
        notes.push(note("flux-substitution", users.mark, message).effect(effect));
    }
    let asked = repository.applied().filter(|applied| applied.asked);
    let sets: BTreeMap<(u32, usize), (&str, Mark)> = asked
        .flat_map(|applied| &applied.build.objects)
        .filter(|built| kustomize::is_resource_set(&built.node))
        .map(|built| ((built.node.mark.source, built.node.mark.offset), (name(&built.node), built.node.mark)))
        .collect();
    if let Some((name, mark)) = sets.values().next() {
        let more = more(sets.len() - 1, "other");
        let message = format!("the objects that flux-operator makes of the ResourceSet `{name}`{more} are not checked");
        let effect = "the inputs of a ResourceSet decide what they are, and may be in the cluster only";
        notes.push(note("resource-set", *mark, message).effect(effect));
    }
    notes
}

/// The Kustomizations that use one thing.
struct Users {
    /// The place of the first use.
    mark: Mark,
    first: String,
    others: usize,
}

impl Users {
    /// Who does it: "`a` takes", "`a` and 2 other Kustomizations take".
    fn verb(&self, one: &str, several: &str) -> String {
        let verb = if self.others == 0 { one } else { several };
        format!("`{}`{} {verb}", self.first, more(self.others, "other Kustomization"))
    }
}

fn more(others: usize, what: &str) -> String {
    if others == 0 { String::new() } else { format!(" and {}", count(others, what)) }
}

/// Each thing that the Kustomizations that were asked about use, with its users.
fn uses(
    repository: &Repository,
    things: impl Fn(&Applied, &FluxKustomization) -> Vec<(String, Mark)>,
) -> BTreeMap<String, Users> {
    let mut found: BTreeMap<String, Users> = BTreeMap::new();
    for applied in repository.applied().filter(|applied| applied.asked) {
        let Some(by) = &applied.by else { continue };
        for (thing, mark) in things(applied, by) {
            found.entry(thing).and_modify(|users| users.others += 1).or_insert_with(|| Users {
                mark,
                first: by.id().to_string(),
                others: 0,
            });
        }
    }
    found
}

fn sources(applied: &Applied, by: &FluxKustomization) -> Vec<(String, Mark)> {
    let What::Elsewhere { source } = &applied.what else { return Vec::new() };
    let mark = by.built.node.at(&["spec", "sourceRef"]).map_or_else(|| by.path_mark(), |source| source.mark);
    vec![(source.clone(), mark)]
}

/// What is left of `substituteFrom` when the ConfigMaps of the tree are written out.
fn values_from(by: &FluxKustomization) -> Vec<(String, Mark)> {
    let namespace = by.id().namespace;
    let items = by.built.node.items_at(&["spec", "postBuild", "substituteFrom"]).iter();
    let thing = |item: &Node| {
        let text = |key: &str| item.get(key).and_then(Node::text).unwrap_or_default();
        (format!("the {} `{namespace}/{}`", text("kind"), text("name")), item.mark)
    };
    items.map(thing).collect()
}

fn name(node: &Node) -> &str {
    node.at(&["metadata", "name"]).and_then(Node::text).unwrap_or_default()
}
