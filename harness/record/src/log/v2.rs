//! Version 2 of the log, the current one: one JSON object a line, `{"t": MICROSECONDS, "e": {KIND: ...}}`.
//!
//! Its minor version grows when something is added: a kind of event, a milestone, a fact of Azure, a field or an attribute. An addition
//! must not change the meaning of what was there before; a change that does needs another major version. So a reader of an older
//! minor version may skip what it does not know, as long as it says so.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::event::{Event, EventKind};

/// A line that was read.
#[derive(Debug)]
pub(super) enum Parsed {
    Event(Box<Event>),
    /// Of a newer minor version: the name of the kind, milestone or fact that is not known here.
    Unknown(String),
}

/// The first line.
///
/// # Errors
/// It is not the one with which every log starts.
pub(super) fn header(line: &[u8]) -> Result<Event, String> {
    let event: Event = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    match event.kind {
        EventKind::RunStarted(_) => Ok(event),
        _ => Err("another event".to_owned()),
    }
}

/// A later line.
///
/// # Errors
/// It is not an event; in a log of a newer minor version only where it is not even of the form of one.
pub(super) fn event(line: &[u8], is_newer: bool) -> Result<Parsed, String> {
    serde_json::from_slice(line).map(|event| Parsed::Event(Box::new(event))).or_else(|error| {
        let unknown = if is_newer && is_event(line) { unknown_name(&error) } else { None };
        unknown.map(Parsed::Unknown).ok_or_else(|| error.to_string())
    })
}

/// The part of a line that every event has.
#[derive(Deserialize)]
struct AnyEvent {
    #[serde(rename = "t")]
    _at_us: u64,
    #[serde(rename = "e")]
    _kind: IgnoredAny,
}

fn is_event(line: &[u8]) -> bool {
    serde_json::from_slice::<AnyEvent>(line).is_ok()
}

/// Everything that may be added has a name in an enum, and serde says which one it does not know:
/// ``unknown variant `NAME`, expected ...``.
fn unknown_name(error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    let (name, _) = text.strip_prefix("unknown variant `")?.split_once('`')?;
    Some(name.to_owned())
}
