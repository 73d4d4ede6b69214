//! What can go wrong while a plan is carried out, and the text that the log and the console get of it.

use std::error::Error;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::PathBuf;

use harness_kubernetes::plain;

/// An error of another library, or of one verb.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// The reason why an action failed. The run goes on, and only the text matters: each verb has errors of its own.
pub(crate) type ActionError = Cause;

/// A run could not go on. What happened before stays in the log.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The log could not be created.
    #[error("cannot create {}: {source}; choose another folder with --out", path.display())]
    NoLog {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The log could not be written to its end.
    #[error("cannot write {}: {source}; {}", path.display(), remedy(source))]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
        /// What the file lacks, from its last byte on.
        unwritten: Vec<u8>,
    },
    /// The log is not where it was.
    #[error("{} was removed or replaced during the run; its events are lost", path.display())]
    LogRemoved {
        /// The file.
        path: PathBuf,
    },
    /// A step failed.
    #[error("cannot {doing}: {source}")]
    Failed {
        /// What was being done, to what.
        doing: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A component died.
    #[error("{component} died ({status}); its log ends with: {log}")]
    ComponentDied {
        /// Its name.
        component: String,
        /// Its exit status.
        status: String,
        /// What the last line of its log says.
        log: String,
    },
    /// Something did not happen in time.
    #[error("{what} did not happen within {limit_s} s; last seen: {last}")]
    Deadline {
        /// What was awaited.
        what: String,
        /// For how long, in seconds.
        limit_s: u64,
        /// The last state.
        last: String,
    },
}

/// What helps where a file cannot be written.
fn remedy(source: &std::io::Error) -> &'static str {
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "free some space or choose another folder with --out"
        }
        _ => "choose another folder with --out",
    }
}

impl RunError {
    /// For `map_err`: the step that failed, as a verb with its object.
    pub(crate) fn failed<E: Into<Cause>>(doing: impl Into<String>) -> impl FnOnce(E) -> Self {
        let doing = doing.into();
        move |source| Self::Failed { doing, source: source.into() }
    }
}

/// Something that the preparation or an action needs and the target does not have.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lacking {
    #[error("this target has no Git repository that the harness can push to")]
    Git,
    #[error("this target has no metrics API whose values the harness can set")]
    Metrics,
    #[error("the harness does not control this target's Azure")]
    SimulatedAzure,
}

/// The text of an error with what caused it. Many libraries put the text of the source into their own: it is not repeated.
pub(crate) fn describe(error: &(dyn Error + 'static)) -> String {
    let mut text = plain(error);
    let mut next = error.source();
    while let Some(source) = next {
        let cause = plain(source);
        if !repeats(&text, &cause) {
            let _ = write!(text, ": {cause}");
        }
        next = source.source();
    }
    text
}

/// Whether a text has this cause as a part of its own, rather than as letters of other words.
fn repeats(text: &str, cause: &str) -> bool {
    text.match_indices(cause).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + cause.len()..]);
        (before.is_empty() || before.ends_with([' ', '(', '`']))
            && (after.is_empty() || after.starts_with([';', ':', ',', ')', '`', '\n']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Before, a cause whose letters were part of another word was left out.
    #[test]
    fn a_cause_is_left_out_only_where_it_was_said() {
        for said in ["cannot list the pods: time", "it failed (time)", "time: none", "cannot wait: time; try again"] {
            assert!(repeats(said, "time"), "{said}");
        }
        for other in ["the timeout is over", "runtime", "a time of day"] {
            assert!(!repeats(other, "time"), "{other}");
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("no answer")]
    struct NoAnswer(#[source] std::io::Error);

    #[test]
    fn a_text_names_every_cause_once() {
        let refused = std::io::Error::other("connection refused");
        let error = RunError::failed("list the pods")(NoAnswer(refused));
        assert_eq!(describe(&error), "cannot list the pods: no answer: connection refused");
    }
}
