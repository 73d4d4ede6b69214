//! Reading a log, one event at a time.

use std::io::BufRead;

use serde::Deserialize;

use super::LogError;
use crate::event::{Event, EventKind, LOG_VERSION};

/// The last line of a log was cut: the run was killed, or its disk was full, in the middle of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated {
    /// Which line, from 1.
    pub line: u64,
    /// How many bytes of it are there.
    pub bytes: usize,
}

/// Reads a log, one event at a time, in constant memory.
///
/// The first line is checked at once. Afterwards the iterator yields events until the end, or one error and then nothing.
///
/// # Errors
/// [`LogError::Empty`], [`LogError::NoHeader`] or [`LogError::Version`].
pub fn read_log<R: BufRead>(reader: R) -> Result<LogReader<R>, LogError> {
    LogReader::new(reader)
}

/// The iterator of [`read_log`].
#[derive(Debug)]
pub struct LogReader<R> {
    reader: R,
    buffer: Vec<u8>,
    line: u64,
    first: Option<Event>,
    truncated: Option<Truncated>,
    ended: bool,
}

/// What one call of [`LogReader::next_line`] found.
enum Line {
    End,
    Whole,
    /// Without its newline.
    Last,
}

impl<R: BufRead> LogReader<R> {
    fn new(reader: R) -> Result<Self, LogError> {
        let mut log =
            Self { reader, buffer: Vec::with_capacity(1024), line: 0, first: None, truncated: None, ended: false };
        match log.next_line()? {
            Line::End => return Err(LogError::Empty),
            Line::Last if serde_json::from_slice::<Event>(&log.buffer).is_err() => return Err(LogError::Empty),
            Line::Whole | Line::Last => {}
        }
        log.first = Some(header(&log.buffer)?);
        Ok(log)
    }

    /// The cut last line, once the end was reached.
    pub fn truncated(&self) -> Option<Truncated> {
        self.truncated
    }

    /// Lines read so far.
    pub fn lines(&self) -> u64 {
        self.line
    }

    fn next_line(&mut self) -> Result<Line, LogError> {
        self.buffer.clear();
        let read = self
            .reader
            .read_until(b'\n', &mut self.buffer)
            .map_err(|source| LogError::Read { line: self.line, source })?;
        if read == 0 {
            return Ok(Line::End);
        }
        self.line += 1;
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
            Ok(Line::Whole)
        } else {
            Ok(Line::Last)
        }
    }

    fn next_event(&mut self) -> Result<Option<Event>, LogError> {
        loop {
            let line = self.next_line()?;
            if matches!(line, Line::End) {
                return Ok(None);
            }
            if self.buffer.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return match (serde_json::from_slice(&self.buffer), line) {
                (Ok(event), _) => Ok(Some(event)),
                (Err(_), Line::Last) => {
                    self.truncated = Some(Truncated { line: self.line, bytes: self.buffer.len() });
                    Ok(None)
                }
                (Err(error), _) => Err(LogError::Corrupt { line: self.line, reason: error.to_string() }),
            };
        }
    }
}

impl<R: BufRead> Iterator for LogReader<R> {
    type Item = Result<Event, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        if self.ended {
            return None;
        }
        let next = self.next_event().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// As much of the first line as every version has.
#[derive(Deserialize)]
struct AnyHeader {
    e: AnyKind,
}

#[derive(Deserialize)]
struct AnyKind {
    run_started: AnyRunStarted,
}

#[derive(Deserialize)]
struct AnyRunStarted {
    version: u64,
    #[serde(default)]
    harness: String,
}

fn header(line: &[u8]) -> Result<Event, LogError> {
    let refused = |error: serde_json::Error| LogError::NoHeader { reason: error.to_string() };
    let any: AnyHeader = serde_json::from_slice(line).map_err(refused)?;
    let AnyRunStarted { version, harness } = any.e.run_started;
    if version != u64::from(LOG_VERSION) {
        return Err(LogError::Version { found: version, harness });
    }
    let event: Event = serde_json::from_slice(line).map_err(refused)?;
    match event.kind {
        EventKind::RunStarted(_) => Ok(event),
        _ => Err(LogError::NoHeader { reason: "another event".to_owned() }),
    }
}
