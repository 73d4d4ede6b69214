//! `events.jsonl`: one event a line, appended during the run, readable after a kill in mid-line.

mod error;
mod reader;
mod v1;
mod v2;
mod writer;

pub use error::LogError;
pub use reader::{LogReader, Skipped, Truncated, read_log};
pub use writer::LogWriter;
