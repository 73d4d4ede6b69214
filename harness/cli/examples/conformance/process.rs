//! A child process: its output goes to a file, and it has a limit.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use harness_record::text::one_line;

use crate::failure::Failure;

/// How often to check whether it has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How much of a log an error shows, characters.
const SAID_MAX: usize = 400;

/// How a child ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// By itself.
    With(ExitStatus),
    /// It was killed after its limit.
    TooSlow,
    /// It was killed because of an interrupt.
    Interrupted,
}

/// Runs a command to its end with its output in `log`. It is killed after `limit`, and as soon as it is `interrupted`.
pub(crate) fn run(
    command: &mut Command,
    log: &Path,
    limit: Duration,
    interrupted: impl Fn() -> bool,
) -> Result<Ended, Failure> {
    let output = File::create(log).map_err(Failure::file("create", log))?;
    let also = output.try_clone().map_err(Failure::file("open", log))?;
    let program = command_name(command);
    let failed = |source| Failure::Spawn { program: program.clone().into(), source };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(also)
        // A process group of its own: a terminal sends Ctrl-C to the whole foreground group, and what ends when is decided here.
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(Ended::With(status));
        }
        let ended = match () {
            () if interrupted() => Some(Ended::Interrupted),
            () if began.elapsed() >= limit => Some(Ended::TooSlow),
            () => None,
        };
        if let Some(ended) = ended {
            // If it has ended just now, there is nothing to kill.
            let _ = child.kill();
            child.wait().map_err(failed)?;
            return Ok(ended);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Runs a command that must succeed, as [`run`] does.
pub(crate) fn succeed(
    command: &mut Command,
    log: &Path,
    limit: Duration,
    interrupted: impl Fn() -> bool,
) -> Result<(), Failure> {
    let status = match run(command, log, limit, interrupted)? {
        Ended::With(status) if status.success() => return Ok(()),
        Ended::With(status) => status.to_string(),
        Ended::TooSlow => format!("a kill after its limit of {} s", limit.as_secs()),
        Ended::Interrupted => return Err(Failure::Interrupted),
    };
    let arguments = command.get_args().map(|argument| format!(" {}", argument.to_string_lossy()));
    let what = one_line(&arguments.fold(command_name(command), |all, one| all + &one), SAID_MAX);
    Err(Failure::Ended { what, status, said: end_of(log), log: log.to_owned() })
}

/// The end of a log, in one line.
pub(crate) fn end_of(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let line = one_line(&text, usize::MAX);
    let skipped = line.chars().count().saturating_sub(SAID_MAX);
    line.chars().skip(skipped).collect()
}

fn command_name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_child_that_hangs_is_killed_and_an_error_shows_the_end_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let hung =
            |interrupted: bool| run(&mut shell("exec sleep 60"), &log, Duration::from_millis(50), || interrupted);
        assert!(matches!(hung(false), Ok(Ended::TooSlow)));
        assert!(matches!(hung(true), Ok(Ended::Interrupted)));
        let limit = Duration::from_secs(10);
        let error = succeed(&mut shell("echo no  disk; exit 3"), &log, limit, || false).unwrap_err().to_string();
        assert!(error.contains("exit status: 3: no disk ("), "{error}");
        succeed(&mut shell("true"), &log, limit, || false).unwrap();
        let interrupted = succeed(&mut shell("exec sleep 60"), &log, limit, || true);
        assert!(matches!(interrupted, Err(Failure::Interrupted)));
    }
}
