//! The hidden subcommands with which the harness starts itself.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use super::{exec, supervisor};

/// Handles `internal exec ...` and `internal supervise --state-dir DIR [--detach]`.
///
/// Call it first in `main`, before any thread or runtime exists, with the arguments *after* the program's name.
/// `None` means that the arguments are not for it. It returns an exit code when the work is done or has failed;
/// `exec` that succeeds never returns.
pub fn dispatch(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut args = args.into_iter();
    if args.next()? != "internal" {
        return None;
    }
    match args.next()?.to_str() {
        Some("exec") => Some(exec::run(args)),
        Some("supervise") => Some(supervise(args)),
        _ => None,
    }
}

fn supervise(args: impl Iterator<Item = OsString>) -> ExitCode {
    let mut state_dir = None;
    let mut detach = false;
    let mut args = args;
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--state-dir") => state_dir = args.next().map(PathBuf::from),
            Some("--detach") => detach = true,
            _ => {
                eprintln!("harness internal supervise: unknown argument {}", arg.display());
                return ExitCode::from(2);
            }
        }
    }
    let Some(state_dir) = state_dir else {
        eprintln!("usage: internal supervise --state-dir DIR [--detach]");
        return ExitCode::from(2);
    };
    if detach {
        close_inherited();
        // A session of its own: closing the terminal that ran `harness up` must not stop the cluster.
        if let Err(error) = nix::unistd::setsid() {
            eprintln!("harness internal supervise: cannot start a session: {error}");
            return ExitCode::from(3);
        }
    }
    match supervisor::main(state_dir) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("harness internal supervise: {error}");
            ExitCode::from(3)
        }
    }
}

/// Closes what the caller of `harness up` had open: the lock of a script would stay taken for as long as the cluster is up.
fn close_inherited() {
    const FIRST_AFTER_STDERR: i32 = 3;
    let Ok(listed) = std::fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<i32> = listed.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor >= FIRST_AFTER_STDERR) {
        // That of the listing is closed already.
        let _ = nix::unistd::close(descriptor);
    }
}
