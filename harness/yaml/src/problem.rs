//! What is wrong with a value that could be read.

use std::fmt;

use crate::suggest;

/// Something that the types cannot rule out, such as a share of 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The keys from the value that was checked to the one that is wrong; empty for the value itself.
    pub path: Vec<String>,
    /// Whether the last key itself is wrong, and not its value.
    pub is_key: bool,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl Problem {
    /// A problem at the end of a path of keys.
    pub fn new(path: &[&str], message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            path: path.iter().map(|key| (*key).to_owned()).collect(),
            is_key: false,
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// A key that cannot be.
    pub fn of_key(path: &[&str], message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { is_key: true, ..Self::new(path, message, hint) }
    }

    /// A word that is none of those that are possible.
    pub fn unknown<'a>(
        path: &[&str],
        message: impl Into<String>,
        word: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self::new(path, message, suggest::hint(word, candidates))
    }

    /// The same, seen from further out.
    #[must_use]
    pub fn under(mut self, key: impl Into<String>) -> Self {
        self.path.insert(0, key.into());
        self
    }
}

/// `quotaCores.X: unknown quota X; name a family by its letters ...`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path.join("."))?;
        }
        write!(f, "{}; {}", self.message, self.hint)
    }
}

impl std::error::Error for Problem {}
