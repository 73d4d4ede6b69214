//! The revisions that the run has pushed.

use super::fold::Timelines;
use crate::event::ActionKind;

/// A push that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Push<'a> {
    pub(crate) commit: &'a str,
    pub(crate) acked_us: u64,
    /// The phase that it belongs to.
    pub(crate) phase: &'a str,
}

/// Every push that was answered, the first one first.
pub(crate) fn pushes(timelines: &Timelines) -> Vec<Push<'_>> {
    let mut pushes: Vec<Push<'_>> = timelines
        .actions
        .all
        .iter()
        .filter_map(|action| match (&action.what, action.acked_us) {
            (ActionKind::Push { revision, .. }, Some(acked_us)) => {
                Some(Push { commit: revision, acked_us, phase: &action.phase })
            }
            _ => None,
        })
        .collect();
    // Stable: one is pushed after another, so that the log has them in their order too.
    pushes.sort_by_key(|push| push.acked_us);
    pushes
}
