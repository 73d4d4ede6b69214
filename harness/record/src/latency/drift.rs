//! How long a foreign change lasts until a controller undoes it.

use std::collections::BTreeMap;

use harness_plan::{Action, ChangeKind, FieldPath, LatencyName};
use serde_json::Value;

use super::groups::{Grouping, Labels};
use super::source::{Source, until};
use crate::event::Seen;
use crate::timeline::{Fields, Stamp};

pub(super) fn collect(source: &Source<'_>, into: &mut Grouping<'_>) {
    let Source { timelines, horizon, .. } = source;
    for (action, planned) in timelines.actions.of_plan() {
        let Action::Change(change) = planned else { continue };
        if change.stays {
            continue;
        }
        let (Some(sent_us), Some(acked_us)) = (action.sent_us, action.acked_us) else { continue };
        let (object, paths) = (change.object(), change.paths());
        let deleted = change.kind() == ChangeKind::Delete;
        let right = Right { object, deleted, paths: &paths, fields: &timelines.fields };
        let to = right.again(sent_us, acked_us, horizon.us);
        let labels = Labels { object: source.names.get(object).unwrap_or_default(), ..Labels::default() };
        let sample = until(acked_us, to, || horizon.censor(acked_us, None, false));
        into.add(LatencyName::DriftCorrected, Some(&labels), sample);
    }
}

/// The declared value before a change.
struct Right<'a> {
    object: &'a str,
    deleted: bool,
    paths: &'a [FieldPath],
    fields: &'a Fields,
}

impl Right<'_> {
    /// When the changed value was first seen restored, after it had been seen changed. A watch may show the change before the answer to
    /// its request.
    fn again(&self, sent_us: u64, acked_us: u64, until_us: u64) -> Option<Stamp> {
        let mut now: BTreeMap<&FieldPath, (Option<&Value>, &str)> = BTreeMap::new();
        for path in self.paths {
            let before = self.fields.at(self.object, path, sent_us)?;
            now.insert(path, (before.value.as_ref(), &*before.uid));
        }
        let before = now.clone();
        let seen = self.paths.iter().flat_map(|path| {
            let later = self.fields.within(self.object, path, sent_us, until_us);
            later.iter().map(move |valued| (valued.at_us, path, valued))
        });
        let mut seen: Vec<_> = seen.collect();
        // Everything that was seen at one moment is taken in before it is compared.
        seen.sort_by_key(|(at_us, ..)| *at_us);
        let mut changed = false;
        for moment in seen.chunk_by(|a, b| a.0 == b.0) {
            for (_, path, valued) in moment {
                now.insert(*path, (valued.value.as_ref(), &*valued.uid));
            }
            let right = self.is_right(&before, &now);
            // An object that is recreated at once is never seen to be missing.
            changed |= !right || self.deleted;
            if changed && right {
                let at_us = moment.first().map_or(acked_us, |(at_us, ..)| *at_us);
                let live = moment.iter().all(|(.., valued)| valued.seen == Seen::Live);
                return Some(Stamp::new(at_us.max(acked_us), if live { Seen::Live } else { Seen::Listed }));
            }
        }
        None
    }

    fn is_right(
        &self,
        before: &BTreeMap<&FieldPath, (Option<&Value>, &str)>,
        now: &BTreeMap<&FieldPath, (Option<&Value>, &str)>,
    ) -> bool {
        before.iter().all(|(path, (value, uid))| {
            let Some((value_now, uid_now)) = now.get(path) else { return false };
            // A deleted object is recreated with another UID.
            value == value_now && (!self.deleted || uid != uid_now)
        })
    }
}
