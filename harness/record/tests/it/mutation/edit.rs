//! Changes of a log.

use harness_record::event::*;
use harness_record::{Event, EventKind};

/// One change of a log. Indices are those of the original.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Drop(usize),
    Replace(usize, Event),
    Add(Event),
}

/// A log with something changed.
#[derive(Clone, Debug)]
pub(crate) struct Mutation {
    /// What was changed, for the table.
    pub(crate) what: String,
    /// What the finding must name; empty where it can name nothing but the expectation.
    pub(crate) names: Vec<String>,
    pub(crate) edits: Vec<Edit>,
}

/// One thing that an expectation claims, of one workload, pool or process where it is about several, and the changes that should
/// refute it, the most telling first.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) what: String,
    pub(crate) mutations: Vec<Mutation>,
}

impl Claim {
    pub(crate) fn new(what: impl Into<String>, mutations: Vec<Mutation>) -> Self {
        Self { what: what.into(), mutations }
    }
}

impl Mutation {
    pub(crate) fn new(what: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self { what: what.into(), names: Vec::new(), edits }
    }

    /// The finding must name this too.
    pub(crate) fn naming(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }

    /// The changed log. An event that keeps its time keeps its place; one that is moved or added follows all events of its time.
    pub(crate) fn apply(&self, events: &[Event]) -> Vec<Event> {
        let mut kept: Vec<Option<Event>> = events.iter().cloned().map(Some).collect();
        let mut placed: Vec<Event> = Vec::new();
        for edit in &self.edits {
            match edit {
                Edit::Drop(index) => kept[*index] = None,
                Edit::Replace(index, event) if event.at_us == events[*index].at_us => {
                    kept[*index] = Some(event.clone());
                }
                Edit::Replace(index, event) => {
                    kept[*index] = None;
                    placed.push(event.clone());
                }
                Edit::Add(event) => placed.push(event.clone()),
            }
        }
        let mut all: Vec<Event> = kept.into_iter().flatten().collect();
        placed.sort_by_key(|event| event.at_us);
        for event in placed {
            let place = all.iter().position(|other| other.at_us > event.at_us).unwrap_or(all.len());
            all.insert(place, event);
        }
        all
    }
}

/// The event at another time. A fact of Azure happened there as much later or earlier.
pub(crate) fn at(event: &Event, at_us: u64) -> Event {
    let mut moved = Event { at_us, ..event.clone() };
    if let EventKind::Azure(fact) = &mut moved.kind {
        let delay_us = event.at_us.saturating_sub(fact.occurred_us);
        fact.occurred_us = at_us.saturating_sub(delay_us);
    }
    moved
}

/// The milestone with an attribute set.
pub(crate) fn with(event: &Event, key: &str, value: &str) -> Event {
    let mut changed = event.clone();
    if let EventKind::Milestone(milestone) = &mut changed.kind {
        milestone.attributes.insert(key.to_owned(), value.to_owned());
    }
    changed
}

/// The milestone without an attribute.
pub(crate) fn without(event: &Event, key: &str) -> Event {
    let mut changed = event.clone();
    if let EventKind::Milestone(milestone) = &mut changed.kind {
        milestone.attributes.remove(key);
    }
    changed
}

/// A milestone of an object.
pub(crate) fn milestone(at_us: u64, object: &ObjectKey, reached: Reached, attributes: &[(&str, &str)]) -> Event {
    let attributes = attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let milestone = Milestone { object: object.clone(), reached, seen: Seen::Live, server: None, attributes };
    Event { at_us, kind: EventKind::Milestone(milestone) }
}

/// An object that no run has seen.
pub(crate) fn unseen_object(kind: ObjectKind, name: &str) -> ObjectKey {
    let namespace = if kind == ObjectKind::Pod { "harness-run".to_owned() } else { String::new() };
    ObjectKey { kind, namespace, name: name.to_owned(), uid: format!("ffffffff-0000-4000-8000-{name}") }
}
