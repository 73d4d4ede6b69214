//! Reading a log, one event at a time.

use std::collections::BTreeMap;
use std::io::BufRead;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::v2::Parsed;
use super::{LogError, v1, v2};
use crate::event::{Event, LOG_MINOR};

/// Unknown names that are kept apart; the others are counted together.
const NAMES_KEPT: usize = 20;

/// The last line of a log was cut: the run was killed, or its disk was full, in the middle of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated {
    /// Which line, from 1.
    pub line: u64,
    /// Its length as far as it was written, bytes.
    pub bytes: usize,
}

/// What was skipped of a log of a newer minor version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// The log's minor version where it is newer than [`LOG_MINOR`].
    pub newer_minor: Option<u64>,
    /// Events that were skipped, by the name of the kind, milestone or fact that is not known here; the empty name collects those
    /// beyond the first 20 names.
    pub events: BTreeMap<String, u64>,
}

impl Skipped {
    fn of(minor: u64) -> Self {
        Self { newer_minor: (minor > u64::from(LOG_MINOR)).then_some(minor), events: BTreeMap::new() }
    }

    fn add(&mut self, name: String) {
        let full = self.events.len() >= NAMES_KEPT && !self.events.contains_key(&name);
        *self.events.entry(if full { String::new() } else { name }).or_default() += 1;
    }
}

/// The readers, one for each version that was ever written.
#[derive(Clone, Copy, Debug)]
enum Format {
    V1,
    V2 {
        /// Whether the log's minor version is newer than [`LOG_MINOR`].
        is_newer: bool,
    },
}

impl Format {
    /// The reader of a version; `None` for an unknown one.
    fn of(version: u64, minor: u64) -> Option<Self> {
        match version {
            1 => Some(Self::V1),
            2 => Some(Self::V2 { is_newer: minor > u64::from(LOG_MINOR) }),
            _ => None,
        }
    }

    fn header(self, line: &[u8]) -> Result<Event, String> {
        match self {
            Self::V1 => v1::header(line),
            Self::V2 { .. } => v2::header(line),
        }
    }

    fn event(self, line: &[u8]) -> Result<Parsed, String> {
        match self {
            Self::V1 => v1::event(line),
            Self::V2 { is_newer } => v2::event(line, is_newer),
        }
    }
}

/// Reads a log, one event at a time, in constant memory.
///
/// The first line is checked at once. Afterwards the iterator yields events until the end, or one error and then nothing.
///
/// # Errors
/// [`LogError::Empty`], [`LogError::NoHeader`] or [`LogError::Version`].
pub fn read_log<R: BufRead>(mut reader: R) -> Result<LogReader<R>, LogError> {
    let mut buffer = Vec::with_capacity(1024);
    match next_line(&mut reader, &mut buffer, 0)? {
        Line::End => return Err(LogError::Empty),
        Line::Last if serde_json::from_slice::<IgnoredAny>(&buffer).is_err() => return Err(LogError::Empty),
        Line::Whole | Line::Last => {}
    }
    let refused = |error: serde_json::Error| LogError::NoHeader { reason: error.to_string() };
    let any: AnyHeader = serde_json::from_slice(&buffer).map_err(refused)?;
    let AnyRunStarted { version, minor, harness } = any.e.run_started;
    let format = Format::of(version, minor).ok_or(LogError::Version { found: version, harness })?;
    let first = format.header(&buffer).map_err(|reason| LogError::NoHeader { reason })?;
    let skipped = Skipped::of(minor);
    Ok(LogReader { reader, buffer, line: 1, format, skipped, first: Some(first), truncated: None, ended: false })
}

/// The iterator of [`read_log`].
#[derive(Debug)]
pub struct LogReader<R> {
    reader: R,
    buffer: Vec<u8>,
    line: u64,
    format: Format,
    skipped: Skipped,
    first: Option<Event>,
    truncated: Option<Truncated>,
    ended: bool,
}

/// What one call of [`next_line`] found.
enum Line {
    End,
    Whole,
    /// Without its newline.
    Last,
}

impl<R: BufRead> LogReader<R> {
    /// The cut last line, once the end was reached.
    pub fn truncated(&self) -> Option<Truncated> {
        self.truncated
    }

    /// What was skipped so far of a log of a newer minor version.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    fn next_event(&mut self) -> Result<Option<Event>, LogError> {
        loop {
            let line = next_line(&mut self.reader, &mut self.buffer, self.line)?;
            if matches!(line, Line::End) {
                return Ok(None);
            }
            self.line += 1;
            if self.buffer.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return match (self.format.event(&self.buffer), line) {
                (Ok(Parsed::Event(event)), _) => Ok(Some(*event)),
                (Ok(Parsed::Unknown(name)), _) => {
                    self.skipped.add(name);
                    continue;
                }
                (Err(_), Line::Last) => {
                    self.truncated = Some(Truncated { line: self.line, bytes: self.buffer.len() });
                    Ok(None)
                }
                (Err(reason), _) => Err(LogError::Corrupt { line: self.line, reason }),
            };
        }
    }
}

/// Reads one line into the buffer, without its newline; `line` is the number of the one before.
fn next_line(reader: &mut impl BufRead, buffer: &mut Vec<u8>, line: u64) -> Result<Line, LogError> {
    buffer.clear();
    let read = reader.read_until(b'\n', buffer).map_err(|source| LogError::Read { line, source })?;
    if read == 0 {
        return Ok(Line::End);
    }
    if buffer.last() == Some(&b'\n') {
        buffer.pop();
        Ok(Line::Whole)
    } else {
        Ok(Line::Last)
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

/// The part of the first line that every version has.
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
    minor: u64,
    #[serde(default)]
    harness: String,
}
