//! How long a notification takes from its cause.
//!
//! The cause of a notification is the push whose commit its revision names. One that names no commit (a source that cannot be fetched, an
//! image policy) is caused by the newest action before it. Flux repeats a notification with each try and in every interval, so only the
//! first one at each address about each object with each reason is a sample.
//!
//! Actions of preparation and cleanup do not count as causes: the Alerts themselves are created and deleted with their pushes.

use std::collections::BTreeSet;

use harness_plan::LatencyName;

use super::groups::Grouping;
use super::source::Source;
use crate::event::{ActionKind, ActionStamps, Notification};
use crate::samples::Sample;

/// The phases around those of the plan.
const AROUND: [&str; 2] = ["prepare", "cleanup"];

pub(super) fn collect(source: &Source<'_>, into: &mut Grouping<'_>) {
    let actions = &source.timelines.actions.all;
    let mut known = BTreeSet::new();
    for (at_us, notification) in &source.timelines.notifications {
        let Some((cause, from_us)) = cause(actions, *at_us, notification) else { continue };
        let Notification { path, kind, namespace, name, reason, .. } = notification;
        if known.insert((cause, path, kind, namespace, name, reason)) {
            into.add(LatencyName::AlertDelivered, None, Sample::measured(from_us, *at_us));
        }
    }
}

/// The action that caused it, by its place in the log, and when that was acknowledged.
fn cause(actions: &[ActionStamps], at_us: u64, notification: &Notification) -> Option<(usize, u64)> {
    let earlier = |action: &ActionStamps| action.acked_us.filter(|acked_us| *acked_us <= at_us);
    if let Some((_, commit)) = notification.revision.rsplit_once(':') {
        let of_commit =
            |action: &ActionStamps| matches!(&action.what, ActionKind::Push { revision, .. } if revision == commit);
        let push = actions.iter().position(of_commit)?;
        let action = actions.get(push).filter(|action| !AROUND.contains(&action.phase.as_str()))?;
        return Some((push, earlier(action)?));
    }
    let (index, action) = actions
        .iter()
        .enumerate()
        .filter(|(_, action)| earlier(action).is_some())
        .max_by_key(|(_, action)| action.acked_us)?;
    (!AROUND.contains(&action.phase.as_str())).then_some((index, earlier(action)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn action(phase: &str, what: ActionKind, acked_us: Option<u64>) -> ActionStamps {
        let error = acked_us.is_none().then(|| "refused".to_owned());
        ActionStamps { what, phase: phase.to_owned(), intended_us: 0, sent_us: Some(0), acked_us, error }
    }

    fn push(phase: &str, revision: &str, acked_us: u64) -> ActionStamps {
        action(phase, ActionKind::Push { id: None, revision: revision.to_owned() }, Some(acked_us))
    }

    #[rstest]
    #[case::its_own_push("main@sha1:b", 100, Some((1, 20)))]
    #[case::a_later_one_changes_nothing("main@sha1:b", 300, Some((1, 20)))]
    #[case::one_of_preparation("main@sha1:a", 100, None)]
    #[case::one_that_nobody_pushed("main@sha1:x", 100, None)]
    #[case::before_it_was_acknowledged("main@sha1:b", 15, None)]
    #[case::no_revision("", 100, Some((2, 30)))]
    #[case::no_revision_before_the_fault("", 25, Some((1, 20)))]
    #[case::no_revision_in_preparation("", 12, None)]
    #[case::no_revision_in_cleanup("", 600, None)]
    fn a_notification_has_one_cause(
        #[case] revision: &str,
        #[case] at_us: u64,
        #[case] expected: Option<(usize, u64)>,
    ) {
        let actions = [
            push("prepare", "a", 10),
            push("change", "b", 20),
            action("change", ActionKind::Planned(1), Some(30)),
            action("change", ActionKind::Planned(2), None),
            push("cleanup", "c", 500),
        ];
        let notification = Notification { revision: revision.to_owned(), ..Notification::default() };
        assert_eq!(cause(&actions, at_us, &notification), expected);
    }
}
