//! Private folders for copies of trees, below the system's temporary folder.

use std::path::Path;

use tempfile::TempDir;

use crate::error::FileError;

/// The names of the folders: then come the id of the process, a dash, and something unique.
const PREFIX: &str = "harness-tree-";

/// Creates a folder that is deleted with the returned value, and deletes those of processes that were killed.
///
/// # Errors
/// [`FileError::Write`].
pub(super) fn private_folder() -> Result<TempDir, FileError> {
    let parent = std::env::temp_dir();
    remove_abandoned(&parent);
    tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-", std::process::id()))
        .tempdir_in(&parent)
        .map_err(|source| FileError::Write { path: parent, source })
}

fn remove_abandoned(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'));
        if owner.is_some_and(|(pid, _)| pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists()) {
            // One of another user stays: that is theirs to remove.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Before, a run that was killed with SIGKILL left its copy for good.
    #[test]
    fn folders_of_killed_processes_are_removed_and_others_stay() {
        let parent = tempfile::tempdir().unwrap();
        let (own, other) = (format!("{PREFIX}{}-a", std::process::id()), format!("{PREFIX}notes"));
        // No process has an id this large (`PID_MAX_LIMIT` of the kernel is 4194304).
        let killed = format!("{PREFIX}4194305-a");
        for name in [&own, &other, &killed] {
            std::fs::create_dir(parent.path().join(name)).unwrap();
        }
        remove_abandoned(parent.path());
        let exists = |name: &str| parent.path().join(name).exists();
        assert_eq!((exists(&own), exists(&other), exists(&killed)), (true, true, false));
    }
}
