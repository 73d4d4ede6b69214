//! The repository that a tree is in: what Flux would fetch, of which a folder is checked or applied.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use harness_tree::Files;

use super::tree_folder::{read_file, walk};
use crate::error::{FileError, InputError};

/// The most files of a repository. Of most of them only the path is read.
const FILES_MAX: usize = 200_000;

/// The files of a repository, and a folder of it.
#[derive(Clone, Debug)]
pub struct TreeRepository {
    /// Its top. Paths of Flux Kustomizations are relative to it.
    pub root: PathBuf,
    /// What Git would have of it: neither `.git` nor what is ignored.
    pub files: Files,
    /// The folder that was named, relative to the top; empty for the top.
    pub folder: String,
}

impl TreeRepository {
    /// Opens the repository that a folder is in: the Git work tree, or `root`, or else the folder alone.
    ///
    /// # Errors
    /// [`InputError::File`]; [`InputError::OutsideOfRoot`]; [`InputError::TooLarge`] for a folder that can hardly be a repository.
    pub fn open(folder: &Path, root: Option<&Path>) -> Result<Self, InputError> {
        let resolved = folder.canonicalize().map_err(FileError::read(folder))?;
        let top = match root {
            Some(root) => root.canonicalize().map_err(FileError::read(root))?,
            None => work_tree(&resolved).unwrap_or_else(|| resolved.clone()),
        };
        let inner = resolved.strip_prefix(&top).map_err(|_| InputError::OutsideOfRoot {
            folder: folder.to_owned(),
            root: root.unwrap_or(&top).to_owned(),
        })?;
        let inner = text(inner);
        let listed = tracked(&top).map(|paths| entries(&top, paths));
        // A folder that Git ignores is nobody's repository but its own.
        let has_folder =
            |entries: &Entries| inner.is_empty() || entries.paths.iter().any(|path| is_below(path, &inner));
        match listed.filter(has_folder) {
            Some(entries) => Self::of(folder, top, entries, inner),
            None if inner.is_empty() || root.is_some() => {
                let entries = walked(&top)?;
                Self::of(folder, top, entries, inner)
            }
            None => {
                let entries = walked(&resolved)?;
                Self::of(folder, resolved, entries, String::new())
            }
        }
    }

    /// A file that is a tree by itself, in whatever repository it is.
    pub fn of_file(path: &Path) -> Self {
        let root = path.parent().unwrap_or(Path::new("")).to_owned();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = path.to_owned();
        let files = Files::on_demand([name], move |_| read_file(&path));
        Self { root, files, folder: String::new() }
    }

    fn of(folder: &Path, root: PathBuf, entries: Entries, inner: String) -> Result<Self, InputError> {
        if entries.paths.len() > FILES_MAX {
            return Err(InputError::TooLarge { path: folder.to_owned(), files_max: FILES_MAX });
        }
        let top = root.clone();
        let read = move |path: &str| read_file(&top.join(path));
        let files = Files::on_demand(entries.paths, read).with_links(entries.links);
        Ok(Self { root, files, folder: inner })
    }
}

/// The paths below a folder, relative to it.
#[derive(Default)]
struct Entries {
    paths: Vec<String>,
    links: Vec<(String, String)>,
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// A relative path as those of a repository are written.
fn text(path: &Path) -> String {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The top of the Git work tree that a folder is in.
fn work_tree(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|ancestor| ancestor.join(".git").exists()).map(Path::to_owned)
}

/// The files of a work tree that Git knows or would take; `None` outside of one, and without Git.
fn tracked(top: &Path) -> Option<Vec<String>> {
    if !top.join(".git").exists() {
        return None;
    }
    let mut git = Command::new("git");
    git.arg("-C").arg(top).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = git.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    // A manifest cannot name a file whose name is not UTF-8.
    let paths = output.stdout.split(|byte| *byte == 0).filter_map(|path| std::str::from_utf8(path).ok());
    output.status.success().then(|| paths.filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn entries(top: &Path, paths: Vec<String>) -> Entries {
    let mut entries = Entries::default();
    for path in paths {
        // What was deleted is known to Git until that is committed.
        let Ok(metadata) = fs::symlink_metadata(top.join(&path)) else { continue };
        entries.take(top, path, metadata.file_type());
    }
    // A file in conflict is listed once for each of its versions.
    entries.paths.sort();
    entries.paths.dedup();
    entries
}

impl Entries {
    fn take(&mut self, top: &Path, path: String, kind: fs::FileType) {
        if kind.is_symlink() {
            let target = fs::read_link(top.join(&path)).unwrap_or_default();
            self.links.push((path, target.to_string_lossy().into_owned()));
        } else if kind.is_file() {
            self.paths.push(path);
        }
    }
}

fn walked(top: &Path) -> Result<Entries, FileError> {
    let mut entries = Entries::default();
    for entry in walk(top)? {
        entries.take(top, text(entry.path.strip_prefix(top).unwrap_or(&entry.path)), entry.kind);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        folder
    }

    fn paths(repository: &TreeRepository) -> Vec<&str> {
        repository.files.paths().collect()
    }

    #[test]
    fn the_top_is_that_of_the_work_tree_and_ignored_files_are_not_in_it() {
        let top = folder(&["base/a.yaml", "clusters/p/b.yaml", "ignored/c.yaml", ".gitignore"]);
        fs::write(top.path().join(".gitignore"), "ignored/\n").unwrap();
        let made = Command::new("git").arg("-C").arg(top.path()).args(["init", "-q"]).status().unwrap();
        assert!(made.success());
        std::os::unix::fs::symlink("../../base", top.path().join("clusters/p/link")).unwrap();
        let repository = TreeRepository::open(&top.path().join("clusters/p"), None).unwrap();
        assert_eq!(repository.folder, "clusters/p");
        assert_eq!(paths(&repository), [".gitignore", "base/a.yaml", "clusters/p/b.yaml"]);
        assert_eq!(repository.files.link("clusters/p/link"), Some("../../base"));
        assert_eq!(repository.files.text_at("base/a.yaml"), Some("x"));
        // What is ignored is a tree of its own.
        let ignored = TreeRepository::open(&top.path().join("ignored"), None).unwrap();
        assert_eq!((ignored.folder.as_str(), paths(&ignored)), ("", vec!["c.yaml"]));
    }

    #[test]
    fn without_git_the_top_is_the_folder_or_what_is_said() {
        let top = folder(&["base/a.yaml", "clusters/p/b.yaml"]);
        let alone = TreeRepository::open(&top.path().join("clusters"), None).unwrap();
        assert_eq!((alone.folder.as_str(), paths(&alone)), ("", vec!["p/b.yaml"]));
        let said = TreeRepository::open(&top.path().join("clusters/p"), Some(top.path())).unwrap();
        assert_eq!((said.folder.as_str(), paths(&said).len()), ("clusters/p", 2));
        let error = TreeRepository::open(&top.path().join("base"), Some(&top.path().join("clusters"))).unwrap_err();
        assert!(error.to_string().contains("--root"), "{error}");
    }
}
