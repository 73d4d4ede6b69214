//! Asking before something is removed.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::CliError;

/// Whether somebody is there to be asked.
pub(super) fn can_ask(command: &str) -> Result<(), CliError> {
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "`{command}` asks before it removes anything, and there is no terminal to ask on: give --yes, or --dry-run to see what it would do"
    )))
}

/// Asks on the terminal; anything but a yes is a no.
pub(super) fn asked(question: &str) -> Result<bool, CliError> {
    let mut err = io::stderr().lock();
    // Nobody is left to answer when stderr is closed: no answer is a no.
    if write!(err, "{question} [y/N] ").and_then(|()| err.flush()).is_err() {
        return Ok(false);
    }
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|source| CliError::Read { path: "standard input".into(), source })?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        assert!(["y\n", "YES\n", " yes "].iter().all(|answer| is_yes(answer)));
        assert!(!["", "\n", "n\n", "yeah\n"].iter().any(|answer| is_yes(answer)));
    }
}
