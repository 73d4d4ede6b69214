//! What a rule has to say about a node configuration.

use std::fmt;

use serde::Serialize;

use harness_yaml::Diagnostic;
use harness_yaml::Mark;
use harness_yaml::edit::TextEdit;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It works, but not as its author is likely to think.
    Warning,
    /// It cannot work; no load is started on such a tree.
    Error,
}

/// The rule of whatever is wrong with a scenario, which every command says in the same words.
pub const SCENARIO_RULE: &str = "scenario";

/// What one rule found at one place.
///
/// `Display` is `file:line:column: severity: message [rule]`, then what AKS would do and the fix on lines of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule's name, stable: `nodepool-api-version`.
    pub rule: &'static str,
    /// The file's path in the tree.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Bytes from the start of the file.
    pub offset: usize,
    /// Bytes; 0 where the place has no extent.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// What Kubernetes, Karpenter or AKS does with it.
    pub effect: String,
    /// Whether the effect is that an API server refuses the object, of which its own message says more.
    #[serde(skip)]
    pub refused: bool,
    /// What to write instead.
    pub fix: Option<String>,
    /// The line of the last character, from 1; 0 until the text is known.
    pub end_line: u32,
    /// Behind the last character, from 1; 0 until the text is known.
    pub end_column: u32,
    /// Whether `--fix` can do it.
    pub fixable: bool,
    /// What `--fix` does, all of it or nothing.
    #[serde(skip)]
    pub edits: Vec<Edit>,
}

/// One change of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The file's path in the tree.
    pub file: String,
    /// The change.
    pub edit: TextEdit,
}

impl Finding {
    /// A finding at a place of a file.
    pub(crate) fn new(
        severity: Severity,
        rule: &'static str,
        file: &str,
        mark: Mark,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            rule,
            file: file.to_owned(),
            line: mark.line,
            column: mark.column,
            offset: mark.offset,
            length: mark.length,
            message: message.into(),
            effect: String::new(),
            refused: false,
            fix: None,
            end_line: 0,
            end_column: 0,
            fixable: false,
            edits: Vec::new(),
        }
    }

    /// The same with what AKS does.
    #[must_use]
    pub fn effect(mut self, effect: impl Into<String>) -> Self {
        self.effect = effect.into();
        self
    }

    /// The same where an API server refuses the object, with what follows from that.
    pub(crate) fn refused(mut self, effect: &str) -> Self {
        self.refused = true;
        self.effect(effect)
    }

    /// The same with the edits that do what the fix says. Without any it stays what it is: for people to fix.
    pub(crate) fn edits(mut self, edits: Vec<Edit>) -> Self {
        self.fixable = !edits.is_empty();
        self.edits = edits;
        self
    }

    /// The same with the place of its end in the text.
    #[must_use]
    pub fn ending(mut self, text: &str) -> Self {
        let end = text.get(self.offset..self.offset.saturating_add(self.length)).unwrap_or_default();
        let lines = u32::try_from(end.matches('\n').count()).unwrap_or(u32::MAX);
        let last = end.rsplit('\n').next().unwrap_or_default();
        let columns = u32::try_from(last.chars().count()).unwrap_or(u32::MAX);
        self.end_line = self.line + lines;
        self.end_column = if lines == 0 { self.column + columns } else { columns + 1 };
        self
    }

    /// The same with what to write instead.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}: {} [{}]", self.file, self.line, self.column, self.severity, self.message, self.rule)?;
        if !self.effect.is_empty() {
            write!(f, "\n  effect: {}", self.effect)?;
        }
        match &self.fix {
            Some(fix) => write!(f, "\n  fix: {fix}"),
            None => Ok(()),
        }
    }
}

impl From<Finding> for Diagnostic {
    fn from(finding: Finding) -> Self {
        let hint = match (finding.effect.is_empty(), &finding.fix) {
            (false, Some(fix)) => Some(format!("{}; {fix}", finding.effect)),
            (false, None) => Some(finding.effect.clone()),
            (true, fix) => fix.clone(),
        };
        Self {
            file: finding.file,
            line: finding.line,
            column: finding.column,
            offset: finding.offset,
            length: finding.length,
            message: finding.message,
            hint,
        }
    }
}

impl From<Diagnostic> for Finding {
    fn from(diagnostic: Diagnostic) -> Self {
        let mark = Mark {
            line: diagnostic.line,
            column: diagnostic.column,
            offset: diagnostic.offset,
            length: diagnostic.length,
            source: 0,
        };
        let mut finding = Self::new(Severity::Error, SCENARIO_RULE, &diagnostic.file, mark, diagnostic.message);
        finding.fix = diagnostic.hint;
        finding
    }
}
