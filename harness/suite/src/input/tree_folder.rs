//! The folder of a tree: read, and copied for a run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use harness_tree::{SourceFile, Unreadable};

use crate::error::{FileError, InputError};

/// The largest file that is read. etcd refuses objects beyond 1.5 MB; a file can hold many.
const FILE_BYTES_MAX: u64 = 32 << 20;
/// The most files of a tree that are read.
const FILES_MAX: usize = 10_000;

/// An entry below a folder.
pub(super) struct TreeEntry {
    pub(super) path: PathBuf,
    pub(super) kind: fs::FileType,
}

impl TreeEntry {
    /// Whether it can be part of a kustomize tree.
    fn is_manifest(&self) -> bool {
        let extension = self.path.extension().and_then(|extension| extension.to_str());
        let manifest = matches!(extension, Some("yaml" | "yml" | "json"))
            || self.path.file_name().is_some_and(|name| name == "Kustomization");
        self.kind.is_file() && manifest
    }

    fn copy_to(&self, target: &Path) -> io::Result<()> {
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        if self.kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&self.path)?, target)
        } else if self.kind.is_file() {
            fs::copy(&self.path, target).map(drop)
        } else {
            // Git holds neither sockets nor pipes; opening a pipe would wait for ever.
            Err(io::Error::new(io::ErrorKind::Unsupported, "it is not a file, a folder or a symbolic link"))
        }
    }
}

/// Everything below a folder except folders themselves, sorted by path. `.git` is left out, links are not followed.
pub(super) fn walk(root: &Path) -> Result<Vec<TreeEntry>, FileError> {
    let mut entries = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(FileError::read(&folder))? {
            let entry = entry.map_err(FileError::read(&folder))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(FileError::read(&path))?;
            if !kind.is_dir() {
                entries.push(TreeEntry { path, kind });
            } else if entry.file_name() != ".git" {
                folders.push(path);
            }
        }
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

/// Reads a file of a tree.
pub(super) fn read_file(path: &Path) -> Result<String, Unreadable> {
    let failed = |error: io::Error| Unreadable::Failed { reason: error.to_string() };
    let bytes = fs::metadata(path).map_err(failed)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(Unreadable::TooLarge { bytes, bytes_max: FILE_BYTES_MAX });
    }
    Unreadable::decode(fs::read(path).map_err(failed)?)
}

/// Reads every regular file below a folder that can be part of a kustomize tree, sorted by path.
///
/// # Errors
/// [`InputError::File`], and [`InputError::TooLarge`] for a folder that can hardly be a tree.
pub fn read_tree_folder(root: &Path) -> Result<Vec<SourceFile>, InputError> {
    let mut files = Vec::new();
    // A link that leaves the tree is refused when the tree is pushed.
    for TreeEntry { path, .. } in walk(root)?.into_iter().filter(TreeEntry::is_manifest) {
        if files.len() >= FILES_MAX {
            return Err(InputError::TooLarge { path, files_max: FILES_MAX });
        }
        let text = match read_file(&path) {
            Ok(text) => text,
            Err(error) => match error.as_yaml() {
                Some(text) => text.to_owned(),
                None => return Err(FileError::read(&path)(io::Error::other(error)).into()),
            },
        };
        let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        files.push(SourceFile::new(relative, text));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Copies what [`read_tree_folder`] leaves out: other files, which a kustomization may name, and links as they are.
pub(super) fn copy_other_files(from: &Path, to: &Path) -> Result<(), FileError> {
    for entry in walk(from)?.into_iter().filter(|entry| !entry.is_manifest()) {
        let target = to.join(entry.path.strip_prefix(from).unwrap_or(&entry.path));
        entry.copy_to(&target).map_err(|source| FileError::Copy { from: entry.path.clone(), to: target, source })?;
    }
    Ok(())
}

/// Writes the files of a tree below a folder that does not hold them yet.
pub(super) fn write_files(root: &Path, files: &[SourceFile]) -> Result<(), FileError> {
    for file in files {
        let path = root.join(&file.path);
        let parent = path.parent().unwrap_or(root);
        fs::create_dir_all(parent).map_err(FileError::write(parent))?;
        fs::write(&path, &file.text).map_err(FileError::write(&path))?;
    }
    Ok(())
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
        let files = read_tree_folder(folder().path()).unwrap();
        assert_eq!(files, [SourceFile::new("a.yml", "a"), SourceFile::new("b/x.yaml", "x")]);
    }

    #[test]
    fn a_manifest_in_utf_16_is_read_as_kustomize_reads_it() {
        // Before, such a tree could not be read at all.
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.yaml"), b"\xff\xfea\0:\0 \0x\0").unwrap();
        assert_eq!(read_tree_folder(folder.path()).unwrap(), [SourceFile::new("a.yaml", "a: x")]);
        fs::write(folder.path().join("b.yaml"), b"\xff").unwrap();
        let error = read_tree_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("b.yaml") && error.contains("UTF-8"), "{error}");
    }

    #[test]
    fn a_copy_has_everything_else_too() {
        let (from, to) = (folder(), tempfile::tempdir().unwrap());
        copy_other_files(from.path(), to.path()).unwrap();
        write_files(to.path(), &read_tree_folder(from.path()).unwrap()).unwrap();
        assert_eq!(fs::read_to_string(to.path().join("b/x.yaml")).unwrap(), "x");
        assert_eq!(fs::read_link(to.path().join("link.yaml")).unwrap(), Path::new("sub/notes.md"));
        assert!(to.path().join("sub/notes.md").is_file() && !to.path().join(".git").exists());
    }
}
