//! Appending to a log.

use std::io::Write;

use super::LogError;
use crate::event::Event;

/// Appends events to a log, each as one line in one `write_all`, so that a kill can cut the last line only.
///
/// Flushing is left to the caller: wrap the file in a `BufWriter` and flush as often as a kill may cost.
#[derive(Debug)]
pub struct LogWriter<W> {
    inner: W,
    line: Vec<u8>,
}

impl<W: Write> LogWriter<W> {
    /// Writes to `inner`.
    pub fn new(inner: W) -> Self {
        Self { inner, line: Vec::with_capacity(512) }
    }

    /// Appends one event.
    ///
    /// # Errors
    /// The writer under it failed; the part of the line that was written stays, and a reader takes it for a cut one.
    pub fn append(&mut self, event: &Event) -> Result<(), LogError> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event).map_err(LogError::Encode)?;
        self.line.push(b'\n');
        self.inner.write_all(&self.line).map_err(LogError::Write)
    }

    /// Flushes the writer under it.
    ///
    /// # Errors
    /// It failed.
    pub fn flush(&mut self) -> Result<(), LogError> {
        self.inner.flush().map_err(LogError::Write)
    }

    /// The writer under it.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// Gives the writer back, not flushed.
    pub fn into_inner(self) -> W {
        self.inner
    }
}
