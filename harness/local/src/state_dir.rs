//! The folder that holds everything of one cluster.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest, Sha256};

use super::error::LocalError;

/// The longest path of a socket, without its closing zero.
const SOCKET_PATH_BYTES: usize = 107;

/// A folder of this user below the system's temporary one.
fn private_temp() -> PathBuf {
    std::env::temp_dir().join(format!("harness-{}", nix::unistd::geteuid()))
}

/// Paths inside a cluster's folder. The folder is 0700 and its files 0600: it holds keys and tokens.
#[derive(Clone, Debug)]
pub struct StateDir {
    root: PathBuf,
}

impl StateDir {
    /// The folder at `root`; nothing is touched.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Creates the folder and its subfolders, for this user only.
    ///
    /// # Errors
    /// When a folder cannot be created, or an existing one belongs to another user.
    pub fn create(root: impl Into<PathBuf>) -> Result<Self, LocalError> {
        let this = Self::at(root);
        private_dir(&this.root)?;
        for dir in [this.pki(), this.kubeconfigs(), this.logs(), this.data()] {
            private_dir(&dir)?;
        }
        Ok(this)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }
    /// Certificates and keys.
    pub fn pki(&self) -> PathBuf {
        self.root.join("pki")
    }
    /// One kubeconfig an identity.
    pub fn kubeconfigs(&self) -> PathBuf {
        self.root.join("kubeconfigs")
    }
    /// The kubeconfig of one identity.
    pub fn kubeconfig(&self, identity: &str) -> PathBuf {
        self.kubeconfigs().join(format!("{identity}.yaml"))
    }
    /// One log file a component.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }
    /// The log file of one component.
    pub fn log(&self, component: &str) -> PathBuf {
        self.logs().join(format!("{component}.log"))
    }
    /// Data folders of etcd, the Git server and the source controller.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }
    /// The supervisor's control socket.
    ///
    /// The kernel takes 107 bytes of path (unix(7)). Where the folder's own path is too long, the socket is in a private folder
    /// of this user below the temporary folder.
    pub fn socket(&self) -> PathBuf {
        let here = self.root.join("control.sock");
        if here.as_os_str().len() <= SOCKET_PATH_BYTES {
            return here;
        }
        use std::os::unix::ffi::OsStrExt;
        let digest = format!("{:x}", Sha256::digest(self.root.as_os_str().as_bytes()));
        private_temp().join(format!("{}.sock", &digest[..16]))
    }
    /// What the supervisor is to start; written by the client that launches it.
    pub fn config_file(&self) -> PathBuf {
        self.root.join("config.json")
    }
    /// What runs: the last status that the supervisor wrote.
    pub fn cluster_file(&self) -> PathBuf {
        self.root.join("cluster.json")
    }
    /// The file whose lock the supervisor holds as long as it lives.
    fn lock_file(&self) -> PathBuf {
        self.root.join("supervisor.lock")
    }

    /// Takes the supervisor's lock; it is released when the value is dropped or the process ends, however it ends.
    ///
    /// # Errors
    /// When the file cannot be created. `Ok(None)` when another process holds the lock.
    pub fn try_lock(&self) -> Result<Option<Flock<File>>, LocalError> {
        let path = self.lock_file();
        let file = private_options().open(&path).map_err(LocalError::file("open", &path))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Some(lock)),
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, errno)) => Err(LocalError::file("lock", &path)(errno.into())),
        }
    }

    /// Removes everything except the logs.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn remove_all_but_logs(&self) -> Result<(), LocalError> {
        let logs = self.logs();
        for entry in fs::read_dir(&self.root).map_err(LocalError::file("read", &self.root))?.flatten() {
            let path = entry.path();
            if path == logs {
                continue;
            }
            let removed = if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.map_err(LocalError::file("remove", &path))?;
        }
        Ok(())
    }

    /// Removes the folder and all in it. A folder that does not exist is not an error.
    ///
    /// # Errors
    /// When something in it cannot be removed.
    pub fn remove(&self) -> Result<(), LocalError> {
        // It may be outside the folder.
        let _ = fs::remove_file(self.socket());
        match fs::remove_dir_all(&self.root) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(LocalError::file("remove", &self.root)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Creates a folder (and its parents) that only this user can enter; an existing one must already be this user's.
pub(crate) fn private_dir(path: &Path) -> Result<(), LocalError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(LocalError::file("create the folder", path))?;
    let meta = fs::symlink_metadata(path).map_err(LocalError::file("inspect", path))?;
    if !meta.is_dir() || meta.uid() != nix::unistd::geteuid().as_raw() {
        // Below a shared folder such as /tmp another user may have created it first, to read the keys.
        let reason = std::io::Error::new(std::io::ErrorKind::PermissionDenied, "it belongs to another user");
        return Err(LocalError::file("use the folder", path)(reason));
    }
    if meta.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            .map_err(LocalError::file("restrict the folder", path))?;
    }
    Ok(())
}

/// Writes a file that only this user can read, whole or not at all.
pub(crate) fn write_private(path: &Path, content: impl AsRef<[u8]>) -> Result<(), LocalError> {
    let mut staged = path.as_os_str().to_owned();
    staged.push(".new");
    let staged = PathBuf::from(staged);
    let mut file = private_options().truncate(true).open(&staged).map_err(LocalError::file("write", &staged))?;
    file.write_all(content.as_ref()).map_err(LocalError::file("write", &staged))?;
    fs::rename(&staged, path).map_err(LocalError::file("write", path))
}

/// Opens a log for appending, readable by this user only.
pub(crate) fn open_log(path: &Path) -> Result<File, LocalError> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(LocalError::file("open the log", path))
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

/// Where clusters are kept unless configured: `$HARNESS_STATE_DIR`, else `harness/clusters` in the user's cache
/// folder, else a private folder under the system's temporary one.
///
/// Not `$XDG_RUNTIME_DIR`: it is small memory-backed storage, and etcd's data is stored here.
pub fn default_state_root() -> PathBuf {
    let from_env = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(root) = from_env("HARNESS_STATE_DIR") {
        return root;
    }
    if let Some(cache) = from_env("XDG_CACHE_HOME").or_else(|| from_env("HOME").map(|home| home.join(".cache"))) {
        return cache.join("harness/clusters");
    }
    private_temp().join("clusters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_files_are_private() {
        let temp = tempfile::tempdir().unwrap();
        let state = StateDir::create(temp.path().join("a/b")).unwrap();
        write_private(&state.config_file(), b"{}").unwrap();
        for dir in [state.root().to_owned(), state.pki(), state.logs()] {
            assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700, "{}", dir.display());
        }
        assert_eq!(fs::metadata(state.config_file()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_deep_folder_has_a_socket_that_the_kernel_takes() {
        let shallow = StateDir::at("/a/b");
        assert_eq!(shallow.socket(), Path::new("/a/b/control.sock"));
        let deep = |last: &str| StateDir::at(format!("/{}/{last}", "x".repeat(120)));
        assert!(deep("a").socket().as_os_str().len() <= SOCKET_PATH_BYTES);
        assert_ne!(deep("a").socket(), deep("b").socket());
    }

    #[test]
    fn only_the_logs_are_kept() {
        let temp = tempfile::tempdir().unwrap();
        let state = StateDir::create(temp.path().join("a")).unwrap();
        write_private(&state.config_file(), "{}").unwrap();
        write_private(&state.log("etcd"), "line").unwrap();
        state.remove_all_but_logs().unwrap();
        assert!(state.log("etcd").exists() && !state.pki().exists() && !state.config_file().exists());
    }

    #[test]
    fn the_lock_is_exclusive_and_ends_with_its_holder() {
        let temp = tempfile::tempdir().unwrap();
        let state = StateDir::create(temp.path().join("c")).unwrap();
        let held = state.try_lock().unwrap();
        assert!(held.is_some());
        assert!(state.try_lock().unwrap().is_none(), "a second holder got the lock");
        drop(held);
        assert!(state.try_lock().unwrap().is_some());
    }
}
