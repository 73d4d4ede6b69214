//! The folder of a tree: read, and copied for a run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use harness_tree::SourceFile;

use crate::error::CliError;
use crate::source;

/// The largest file of a tree that is read; etcd refuses larger objects anyway.
const FILE_BYTES_MAX: u64 = 2 << 20;
/// The most files of a tree that are read.
const FILES_MAX: usize = 10_000;

/// What lies in a folder.
struct Found {
    path: PathBuf,
    kind: fs::FileType,
}

/// Everything below a folder but folders themselves, sorted by path. `.git` is left out, links are not followed.
fn walk(root: &Path) -> Result<Vec<Found>, CliError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| CliError::Read { path, source }
    };
    let mut all = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(failed(&folder))? {
            let entry = entry.map_err(failed(&folder))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(failed(&path))?;
            if !kind.is_dir() {
                all.push(Found { path, kind });
            } else if entry.file_name() != ".git" {
                folders.push(path);
            }
        }
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}

/// Every regular file below a folder that can be part of a kustomize tree, by path.
pub(crate) fn read(root: &Path) -> Result<Vec<SourceFile>, CliError> {
    let mut files = Vec::new();
    // A link that leaves the tree is refused when the tree is pushed.
    for Found { path, .. } in walk(root)?.into_iter().filter(is_read) {
        let size = fs::metadata(&path).map_err(|source| CliError::Read { path: path.clone(), source })?.len();
        if size > FILE_BYTES_MAX || files.len() >= FILES_MAX {
            let reason = format!(
                "a tree has at most {FILES_MAX} YAML files of at most {FILE_BYTES_MAX} bytes; is this the right folder?"
            );
            return Err(CliError::Unreadable { path, reason });
        }
        let text = source::read(&path)?;
        let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        files.push(SourceFile::new(relative, text));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Copies what [`read`] leaves out: other files, which a kustomization may name, and links as they are.
pub(crate) fn copy_others(from: &Path, to: &Path) -> Result<(), CliError> {
    for found in walk(from)?.into_iter().filter(|found| !is_read(found)) {
        let target = to.join(found.path.strip_prefix(from).unwrap_or(&found.path));
        copy(&found, &target).map_err(|source| CliError::Copy { from: found.path.clone(), to: target, source })?;
    }
    Ok(())
}

fn copy(found: &Found, target: &Path) -> io::Result<()> {
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    if found.kind.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(&found.path)?, target)
    } else if found.kind.is_file() {
        fs::copy(&found.path, target).map(drop)
    } else {
        // Git holds neither sockets nor pipes; opening a pipe would wait for ever.
        Err(io::Error::new(io::ErrorKind::Unsupported, "it is no file, folder or symbolic link"))
    }
}

/// Writes the files of a tree below a folder that does not hold them yet.
pub(crate) fn write(root: &Path, files: &[SourceFile]) -> Result<(), CliError> {
    for file in files {
        let path = root.join(&file.path);
        let parent = path.parent().unwrap_or(root);
        fs::create_dir_all(parent).map_err(|source| CliError::Write { path: parent.to_owned(), source })?;
        fs::write(&path, &file.text).map_err(|source| CliError::Write { path: path.clone(), source })?;
    }
    Ok(())
}

fn is_read(found: &Found) -> bool {
    found.kind.is_file() && is_yaml(&found.path)
}

fn is_yaml(path: &Path) -> bool {
    let yaml =
        path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known));
    yaml || path.file_name().is_some_and(|name| name == "Kustomization")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [("b/x.yaml", "x"), ("a.yml", "a"), (".git/config.yaml", "no"), ("sub/notes.md", "no")] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        std::os::unix::fs::symlink("sub/notes.md", folder.path().join("link.yaml")).unwrap();
        folder
    }

    #[test]
    fn a_tree_is_read_without_git_and_in_order() {
        let files = read(folder().path()).unwrap();
        assert_eq!(files, [SourceFile::new("a.yml", "a"), SourceFile::new("b/x.yaml", "x")]);
    }

    #[test]
    fn a_copy_has_everything_else_too() {
        let (from, to) = (folder(), tempfile::tempdir().unwrap());
        copy_others(from.path(), to.path()).unwrap();
        write(to.path(), &read(from.path()).unwrap()).unwrap();
        assert_eq!(fs::read_to_string(to.path().join("b/x.yaml")).unwrap(), "x");
        assert_eq!(fs::read_link(to.path().join("link.yaml")).unwrap(), Path::new("sub/notes.md"));
        assert!(to.path().join("sub/notes.md").is_file() && !to.path().join(".git").exists());
    }
}
