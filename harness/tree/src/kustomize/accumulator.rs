//! What a build has gathered so far. Source: api/internal/accumulator/resaccumulator.go and api/resmap/reswrangler.go.

use super::builder::Builder;
use super::resource::{Behavior, Resource};
use super::specs::Config;
use super::vars::Var;
use harness_yaml::{Kind, Node};

const RULE: &str = "kustomization-generators";

/// Objects, and what the kustomizations that brought them say besides.
#[derive(Debug, Default)]
pub(super) struct Accumulator {
    pub(super) resources: Vec<Resource>,
    /// Where transformers write; `None` for kustomize's own places.
    pub(super) config: Option<Config>,
    pub(super) vars: Vec<Var>,
}

/// Adds what a base has built.
pub(super) fn add(builder: &mut Builder<'_>, mut into: Accumulator, base: Accumulator) -> Accumulator {
    into.resources.extend(base.resources);
    into.config = match (into.config, base.config) {
        (Some(mut own), Some(other)) => {
            own.merge(&other);
            Some(own)
        }
        (own, other) => own.or(other),
    };
    super::vars::merge(builder, &mut into.vars, base.vars);
    into
}

/// Adds a generated object, or changes with it the one that it is to change.
pub(super) fn absorb(builder: &mut Builder<'_>, resources: &mut Vec<Resource>, generated: Resource) {
    let id = generated.id();
    let found: Vec<usize> =
        (0..resources.len()).filter(|index| resources[*index].any_id(|other| other.is_same(&id))).collect();
    let changes = matches!(generated.behavior, Behavior::Merge | Behavior::Replace);
    match found.as_slice() {
        [] if changes => {
            let message = format!("there is no {id} that could be changed");
            builder.report_absent(RULE, generated.node.mark, message, "leave `behavior` out, or name what is there");
        }
        [] => resources.push(generated),
        [index] if changes => resources[*index] = changed(&resources[*index], generated),
        [_] => {
            let message = format!("there is a {id} already");
            builder.report(RULE, generated.node.mark, message, "write `behavior: merge` or `replace`, or another name");
        }
        _ => {
            let message = format!("{} objects are or were called like {id}", found.len());
            builder.report(RULE, generated.node.mark, message, "give them different names");
        }
    }
}

/// The generated object in the place of another one, whose names it takes.
fn changed(old: &Resource, generated: Resource) -> Resource {
    let behavior = generated.behavior;
    let mut node = generated.node;
    let merged = |node: &Node, path: &[&str]| {
        let mut merged = old.node.at(path).cloned().filter(|value| matches!(value.kind, Kind::Map(_)));
        match (&mut merged, node.at(path)) {
            (Some(merged), Some(own)) => {
                own.entries().iter().for_each(|entry| merged.put(&entry.key, entry.value.clone()))
            }
            (None, Some(own)) => merged = Some(own.clone()),
            _ => {}
        }
        merged.filter(|merged| !merged.entries().is_empty())
    };
    let maps: &[&[&str]] = match behavior {
        Behavior::Merge => &[&["metadata", "labels"], &["metadata", "annotations"], &["data"], &["binaryData"]],
        _ => &[&["metadata", "labels"], &["metadata", "annotations"]],
    };
    for path in maps {
        if let (Some(value), Some((last, parents))) = (merged(&node, path), path.split_last())
            && let Some(parent) = node.map_at(parents, value.mark)
        {
            parent.put(last, value);
        }
    }
    for key in ["name", "namespace"] {
        if let (Some(value), Some(metadata)) = (old.node.at(&["metadata", key]), node.get_mut("metadata")) {
            metadata.put(key, value.clone());
        }
    }
    let origin = if behavior == Behavior::Merge { old.origin.clone() } else { generated.origin };
    Resource { node, origin, has_hash_suffix: old.has_hash_suffix && generated.has_hash_suffix, ..old.clone() }
}
