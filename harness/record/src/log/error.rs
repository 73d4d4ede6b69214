//! What can be wrong with a log.

use crate::event::LOG_VERSION;

/// Why a log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The reader under it failed.
    #[error("cannot read the event log after line {line}: {source}")]
    Read {
        /// The last line that was read, from 1.
        line: u64,
        /// Why.
        source: std::io::Error,
    },
    /// The writer under it failed.
    #[error("cannot append to the event log: {0}")]
    Write(#[source] std::io::Error),
    /// An event that JSON cannot express. Does not happen with events of this crate's types.
    #[error("cannot write an event as JSON: {0}")]
    Encode(#[source] serde_json::Error),
    /// There is no whole line.
    #[error("the event log is empty: the run was killed before it began, or this is not the folder of a run")]
    Empty,
    /// The first line is not the one with which every log starts.
    #[error(
        "line 1 is not the start of an event log (`run_started`): is this an events.jsonl, and is it whole? {reason}"
    )]
    NoHeader {
        /// What was found.
        reason: String,
    },
    /// Written by a harness with another format.
    #[error(
        "the event log has version {found}, this harness reads version {LOG_VERSION} and older: use the harness that wrote it ({harness})"
    )]
    Version {
        /// The log's version.
        found: u64,
        /// The version of the harness that wrote it; may be empty.
        harness: String,
    },
    /// A line that is not an event, with lines after it.
    #[error("line {line} of the event log is corrupt: {reason}")]
    Corrupt {
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}
