//! Paths in a tree.

use crate::files::Files;

/// The names that kustomize looks for, in its order.
pub(super) const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The path of the kustomization of a folder; the empty text is the top of the tree.
pub(crate) fn kustomization_in<'a>(files: &'a Files, folder: &str) -> Option<&'a str> {
    kustomization_paths(folder).find_map(|path| Some(files.path(files.find(&path)?)))
}

/// The paths at which a folder may have its kustomization, in kustomize's order.
pub(crate) fn kustomization_paths(folder: &str) -> impl Iterator<Item = String> {
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    NAMES.iter().map(move |name| format!("{prefix}{name}"))
}

/// Whether a file is the kustomization of its folder by its name.
pub(crate) fn is_kustomization(path: &str) -> bool {
    NAMES.contains(&path.rsplit('/').next().unwrap_or_default())
}

/// The kustomizations below a folder, by their indices and paths.
pub(crate) fn kustomizations_below<'f>(
    files: &'f Files,
    folder: &str,
) -> impl Iterator<Item = (usize, &'f str)> + use<'f> {
    files.below(folder).map(|index| (index, files.path(index))).filter(|(_, path)| is_kustomization(path))
}

/// Whether Flux takes a file for manifests where no kustomization says which are.
pub(crate) fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

/// The folder of a file; empty at the top of the tree.
pub(crate) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Resolves a path against a folder; `None` where it leaves the tree.
pub(crate) fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Whether a path is a folder or below it; the empty text is the top of the tree.
pub(crate) fn is_within(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a path is in a folder, or of a file, that a shell does not list.
pub(crate) fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.') && part != "." && part != "..")
}

/// A path from the top of a source, of which `..` never leads out (`securejoin.SecureJoin`, by which kustomize-controller joins `spec.path`).
pub(crate) fn kept_within(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
