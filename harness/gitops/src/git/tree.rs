//! The files of a folder that a commit contains.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use super::error::GitError;

/// One entry of a Git tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Relative to the tree.
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    File {
        executable: bool,
    },
    /// With its target.
    Link(PathBuf),
}

impl Entry {
    /// The mode as Git writes it.
    pub(super) fn mode(&self) -> &'static str {
        match self.kind {
            Kind::File { executable: false } => "100644",
            Kind::File { executable: true } => "100755",
            Kind::Link(_) => "120000",
        }
    }
}

/// Every file and link under `root`, in order of their names. Entries called `.git` are left out: Git holds
/// none, and a checkout has one.
pub(super) fn entries(root: &Path) -> Result<Vec<Entry>, GitError> {
    let root = root.canonicalize().map_err(GitError::io("read the tree", root))?;
    if !root.is_dir() {
        return Err(GitError::io("read the tree", &root)(std::io::ErrorKind::NotADirectory.into()));
    }
    let mut entries = Vec::new();
    let walk = walkdir::WalkDir::new(&root)
        .min_depth(1)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| !entry.file_name().eq_ignore_ascii_case(".git"));
    for found in walk {
        let found = found.map_err(|error| {
            let path = error.path().unwrap_or(&root).to_owned();
            GitError::io("read", path)(error.into())
        })?;
        let path = found.path().strip_prefix(&root).unwrap_or(found.path()).to_owned();
        let kind = found.file_type();
        let unsupported = |why| GitError::Unsupported { path: path.clone(), why };
        if path.as_os_str().as_bytes().contains(&b'\n') {
            return Err(unsupported("has a line break in its name"));
        }
        let kind = if kind.is_dir() {
            continue;
        } else if kind.is_symlink() {
            let target = std::fs::read_link(found.path()).map_err(GitError::io("read the link", &path))?;
            check_link(&root, &path, &target)?;
            Kind::Link(target)
        } else if kind.is_file() {
            let meta = found.metadata().map_err(|error| GitError::io("read", &path)(error.into()))?;
            let executable = meta.permissions().mode() & 0o111 != 0;
            Kind::File { executable }
        } else {
            return Err(unsupported("is not a file, folder or symbolic link"));
        };
        entries.push(Entry { path, kind });
    }
    Ok(entries)
}

/// Refuses a link that leads out of the tree, by its text or by where it really ends.
fn check_link(root: &Path, link: &Path, target: &Path) -> Result<(), GitError> {
    let leaves = || GitError::LinkLeavesTree { path: link.to_owned(), target: target.to_owned() };
    let mut depth = link.components().count().saturating_sub(1);
    for component in target.components() {
        match component {
            Component::Normal(name) if name == OsStr::new(".git") => return Err(leaves()),
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir => depth = depth.checked_sub(1).ok_or_else(leaves)?,
            Component::RootDir | Component::Prefix(_) => return Err(leaves()),
        }
    }
    // Other links on the way may lead elsewhere. A link to nothing is content like any other.
    match root.join(link).canonicalize() {
        Ok(end) if !end.starts_with(root) => Err(leaves()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rstest::rstest;

    use super::*;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for folder in [".git/objects", "sub/.git", "sub/deep"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        for file in [".git/HEAD", "sub/.git/HEAD", "b.yaml", "a.yaml", "sub/c", ".hidden"] {
            std::fs::write(dir.path().join(file), file).unwrap();
        }
        dir
    }

    #[test]
    fn git_folders_are_left_out_and_the_rest_is_in_order() {
        let dir = tree();
        let script = dir.path().join("sub/c");
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        let found = entries(dir.path()).unwrap();
        let names: Vec<_> = found.iter().map(|e| (e.path.to_str().unwrap(), e.mode())).collect();
        let plain = "100644";
        assert_eq!(names, [(".hidden", plain), ("a.yaml", plain), ("b.yaml", plain), ("sub/c", "100755")]);
    }

    #[rstest]
    #[case("link", "a.yaml", true)]
    #[case("sub/deep/link", "../../a.yaml", true)]
    #[case("link", "nowhere", true)]
    #[case("link", "sub/../a.yaml", true)]
    #[case("link", "/etc/hostname", false)]
    #[case("link", "../x", false)]
    #[case("sub/link", "../../x", false)]
    #[case("link", ".git/HEAD", false)]
    fn links_stay_inside(#[case] link: &str, #[case] target: &str, #[case] fine: bool) {
        let dir = tree();
        symlink(target, dir.path().join(link)).unwrap();
        match entries(dir.path()) {
            Ok(found) => {
                assert!(fine, "{target} was taken");
                assert!(found.iter().any(|e| e.kind == Kind::Link(target.into())));
            }
            Err(GitError::LinkLeavesTree { path, .. }) => {
                assert!(!fine, "{target} was refused");
                assert_eq!(path, Path::new(link));
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_link_that_leaves_through_another_link_is_refused() {
        let dir = tree();
        // By its text `up/../x` is inside; `up` is the root itself, so it is not.
        symlink(".", dir.path().join("sub/deep/up")).unwrap();
        symlink("../..", dir.path().join("sub/deep/root")).unwrap();
        let outside = dir.path().parent().unwrap();
        let probe = tempfile::NamedTempFile::new_in(outside).unwrap();
        let name = probe.path().file_name().unwrap();
        let target = Path::new("sub/deep/root/..").join(name);
        symlink(&target, dir.path().join("escape")).unwrap();
        let error = entries(dir.path()).unwrap_err();
        assert!(matches!(error, GitError::LinkLeavesTree { .. }), "{error}");
    }

    #[test]
    fn other_things_are_refused() {
        let dir = tree();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
        let error = entries(dir.path()).unwrap_err();
        assert!(matches!(error, GitError::Unsupported { .. }), "{error}");
        let error = entries(&dir.path().join("a.yaml")).unwrap_err();
        assert!(matches!(error, GitError::Io { .. }), "{error}");
    }
}
