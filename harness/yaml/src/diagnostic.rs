//! What is wrong with a text, and where.

use std::fmt;

use crate::Mark;

/// One error in a scenario, an override or a node configuration.
///
/// `Display` is `file:line:column: message`, and the hint on a line of its own. `offset` and `length` are bytes of the text,
/// for tools that print the source line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file as the caller named it; `--set` for an override.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Bytes from the start of the text.
    pub offset: usize,
    /// Bytes; 0 where the place has no extent, such as the end of the file.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error at a place of a file.
    pub fn new(file: &str, mark: Mark, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: mark.line,
            column: mark.column,
            offset: mark.offset,
            length: mark.length,
            message: message.into(),
            hint: None,
        }
    }

    /// The same with what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// Puts diagnostics into the order of the file and drops repetitions.
pub fn in_order(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by(|a, b| (&a.file, a.line, a.column, &a.message).cmp(&(&b.file, b.line, b.column, &b.message)));
    diagnostics.dedup();
    diagnostics
}
