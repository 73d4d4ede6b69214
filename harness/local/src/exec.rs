//! `internal exec`: the last step before a component runs.
//!
//! Code between fork and exec must be async-signal-safe, which cannot be written without `unsafe`. So every
//! component is started through this program instead: it is a process of its own, does what has to be done
//! to *itself* (parent-death signal, private mounts), and then becomes the component. No thread may exist when it
//! runs: unsharing a user namespace is refused in a process with several.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};

use super::sandbox::{self, SandboxError};

/// The exit status of a helper that could not become its program, as `env` and shells use it.
const CANNOT_RUN: u8 = 126;

/// Why the helper could not become its program.
#[derive(Debug, thiserror::Error)]
enum ExecError {
    #[error("{0}\n{USAGE}")]
    Arguments(String),
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error("cannot ask for the parent-death signal: {0}")]
    ParentDeathSignal(#[source] Errno),
    #[error("the supervisor (process {pid}) has ended")]
    SupervisorEnded { pid: i32 },
    #[error("cannot run {}: {source}", program.display())]
    Run { program: PathBuf, source: std::io::Error },
}

const USAGE: &str = "usage: internal exec --parent PID [--service-account DIR] [--keep DIR]... -- PROGRAM [ARG]...";

/// What to become, and under which conditions.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ExecRequest {
    /// The process that must still be the parent.
    pub(crate) parent: i32,
    /// A folder with `token`, `ca.crt` and `namespace`, to appear where pods find theirs.
    pub(crate) service_account: Option<PathBuf>,
    /// Folders that stay visible although the private mount may cover them.
    pub(crate) keep: Vec<PathBuf>,
    /// The program and its arguments.
    pub(crate) command: Vec<OsString>,
}

impl ExecRequest {
    /// The arguments that [`ExecRequest::parse`] reads back.
    pub(crate) fn to_args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> =
            vec!["internal".into(), "exec".into(), "--parent".into(), self.parent.to_string().into()];
        if let Some(dir) = &self.service_account {
            args.extend(["--service-account".into(), dir.into()]);
        }
        for dir in &self.keep {
            args.extend(["--keep".into(), dir.into()]);
        }
        args.push("--".into());
        args.extend(self.command.iter().cloned());
        args
    }

    /// Reads the arguments that follow `internal exec`.
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut request = Self::default();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{} needs a value", arg.display()));
            match arg.to_str() {
                Some("--parent") => {
                    let text = value()?;
                    request.parent =
                        text.to_str().and_then(|text| text.parse().ok()).ok_or("--parent needs a process id")?;
                }
                Some("--service-account") => request.service_account = Some(value()?.into()),
                Some("--keep") => request.keep.push(value()?.into()),
                Some("--") => {
                    request.command = args.collect();
                    break;
                }
                _ => return Err(format!("unknown argument {}", arg.display())),
            }
        }
        if request.parent <= 1 || request.command.is_empty() {
            return Err("--parent and a program are required".to_owned());
        }
        Ok(request)
    }
}

/// Becomes the program that the arguments after `internal exec` name; returns only when that fails.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Err(error) =
        ExecRequest::parse(args).map_err(ExecError::Arguments).and_then(|request| become_program(&request));
    eprintln!("harness internal exec: {error}");
    ExitCode::from(CANNOT_RUN)
}

fn become_program(request: &ExecRequest) -> Result<Infallible, ExecError> {
    if let Some(dir) = &request.service_account {
        sandbox::enter(dir, &request.keep)?;
    }
    // After the sandbox: a change of credentials clears the signal.
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(ExecError::ParentDeathSignal)?;
    // The supervisor may have ended before the signal was set; then this process would never be stopped.
    if getppid() != Pid::from_raw(request.parent) {
        return Err(ExecError::SupervisorEnded { pid: request.parent });
    }
    let program = &request.command[0];
    let source = Command::new(program).args(&request.command[1..]).exec();
    Err(ExecError::Run { program: program.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_survive_the_round_trip() {
        let request = ExecRequest {
            parent: 4711,
            service_account: Some("/s a".into()),
            keep: vec!["/k".into(), "/l".into()],
            command: vec!["/bin/x".into(), "--".into(), "--parent".into()],
        };
        let args = request.to_args().into_iter().skip(2);
        assert_eq!(ExecRequest::parse(args).unwrap(), request);
    }

    #[test]
    fn a_request_without_parent_or_program_is_refused() {
        for args in [
            vec!["--parent", "12"],
            vec!["--", "x"],
            vec!["--parent", "1", "--", "x"],
            vec!["--nope"],
            vec!["--parent"],
        ] {
            assert!(ExecRequest::parse(args.iter().map(OsString::from)).is_err(), "{args:?}");
        }
    }
}
