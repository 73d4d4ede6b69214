//! Whether a process can have mounts of its own.
//!
//! The NAP controller reads `/var/run/secrets/kubernetes.io/serviceaccount`, as in a pod. It gets that folder
//! in a private mount namespace, so that nothing on the machine changes.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::check::Check;
use crate::find_program;

const NAME: &str = "private mounts";
const LIMIT: Duration = Duration::from_secs(10);

/// Tries what will be done: a new namespace and a tmpfs over `/run` in it. An ordinary user needs a user
/// namespace as well, and some distributions hand those out without the right to mount: only an attempt shows it.
pub(super) async fn private_mounts(search_path: &OsStr) -> Check {
    let root = nix::unistd::geteuid().is_root();
    let Some(unshare) = find_program("unshare", search_path) else {
        return from_kernel_settings(root);
    };
    let mut arguments = vec!["--mount"];
    if !root {
        arguments = vec!["--user", "--map-root-user", "--mount"];
    }
    arguments.extend(["mount", "-t", "tmpfs", "none", "/run"]);
    let output =
        Command::new(unshare).args(arguments).env("PATH", search_path).stdin(Stdio::null()).kill_on_drop(true).output();
    let how = if root { "as root" } else { "in a user namespace" };
    match tokio::time::timeout(LIMIT, output).await {
        Ok(Ok(output)) if output.status.success() => Check::ok(NAME, format!("a private /run could be mounted {how}")),
        Ok(Ok(output)) => {
            let text = String::from_utf8_lossy(&output.stderr);
            let reason = text.trim().lines().last().unwrap_or("no reason given");
            refused(root, &format!("mounting a private /run {how} failed: {reason}"))
        }
        Ok(Err(error)) => refused(root, &format!("cannot run unshare: {error}")),
        Err(_) => refused(root, &format!("unshare did not answer in {} s", LIMIT.as_secs())),
    }
}

fn from_kernel_settings(root: bool) -> Check {
    if root {
        return Check::ok(NAME, "root, not tried: there is no `unshare` program");
    }
    let setting = |path: &str| std::fs::read_to_string(path).map(|text| text.trim().to_owned());
    let closed = [
        ("/proc/sys/kernel/unprivileged_userns_clone", "0"),
        ("/proc/sys/user/max_user_namespaces", "0"),
        ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"),
    ];
    match closed.iter().find(|(path, off)| setting(path).is_ok_and(|value| value == *off)) {
        Some((path, value)) => refused(root, &format!("{path} is {value}")),
        None => Check::ok(NAME, "user namespaces seem allowed; not tried: there is no `unshare` program"),
    }
}

fn refused(root: bool, detail: &str) -> Check {
    let advice = if root {
        "give the container CAP_SYS_ADMIN (--cap-add SYS_ADMIN --security-opt apparmor=unconfined), or run outside of it"
    } else {
        "run as root, or allow user namespaces: `sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000` and, where it exists, `kernel.apparmor_restrict_unprivileged_userns=0`"
    };
    Check::fail(NAME, detail, advice)
}
