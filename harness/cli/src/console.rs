//! What goes to stdout and what to stderr. stdout carries data only, so that it can be piped; stderr carries the rest.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use crate::args::{Format, Output};

/// Data could not be written to stdout.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout: {0}")]
pub(crate) struct StdoutError(#[from] io::Error);

/// Where output goes and what it looks like: decided once, from the arguments and the environment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    /// What stdout carries.
    pub(crate) format: Format,
    quiet: bool,
    /// Colour on stdout.
    pub(crate) colour_out: bool,
    /// Colour on stderr.
    pub(crate) colour_err: bool,
    /// Whether stderr is a terminal that can be drawn on.
    pub(crate) interactive: bool,
}

impl Console {
    pub(crate) fn new(output: &Output) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let plain = set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let ci = set("CI");
        Self {
            format: output.format,
            quiet: output.quiet,
            colour_out: io::stdout().is_terminal() && !plain,
            colour_err: io::stderr().is_terminal() && !plain,
            interactive: io::stderr().is_terminal() && !ci && !output.quiet,
        }
    }

    /// The columns to write for: the terminal's, or as many as the log page of a pipeline shows.
    pub(crate) fn width(&self) -> usize {
        let columns = console::Term::stderr().size_checked().map(|(_, columns)| usize::from(columns));
        columns.unwrap_or(110).clamp(40, 160)
    }

    /// Whether stdout carries JSON.
    pub(crate) fn json(&self) -> bool {
        self.format == Format::Json
    }

    /// Writes data to stdout. A reader that has closed the pipe (`| head`) is not an error.
    pub(crate) fn data(&self, text: &str) -> Result<(), StdoutError> {
        let mut out = io::stdout().lock();
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        match write!(out, "{text}{newline}").and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(StdoutError(error)),
            _ => Ok(()),
        }
    }

    /// Writes a value to stdout as JSON.
    pub(crate) fn json_data(&self, value: &impl serde::Serialize) -> Result<(), StdoutError> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
        self.data(&text)
    }

    /// Writes a line about what happens to stderr, unless quiet.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            // When stderr is closed, nobody reads it.
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// Writes a warning to stderr, even when quiet.
    pub(crate) fn warning(&self, text: &str) {
        let label = if self.colour_err { "\u{1b}[1;33mwarning\u{1b}[0m" } else { "warning" };
        let _ = writeln!(io::stderr().lock(), "{label}: {text}");
    }

    /// Writes an error to stderr, even when quiet.
    pub(crate) fn error(&self, text: &str) {
        let label = if self.colour_err { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
        let _ = writeln!(io::stderr().lock(), "{label}: {text}");
    }
}

/// Starts logging to stderr. `HARNESS_LOG` overrides the level.
pub(crate) fn start_log(output: &Output) {
    let level = match (output.quiet, output.verbose) {
        (true, _) => "error",
        (_, 0) => "warn,kube_runtime=error,kube_client=error,kube_client::client::builder=off",
        (_, 1) => "info",
        (_, _) => "debug",
    };
    let filter = EnvFilter::try_from_env("HARNESS_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .without_time()
        .init();
}
