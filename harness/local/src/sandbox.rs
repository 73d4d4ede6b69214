//! A private view of the mounts for one process.
//!
//! The NAP controller calls client-go's `rest.InClusterConfig`, which reads a token at a path that only root can
//! write. In a mount namespace of its own the path can be made for this one process without touching the machine:
//! as root a mount namespace suffices, an ordinary user makes it inside a user namespace.

use std::fs;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

/// Below this folder pods find their service account (`/var/run` is a link to `/run` on current systems).
const RUN: &str = "/var/run";
/// Relative to [`RUN`]: client-go `rest/config.go`, `InClusterConfig`.
const SERVICE_ACCOUNT: &str = "secrets/kubernetes.io/serviceaccount";

/// Moves the calling process into its own mount namespace, in which the files of `service_account` appear where a
/// pod's do. The folders of `keep` stay visible at their own paths even below `/run`.
pub(crate) fn enter(service_account: &Path, keep: &[PathBuf]) -> Result<(), String> {
    namespaces()?;
    // Without this a mount here would show up on the machine.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .map_err(|error| format!("cannot make the mounts private: {error}"))?;

    let run = fs::canonicalize(RUN).map_err(|error| format!("cannot find {RUN}: {error}"))?;
    // The new tree is put together beside the old one, because folders to keep may lie in the old one.
    let staging = service_account.join("run");
    fs::create_dir_all(&staging).map_err(|error| format!("cannot make {}: {error}", staging.display()))?;
    mount(Some("tmpfs"), &staging, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some("mode=0755,size=1m"))
        .map_err(|error| format!("cannot mount a private {}: {error}", run.display()))?;

    let visible = staging.join(SERVICE_ACCOUNT);
    fs::create_dir_all(&visible).map_err(|error| format!("cannot make {}: {error}", visible.display()))?;
    for name in ["token", "ca.crt", "namespace"] {
        let from = service_account.join(name);
        fs::copy(&from, visible.join(name)).map_err(|error| format!("cannot copy {}: {error}", from.display()))?;
    }
    for dir in keep {
        if let Ok(below) = dir.strip_prefix(&run) {
            bind(dir, &staging.join(below))?;
        }
    }
    bind(&staging, &run)
}

fn bind(from: &Path, to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|error| format!("cannot make {}: {error}", to.display()))?;
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
        .map_err(|error| format!("cannot bind {} to {}: {error}", from.display(), to.display()))
}

fn namespaces() -> Result<(), String> {
    let (user, group) = (geteuid(), getegid());
    if user.is_root() {
        match unshare(CloneFlags::CLONE_NEWNS) {
            Ok(()) => return Ok(()),
            // Root in a container may lack the capability and still be allowed a user namespace.
            Err(Errno::EPERM) => {}
            Err(error) => return Err(format!("cannot make a mount namespace: {error}")),
        }
    }
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).map_err(|error| {
        format!(
            "cannot make a user namespace ({error}): the NAP controller needs one when harness does not run as root; \
             allow it with `sysctl kernel.unprivileged_userns_clone=1` or \
             `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or run as root"
        )
    })?;
    let write =
        |path: &str, content: String| fs::write(path, content).map_err(|error| format!("cannot write {path}: {error}"));
    // A group may only be mapped by an ordinary user once setgroups is denied (user_namespaces(7)).
    write("/proc/self/setgroups", "deny".into())?;
    write("/proc/self/uid_map", format!("{user} {user} 1\n"))?;
    write("/proc/self/gid_map", format!("{group} {group} 1\n"))
}
