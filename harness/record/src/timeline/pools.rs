//! What NodePools ask for, over time.

use std::collections::BTreeMap;

use crate::event::{Milestone, NodePoolSpec, Reached};

/// What each NodePool asked for, and since when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pools {
    by_name: BTreeMap<String, Vec<(u64, Option<NodePoolSpec>)>>,
}

impl Pools {
    pub(crate) fn apply(&mut self, at_us: u64, spec: &NodePoolSpec) {
        self.by_name.entry(spec.name.clone()).or_default().push((at_us, Some(spec.clone())));
    }

    /// A NodePool that is deleted asks for nothing.
    pub(crate) fn apply_milestone(&mut self, at_us: u64, milestone: &Milestone) {
        let Milestone { object, reached, .. } = milestone;
        let Some(known) = self.by_name.get_mut(&object.name).filter(|_| *reached == Reached::Deleted) else { return };
        // Another one of the same name may have been created before the end of this one was seen.
        let is_it = known.last().and_then(|(_, spec)| spec.as_ref()).is_some_and(|spec| spec.uid == object.uid);
        if is_it {
            known.push((at_us, None));
        }
    }

    /// What a NodePool asked for from each of these moments on, in the order of the log; `None` where it was deleted. Empty where the log does
    /// not say it: it is of minor version 0, or the NodePool was never seen.
    pub(crate) fn of(&self, name: &str) -> &[(u64, Option<NodePoolSpec>)] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }
}
