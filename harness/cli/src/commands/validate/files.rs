//! The files to validate: read, and with `--fix` written in place.

use std::io::Write;
use std::path::{Path, PathBuf};

use harness_suite::{TreeRepository, read_text};
use harness_tree::SourceFile;
use similar::TextDiff;

use crate::console::Console;
use crate::error::CliError;

/// What a path holds.
pub(super) enum Input {
    Scenario { file: String, text: String },
    Tree(ManifestTree),
}

/// A folder of manifests, or one file of them.
pub(super) struct ManifestTree {
    /// As the user named it.
    pub(super) shown: String,
    /// Whether that is an absolute path.
    is_absolute: bool,
    /// The files of the repository, which paths are relative to, and the folder.
    pub(super) repository: TreeRepository,
    /// Whether it is one file.
    pub(super) single: bool,
}

impl ManifestTree {
    /// Returns a path of the tree as the user would write it: what a pipeline shows must be relative to the repository.
    pub(super) fn shown_file(&self, file: &str) -> String {
        let path = self.repository.root.join(file);
        let here = std::env::current_dir().ok().filter(|here| !self.is_absolute || path.starts_with(here));
        let here = here.and_then(|here| relative(&path, &here));
        here.unwrap_or(path).to_string_lossy().into_owned()
    }
}

/// Reads a scenario file, the folder of a tree, or a single manifest.
pub(super) fn read(path: &Path, root: Option<&Path>) -> Result<Input, CliError> {
    let shown = path.display().to_string();
    if path.is_dir() {
        let repository = TreeRepository::open(path, root)?;
        if repository.files.is_empty() {
            return Err(CliError::EmptyTree { folder: path.to_owned() });
        }
        return Ok(Input::Tree(ManifestTree { shown, is_absolute: path.is_absolute(), repository, single: false }));
    }
    let repository = TreeRepository::of_file(path);
    let is_tree = repository.files.paths().next().and_then(|name| repository.files.text_at(name));
    if !is_tree.is_some_and(|text| is_manifest(path, text)) {
        return Ok(Input::Scenario { file: shown, text: read_text(path)? });
    }
    Ok(Input::Tree(ManifestTree { shown, is_absolute: path.is_absolute(), repository, single: true }))
}

/// Whether a file holds Kubernetes objects or a dashboard. Everything else is meant as a scenario, and so is whatever calls itself one: a
/// mistake in another key is then said to be one of the scenario's.
fn is_manifest(path: &Path, text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    let mut kinds = top_values(text, "kind").peekable();
    let (has_kind, is_scenario) = (kinds.peek().is_some(), kinds.any(|kind| kind == "Scenario"));
    let mut versions = top_values(text, "apiVersion").peekable();
    let has_version = versions.peek().is_some();
    !is_scenario
        && (versions.any(|version| !version.starts_with("harness/"))
            || (!has_version && has_kind)
            || path.extension().is_some_and(|extension| extension == "json"))
}

/// The values of a key at the top of a file's documents. It may be no YAML at all, and is still somebody's scenario or manifest.
fn top_values<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    let values = text.lines().filter_map(move |line| line.strip_prefix(key)?.trim_start().strip_prefix(':'));
    values.map(|value| value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']))
}

/// A path as it is written in a folder, `../base/a.yaml` for one beside it. `None` where they have nothing in common.
fn relative(path: &Path, here: &Path) -> Option<PathBuf> {
    if path.is_relative() {
        return Some(path.strip_prefix(".").unwrap_or(path).to_owned());
    }
    let ancestors = here.ancestors().filter(|ancestor| ancestor.parent().is_some()).enumerate();
    let mut common = ancestors.filter_map(|(up, ancestor)| Some((up, path.strip_prefix(ancestor).ok()?)));
    let (up, rest) = common.next()?;
    Some(std::iter::repeat_n(Path::new(".."), up).chain([rest]).collect())
}

/// Writes every file that was changed, all of it or nothing, and says what changed.
pub(super) fn write_changes(tree: &ManifestTree, fixed: &[SourceFile], console: &Console) -> Result<(), CliError> {
    let changed =
        |after: &SourceFile| tree.repository.files.text_at(&after.path).filter(|before| *before != after.text);
    for (after, before) in fixed.iter().filter_map(|after| Some((after, changed(after)?))) {
        let path = tree.repository.root.join(&after.path);
        replace(&path, &after.text).map_err(|source| CliError::Fix { path: path.clone(), source })?;
        let shown = tree.shown_file(&after.path);
        let diff = TextDiff::from_lines(before, &after.text);
        let text = diff.unified_diff().context_radius(2).header(&shown, &shown).to_string();
        console.say(text.trim_end());
    }
    Ok(())
}

/// Replaces a file and keeps its permissions.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let permissions = std::fs::metadata(path)?.permissions();
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().set_permissions(permissions)?;
    new.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a.yaml", "apiVersion: harness/v1\nkind: Scenario\n", false)]
    #[case("a.yaml", "# x\napiVersion: karpenter.sh/v1\n", true)]
    #[case("a.yaml", "kind: NodePool\n", true)]
    #[case("a.yaml", "name: x\nphases: []\n", false)]
    #[case("a.json", "{}", true)]
    // `kind: Scenario` decides: these were taken for manifests, whose fields nobody checks, and called valid.
    #[case("a.yaml", "\u{feff}apiVersion: harness/v1\nkind: Scenario\n", false)]
    #[case("a.yaml", "apiVersion: Harness/v1\nkind: Scenario # mine\n", false)]
    #[case("a.yaml", "apiVersion: 1h\r\nkind: \"Scenario\"\r\n", false)]
    #[case("a.yaml", "kind: Scenario\n", false)]
    #[case("a.yaml", "\u{feff}apiVersion: karpenter.sh/v1\nkind: NodePool\n", true)]
    fn manifests_are_distinguished_from_scenarios(#[case] path: &str, #[case] text: &str, #[case] manifest: bool) {
        assert_eq!(is_manifest(Path::new(path), text), manifest);
    }

    #[rstest]
    #[case("/a/b/c.yaml", "/a/b", Some("c.yaml"))]
    #[case("/a/c/d.yaml", "/a/b/e", Some("../../c/d.yaml"))]
    #[case("/x/c.yaml", "/a/b", None)]
    #[case("./c.yaml", "/a/b", Some("c.yaml"))]
    fn paths_are_written_as_from_here(#[case] path: &str, #[case] here: &str, #[case] expected: Option<&str>) {
        assert_eq!(relative(Path::new(path), Path::new(here)).as_deref(), expected.map(Path::new));
    }
}
