//! What can go wrong while a plan is carried out, and the text that the log and the console get of it.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;

/// An error of another library, or of one verb.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// The reason why an action failed. The run goes on, and only the text matters: each verb has errors of its own.
pub(crate) type ActionError = Cause;

/// A run could not go on. What happened before stays in the log.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder or the log could not be written.
    #[error("cannot write {}: {source}; free some space or choose another folder with --out", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
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
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let cause = source.to_string();
        if !text.contains(&cause) {
            let _ = write!(text, ": {cause}");
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

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
