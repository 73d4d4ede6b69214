//! A folder of a repository as a tree of its own: with what it takes from other folders, and nothing else.

use std::collections::BTreeSet;

use crate::files::Files;
use crate::kustomize;
use crate::source_file::SourceFile;

/// The kustomization at the top of an excerpt.
const TOP: &str = "kustomization.yaml";

/// The files that Flux needs to build a folder of a repository, at their paths in it, and a kustomization at the top that takes the folder
/// in. The files of the folder are all there; of what lies beside it, such as `../../base`, what is named. For the top of the repository
/// that is every file that can be read. A kustomization at the repository's own top is never a part of it: kustomize refuses a base that
/// contains what uses it.
pub fn excerpt(files: &Files, folder: &str) -> Vec<SourceFile> {
    let text = |index: usize| Some(SourceFile::new(files.path(index), files.decoded(index).ok()?));
    if folder.is_empty() {
        return files.below("").filter(|index| is_manifest(files.path(*index))).filter_map(text).collect();
    }
    let build = kustomize::build(files, folder);
    let layers = kustomize::layers(files, &build);
    let mut indices: BTreeSet<usize> = build.reads(files);
    indices.extend(layers.iter().filter_map(|layer| layer.build.as_ref()).flat_map(|build| build.reads(files)));
    indices.extend(files.below(folder).filter(|index| is_manifest(files.path(*index))));
    let mut found: Vec<SourceFile> = indices.into_iter().filter_map(text).collect();
    let resources = match kustomize::kustomization_in(files, folder) {
        Some(_) => vec![folder.to_owned()],
        // Flux would generate a kustomization that names each of them.
        None => build.resources.iter().map(|index| files.path(*index).to_owned()).collect(),
    };
    found.push(SourceFile::new(TOP, top(&resources)));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Whether what a folder of a repository builds takes in files that are not below it.
pub fn reaches_outside(files: &Files, folder: &str) -> bool {
    let build = kustomize::build(files, folder);
    let below: BTreeSet<usize> = files.below(folder).collect();
    !build.reads(files).is_subset(&below)
}

fn is_manifest(path: &str) -> bool {
    kustomize::is_yaml(path) || path.ends_with(".json") || kustomize::is_kustomization(path)
}

fn top(resources: &[String]) -> String {
    let list: String = resources.iter().map(|resource| format!("  - {resource}\n")).collect();
    format!("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n{list}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUSTOMIZATION: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";

    fn files() -> Files {
        let overlay =
            format!("{KUSTOMIZATION}resources: [../../base]\nconfigMapGenerator: [{{name: c, files: [../c.json]}}]\n");
        let base = format!("{KUSTOMIZATION}resources: [pool.yaml]\n");
        let pool = "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: a}\n";
        let files = vec![
            SourceFile::new("clusters/p/kustomization.yaml", overlay),
            SourceFile::new("clusters/p/notes.yaml", "a: 1\n"),
            SourceFile::new("clusters/c.json", "{}"),
            SourceFile::new("clusters/other.yaml", "a: 1\n"),
            SourceFile::new("base/kustomization.yaml", base),
            SourceFile::new("base/pool.yaml", pool),
            SourceFile::new("plain/pool.yaml", pool),
        ];
        files.into()
    }

    #[test]
    fn an_excerpt_builds_what_the_folder_builds() {
        let excerpt = excerpt(&files(), "clusters/p");
        let paths: Vec<&str> = excerpt.iter().map(|file| file.path.as_str()).collect();
        let expected = [
            "base/kustomization.yaml",
            "base/pool.yaml",
            "clusters/c.json",
            "clusters/p/kustomization.yaml",
            "clusters/p/notes.yaml",
            "kustomization.yaml",
        ];
        assert_eq!(paths, expected);
        let build = kustomize::build(&Files::from(excerpt), "");
        assert_eq!((build.objects.len(), build.findings.as_slice()), (2, [].as_slice()));
        assert!(reaches_outside(&files(), "clusters/p") && !reaches_outside(&files(), "base"));
    }

    #[test]
    fn a_folder_without_a_kustomization_is_named_file_by_file() {
        let excerpt = excerpt(&files(), "plain");
        assert!(excerpt[0].text.contains("  - plain/pool.yaml\n"), "{}", excerpt[0].text);
    }
}
