//! Which sources are the repository itself.

use std::collections::BTreeMap;

use super::applied::Folder;
use super::kustomization::{FluxKustomization, SourceRef};
use crate::kustomize::Built;
use harness_yaml::Node;

/// The sources of a cluster, as far as its objects say.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// The one that the repository itself is fetched through.
    pub(super) own: Option<SourceRef>,
    /// The addresses of those that are objects of the tree.
    urls: BTreeMap<SourceRef, String>,
}

/// Where a Kustomization has its files from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// This repository, for all that is known.
    Here,
    /// Another one, or no repository at all.
    Elsewhere {
        /// For people: ``GitRepository `flux-system/other` (https://example.com/other)``.
        source: String,
    },
}

impl Sources {
    /// The repository is what most of its Kustomizations name, of those that point at a folder of it, which is `placed`. Where none
    /// does, those of a Git repository count: an artifact of a registry may have any folders.
    pub(super) fn of<'k>(
        kustomizations: impl IntoIterator<Item = &'k FluxKustomization>,
        placed: impl Fn(&FluxKustomization) -> Option<Folder>,
    ) -> Self {
        // How many of a source point at a folder from the top of the repository, from further down, and at none that tells, of those of Git.
        let mut named: BTreeMap<SourceRef, [usize; 3]> = BTreeMap::new();
        for kustomization in kustomizations {
            // An artifact is made of the repository, and is not the repository.
            let Some(source) = kustomization.source().filter(|source| source.kind != "ExternalArtifact") else {
                continue;
            };
            let is_of_git = source.kind == "GitRepository";
            let times = named.entry(source).or_default();
            match placed(kustomization) {
                Some(folder) if !folder.path.is_empty() => times[usize::from(!folder.is_from_top())] += 1,
                // The top is there in any source.
                _ => times[2] += usize::from(is_of_git),
            }
        }
        // Of two that are named equally often the first is as good as the other.
        let own = named.into_iter().rev().max_by_key(|(_, times)| *times).filter(|(_, times)| *times != [0; 3]);
        Self { own: own.map(|(source, _)| source), urls: BTreeMap::new() }
    }

    /// Takes note of the sources among objects.
    pub(super) fn note<'o>(&mut self, objects: impl IntoIterator<Item = &'o Built>) {
        for built in objects {
            let text = |path: &[&str]| built.node.at(path).and_then(Node::text);
            let is_source = text(&["apiVersion"]).is_some_and(|it| it.starts_with("source.toolkit.fluxcd.io/"));
            if !is_source {
                continue;
            }
            let (Some(kind), Some(name)) = (text(&["kind"]), text(&["metadata", "name"])) else { continue };
            let address = text(&["spec", "url"]).or_else(|| text(&["spec", "endpoint"])).unwrap_or_default();
            let namespace = text(&["metadata", "namespace"]).unwrap_or("flux-system");
            let source = SourceRef { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() };
            self.urls.insert(source, address.to_owned());
        }
    }

    /// Where a Kustomization has its files from. `is_there` is whether the repository has the folder that it points at.
    pub(super) fn origin(&self, kustomization: &FluxKustomization, is_there: bool) -> Origin {
        // Without one it is invalid, or its parent puts it in: what it points at tells.
        let Some(source) = kustomization.source() else { return Origin::Here };
        if self.own.as_ref() == Some(&source) {
            return Origin::Here;
        }
        let url = self.urls.get(&source);
        let own_url = self.own.as_ref().and_then(|own| self.urls.get(own));
        let same = url.is_some_and(|url| own_url.is_some_and(|own| is_same(own, url)));
        // A Git repository that is not in the tree may be this one by another name; an artifact of a registry is built by somebody.
        let unknown = source.kind == "GitRepository" && url.is_none() && is_there;
        if same || unknown {
            return Origin::Here;
        }
        let address = url.filter(|url| !url.is_empty()).map(|url| format!(" ({url})")).unwrap_or_default();
        Origin::Elsewhere { source: format!("{source}{address}") }
    }
}

/// Whether two addresses are of one repository: by SSH or HTTPS, with or without `.git`.
fn is_same(a: &str, b: &str) -> bool {
    fn plain(url: &str) -> String {
        let url = url.split_once("://").map_or(url, |(_, rest)| rest);
        let url = url.split_once('@').map_or(url, |(_, rest)| rest);
        url.trim_end_matches('/').trim_end_matches(".git").replacen(':', "/", 1).to_lowercase()
    }
    plain(a) == plain(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://github.com/a/b", "ssh://git@github.com/a/b.git", true)]
    #[case("git@github.com:a/b.git", "https://github.com/A/b/", true)]
    #[case("https://github.com/a/b", "https://github.com/a/c", false)]
    fn one_repository_has_several_addresses(#[case] a: &str, #[case] b: &str, #[case] same: bool) {
        assert_eq!(is_same(a, b), same);
    }

    fn kustomization(kind: &str, name: &str) -> FluxKustomization {
        let text = format!("{{metadata: {{name: k}}, spec: {{sourceRef: {{kind: {kind}, name: {name}}}}}}}");
        Built { file: 0, node: harness_yaml::documents(&text).unwrap().remove(0) }.into()
    }

    #[rstest]
    #[case("GitRepository", "flux-system", false, true)]
    // It is in the tree under another address.
    #[case("GitRepository", "other", true, false)]
    #[case("GitRepository", "unknown", true, true)]
    #[case("GitRepository", "unknown", false, false)]
    #[case("OCIRepository", "unknown", true, false)]
    fn what_is_elsewhere(#[case] kind: &str, #[case] name: &str, #[case] is_there: bool, #[case] here: bool) {
        let mut sources = Sources::of([&kustomization("GitRepository", "flux-system")], |_| {
            Some(Folder { path: "apps".to_owned(), top: String::new() })
        });
        let object = |name: &str, url: &str| {
            let text = format!(
                "{{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, metadata: {{name: {name}, namespace: flux-system}}, spec: {{url: \"{url}\"}}}}"
            );
            Built { file: 0, node: harness_yaml::documents(&text).unwrap().remove(0) }
        };
        sources.note(&[object("flux-system", "ssh://git@a.b/c"), object("other", "https://a.b/d")]);
        let origin = sources.origin(&kustomization(kind, name), is_there);
        assert_eq!(origin == Origin::Here, here, "{origin:?}");
    }
}
