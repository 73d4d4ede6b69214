//! What an ArtifactGenerator makes of a repository: artifacts that hold some of its folders.
//!
//! Source: the `copy` operations of fluxcd/source-watcher (`source.extensions.fluxcd.io`).

use crate::files::Files;
use crate::kustomize::{self, kind};
use harness_yaml::Node;

const GROUP: &str = "source.extensions.fluxcd.io/";

/// The artifacts of all ArtifactGenerators of a repository.
#[derive(Debug, Default)]
pub(super) struct Artifacts(Vec<Artifact>);

#[derive(Debug)]
struct Artifact {
    name: String,
    /// The folder of the file that says so: two clusters may have artifacts of one name.
    home: String,
    copies: Vec<Copy>,
}

/// A folder of the source, and what it is called in the artifact: `@source/DIR/**` to `@artifact/TO/` is `TO`, and `@source/DIR` to the same
/// is `TO/DIR`, as for `cp -r` (`applySingleDirectoryCopy` in internal/builder/builder.go).
#[derive(Debug)]
struct Copy {
    from: String,
    to: String,
}

impl Artifacts {
    pub(super) fn of(files: &Files) -> Self {
        let mut artifacts = Vec::new();
        for (index, path) in files.paths().enumerate() {
            let names_them = |text: &&str| text.contains(GROUP);
            if !kustomize::is_yaml(path) || files.decoded(index).ok().filter(names_them).is_none() {
                continue;
            }
            let documents = files.documents(index).unwrap_or_default();
            for node in documents.iter().flat_map(kustomize::listed).filter(|node| kind(node) == "ArtifactGenerator") {
                for item in node.items_at(&["spec", "artifacts"]) {
                    let Some(name) = item.get("name").and_then(Node::text) else { continue };
                    let copies = item.items_at(&["copy"]).iter().filter_map(Copy::of).collect();
                    let home = kustomize::folder_of(path).to_owned();
                    artifacts.push(Artifact { name: name.to_owned(), home, copies });
                }
            }
        }
        Self(artifacts)
    }

    /// The folder of the repository that a path in an artifact is a copy of. `home` is the folder of the file that names the artifact.
    pub(super) fn folder(&self, name: &str, path: &str, home: &str) -> Option<String> {
        let named = self.0.iter().filter(|artifact| artifact.name == name);
        let nearest = named.max_by_key(|artifact| in_common(&artifact.home, home))?;
        // The last copy wins where two have the same path.
        let inside = nearest.copies.iter().rev().find_map(|copy| copy.folder(path));
        // Above the only copy Flux generates a kustomization that names it.
        let mut below = nearest.copies.iter().filter(|copy| kustomize::is_within(&copy.to, path));
        inside.or_else(|| below.next().filter(|_| below.next().is_none()).map(|only| only.from.clone()))
    }
}

fn in_common(a: &str, b: &str) -> usize {
    a.split('/').zip(b.split('/')).take_while(|(a, b)| a == b).count()
}

impl Copy {
    fn of(node: &Node) -> Option<Self> {
        let text = |key: &str| node.get(key).and_then(Node::text);
        let (_, from) = text("from")?.strip_prefix('@')?.split_once('/')?;
        let to = text("to")?.strip_prefix("@artifact")?;
        let to = kustomize::join("", to).unwrap_or_default();
        let contents = if from == "**" { Some("") } else { from.strip_suffix("/**") };
        // What picks some of the files makes no folder of the repository.
        let is_glob = |path: &str| path.contains(['*', '?', '[', ']']);
        let from = contents.unwrap_or(from).trim_end_matches('/');
        let to = match contents {
            Some(_) => to,
            None => kustomize::join(&to, from.rsplit('/').next()?)?,
        };
        (!is_glob(from)).then(|| Self { from: from.to_owned(), to })
    }

    fn folder(&self, path: &str) -> Option<String> {
        let rest = if self.to.is_empty() { path } else { path.strip_prefix(self.to.as_str())? };
        let inside = self.to.is_empty() || rest.is_empty() || rest.starts_with('/');
        kustomize::join(&self.from, rest).filter(|_| inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_file::SourceFile;
    use rstest::rstest;

    fn generator(cluster: &str) -> String {
        format!(
            "apiVersion: {GROUP}v1beta1\nkind: ArtifactGenerator\nmetadata: {{name: g}}\nspec:\n  artifacts:\n  - name: apps\n    copy:\n    - {{from: \"@repo/apps/base/**\", to: \"@artifact/base/\"}}\n    - {{from: \"@repo/apps/{cluster}/**\", to: \"@artifact/cluster/\"}}\n  - name: infra\n    copy: [{{from: \"@repo/infra/**\", to: \"@artifact/\"}}, {{from: \"@repo/a.yaml\", to: \"@artifact/\"}}]\n  - name: bazarr\n    copy: [{{from: \"@repo/apps/bazarr/app/\", to: \"@artifact/apps/bazarr/app/\"}}]\n"
        )
    }

    #[rstest]
    #[case("apps", "cluster", "clusters/p", Some("apps/p"))]
    #[case("apps", "cluster", "clusters/s/x", Some("apps/s"))]
    #[case("apps", "base/podinfo", "clusters/p", Some("apps/base/podinfo"))]
    #[case("infra", "controllers", "clusters/p", Some("infra/controllers"))]
    #[case("apps", "basement", "clusters/p", None)]
    #[case("none", "x", "clusters/p", None)]
    #[case("bazarr", "apps/bazarr/app", "clusters/p", Some("apps/bazarr/app"))]
    #[case("bazarr", "apps/bazarr/app/app/config", "clusters/p", Some("apps/bazarr/app/config"))]
    fn paths_in_artifacts_are_folders(
        #[case] name: &str,
        #[case] path: &str,
        #[case] home: &str,
        #[case] expected: Option<&str>,
    ) {
        let file = |cluster: &str| SourceFile::new(format!("clusters/{cluster}/artifacts.yaml"), generator(cluster));
        let artifacts = Artifacts::of(&vec![file("p"), file("s")].into());
        assert_eq!(artifacts.folder(name, path, home).as_deref(), expected);
    }
}
