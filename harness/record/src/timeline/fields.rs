//! The values over time of the fields that a scenario names.

use std::collections::BTreeMap;

use harness_plan::FieldPath;
use serde_json::Value;

use crate::event::{FieldValue, Seen};

/// A value and the moment from which it holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Valued {
    pub(crate) at_us: u64,
    /// `None` where the field is absent.
    pub(crate) value: Option<Value>,
    /// The object's UID; empty where the object does not exist.
    pub(crate) uid: Box<str>,
    pub(crate) seen: Seen,
}

/// Every value of every field, in time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    all: BTreeMap<String, BTreeMap<String, Vec<Valued>>>,
}

impl Fields {
    pub(crate) fn apply(&mut self, at_us: u64, field: &FieldValue) {
        let of_object = self.all.entry(field.object.clone()).or_default();
        of_object.entry(field.path.clone()).or_default().push(Valued {
            at_us,
            value: field.value.clone(),
            uid: field.uid.as_str().into(),
            seen: field.seen,
        });
    }

    /// The field's values, in time; empty where it was never seen.
    pub(crate) fn of(&self, object: &str, path: &FieldPath) -> &[Valued] {
        self.all.get(object).and_then(|paths| paths.get(path.as_str())).map_or(&[], Vec::as_slice)
    }

    /// The value at a moment; `None` where nothing was seen until then.
    pub(crate) fn at(&self, object: &str, path: &FieldPath, at_us: u64) -> Option<&Valued> {
        let values = self.of(object, path);
        values.partition_point(|valued| valued.at_us <= at_us).checked_sub(1).and_then(|index| values.get(index))
    }

    /// The changes that were seen in `(from, to]`, in time.
    pub(crate) fn within(&self, object: &str, path: &FieldPath, from_us: u64, to_us: u64) -> &[Valued] {
        let values = self.of(object, path);
        let first = values.partition_point(|valued| valued.at_us <= from_us);
        let end = values.partition_point(|valued| valued.at_us <= to_us);
        values.get(first..end).unwrap_or_default()
    }
}
