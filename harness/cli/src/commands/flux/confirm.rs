//! Confirmation on the terminal before something is deleted.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::CliError;

/// Checks that there is a terminal to ask on.
pub(super) fn check_terminal(command: &'static str) -> Result<(), CliError> {
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        return Ok(());
    }
    Err(CliError::NoTerminal { command })
}

/// Asks on the terminal; anything but a yes is a no.
pub(super) fn ask(question: &str) -> Result<bool, CliError> {
    let mut err = io::stderr().lock();
    // When stderr is closed, nobody reads the question: that is a no.
    if write!(err, "{question} [y/N] ").and_then(|()| err.flush()).is_err() {
        return Ok(false);
    }
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(CliError::Stdin)?;
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
