//! A private view of the mounts for one process.
//!
//! The NAP controller calls client-go's `rest.InClusterConfig`, which reads a token at a path that only root can
//! write. In a mount namespace of its own the path can be made for this one process without touching the machine:
//! as root a mount namespace suffices, an ordinary user also needs a user namespace.

use std::path::{Path, PathBuf};
use std::{fs, io};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

/// The private view of the mounts could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SandboxError {
    #[error("cannot create a mount namespace: {0}")]
    MountNamespace(#[source] Errno),
    #[error(
        "cannot create a user namespace: {0}; the NAP controller needs one when harness does not run as root: allow it with \
         `sysctl kernel.unprivileged_userns_clone=1` or `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or run as root"
    )]
    UserNamespace(#[source] Errno),
    #[error("cannot {doing} {}: {source}", path.display())]
    Folder { doing: &'static str, path: PathBuf, source: io::Error },
}

impl SandboxError {
    fn folder<E: Into<io::Error>>(doing: &'static str, path: &Path) -> impl FnOnce(E) -> Self {
        move |error| Self::Folder { doing, path: path.to_owned(), source: error.into() }
    }
}

/// Below this folder pods find their service account (`/var/run` is a link to `/run` on current systems).
const RUN: &str = "/var/run";
/// Relative to [`RUN`]: client-go `rest/config.go`, `InClusterConfig`.
const SERVICE_ACCOUNT: &str = "secrets/kubernetes.io/serviceaccount";

/// Moves the calling process into its own mount namespace, in which the files of `service_account` appear where a
/// pod's do. The folders of `keep` stay visible at their own paths even below `/run`.
pub(crate) fn enter(service_account: &Path, keep: &[PathBuf]) -> Result<(), SandboxError> {
    unshare_mounts()?;
    // Without this a mount here would show up on the machine.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .map_err(SandboxError::folder("make the mounts private below", Path::new("/")))?;

    let run = fs::canonicalize(RUN).map_err(SandboxError::folder("find", Path::new(RUN)))?;
    // The new tree is assembled beside the old one, because folders to keep may be in the old one.
    let staging = service_account.join("run");
    fs::create_dir_all(&staging).map_err(SandboxError::folder("create", &staging))?;
    mount(Some("tmpfs"), &staging, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some("mode=0755,size=1m"))
        .map_err(SandboxError::folder("mount a private", &run))?;

    let visible = staging.join(SERVICE_ACCOUNT);
    fs::create_dir_all(&visible).map_err(SandboxError::folder("create", &visible))?;
    for name in ["token", "ca.crt", "namespace"] {
        let from = service_account.join(name);
        fs::copy(&from, visible.join(name)).map_err(SandboxError::folder("copy", &from))?;
    }
    for dir in keep {
        if let Ok(below) = dir.strip_prefix(&run) {
            bind(dir, &staging.join(below))?;
        }
    }
    bind(&staging, &run)
}

fn bind(from: &Path, to: &Path) -> Result<(), SandboxError> {
    fs::create_dir_all(to).map_err(SandboxError::folder("create", to))?;
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
        .map_err(SandboxError::folder("bind a folder to", to))
}

/// Moves the calling process into its own mount namespace, and into its own user namespace where it needs one for that.
fn unshare_mounts() -> Result<(), SandboxError> {
    let (user, group) = (geteuid(), getegid());
    if user.is_root() {
        match unshare(CloneFlags::CLONE_NEWNS) {
            Ok(()) => return Ok(()),
            // Root in a container may lack the capability and still be allowed a user namespace.
            Err(Errno::EPERM) => {}
            Err(errno) => return Err(SandboxError::MountNamespace(errno)),
        }
    }
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).map_err(SandboxError::UserNamespace)?;
    let write =
        |path: &str, content: String| fs::write(path, content).map_err(SandboxError::folder("write", Path::new(path)));
    // A group may only be mapped by an ordinary user once setgroups is denied (user_namespaces(7)).
    write("/proc/self/setgroups", "deny".into())?;
    write("/proc/self/uid_map", format!("{user} {user} 1\n"))?;
    write("/proc/self/gid_map", format!("{group} {group} 1\n"))
}
