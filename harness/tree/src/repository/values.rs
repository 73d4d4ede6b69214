//! The values of `postBuild.substituteFrom`, as far as the repository has them.

use std::collections::BTreeMap;

use super::kustomization::FluxKustomization;
use crate::kustomize::Built;
use harness_yaml::{Entry, Node};

/// The ConfigMaps of a cluster, by namespace and name. What a Secret holds is not known: in a repository it is encrypted.
#[derive(Debug, Default)]
pub(super) struct Values {
    maps: BTreeMap<(String, String), Vec<Entry>>,
}

impl Values {
    /// Takes note of the ConfigMaps among objects.
    pub(super) fn note<'o>(&mut self, objects: impl IntoIterator<Item = &'o Built>) {
        for built in objects {
            let text = |path: &[&str]| built.node.at(path).and_then(Node::text);
            if text(&["kind"]) != Some("ConfigMap") || text(&["apiVersion"]) != Some("v1") {
                continue;
            }
            let (Some(namespace), Some(name)) = (text(&["metadata", "namespace"]), text(&["metadata", "name"])) else {
                continue;
            };
            let data = built.node.entries_at(&["data"]).to_vec();
            self.maps.insert((namespace.to_owned(), name.to_owned()), data);
        }
    }

    /// The Kustomization with the values of `substituteFrom` that are known written out, later ones before earlier ones, and those of
    /// `substitute` before all (`SubstituteVariables` of fluxcd/pkg/kustomize). What is not known stays where it is.
    pub(super) fn filled(&self, kustomization: &FluxKustomization) -> FluxKustomization {
        let mut filled = kustomization.clone();
        let namespace = kustomization.id().namespace;
        let Some(post_build) = filled.built.node.at_mut(&["spec", "postBuild"]) else { return filled };
        let Some(from) = post_build.entry("substituteFrom").cloned() else { return filled };
        let mut values: Vec<Entry> = Vec::new();
        let mut unknown = Vec::new();
        for reference in from.value.items() {
            let text = |key: &str| reference.get(key).and_then(Node::text);
            let known = text("name")
                .filter(|_| text("kind") == Some("ConfigMap"))
                .and_then(|name| self.maps.get(&(namespace.clone(), name.to_owned())));
            match known {
                Some(entries) => values.extend(entries.iter().cloned()),
                None => unknown.push(reference.clone()),
            }
        }
        if unknown.len() == from.value.items().len() {
            return filled;
        }
        let own = post_build.entries_at(&["substitute"]).to_vec();
        if let Some(map) = post_build.map_at(&["substitute"], from.key_mark) {
            values.iter().chain(&own).for_each(|entry| map.put(&entry.key, entry.value.clone()));
        }
        if let Some(entries) = post_build.entries_mut() {
            entries.retain(|entry| entry.key != "substituteFrom");
        }
        if !unknown.is_empty() {
            let mut left = from.value.clone();
            if let Some(items) = left.items_mut() {
                *items = unknown;
            }
            post_build.put("substituteFrom", left);
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(text: &str) -> Built {
        Built { file: 0, node: harness_yaml::documents(text).unwrap().remove(0) }
    }

    #[test]
    fn values_of_config_maps_are_known_and_those_of_secrets_are_not() {
        let mut values = Values::default();
        let map = "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: flux-system}, data: {A: map, B: map}}";
        values.note(&[built(map)]);
        let text = "{metadata: {name: k, namespace: flux-system}, spec: {postBuild: {substitute: {A: own}, substituteFrom: [{kind: ConfigMap, name: settings}, {kind: Secret, name: s}]}}}";
        let filled = values.filled(&built(text).into());
        let post_build = filled.built.node.at(&["spec", "postBuild"]).unwrap();
        let substitute = post_build.entries_at(&["substitute"]).iter();
        let pairs: Vec<(&str, &str)> = substitute.map(|it| (it.key.as_str(), it.value.text().unwrap())).collect();
        assert_eq!(pairs, [("A", "own"), ("B", "map")]);
        assert_eq!(post_build.items_at(&["substituteFrom"]).len(), 1);
    }
}
