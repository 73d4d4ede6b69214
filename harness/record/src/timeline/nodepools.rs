//! NodePools: what each asked for over time, and which of them were deleted.

use std::collections::BTreeMap;

use super::stamp::Stamp;
use crate::event::{Milestone, NodePoolSpec, Reached};

/// The deletion of a NodePool.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PoolDeletion {
    pub(crate) name: Box<str>,
    /// The UID of the object.
    uid: Box<str>,
    /// When it started.
    pub(crate) at: Stamp,
    /// When another NodePool of the name was created.
    pub(crate) again_us: Option<u64>,
}

/// Every NodePool that was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nodepools {
    /// In their order.
    pub(crate) deletions: Vec<PoolDeletion>,
    specs: BTreeMap<String, Vec<(u64, Option<NodePoolSpec>)>>,
}

impl Nodepools {
    pub(crate) fn apply(&mut self, at_us: u64, milestone: &Milestone) {
        self.end_spec(at_us, milestone);
        let object = &milestone.object;
        match milestone.reached {
            Reached::Deleting | Reached::Deleted if !self.deletions.iter().any(|it| *it.uid == object.uid) => {
                self.deletions.push(PoolDeletion {
                    name: object.name.as_str().into(),
                    uid: object.uid.as_str().into(),
                    at: Stamp::new(at_us, milestone.seen),
                    again_us: None,
                });
            }
            Reached::Created => {
                let before =
                    self.deletions.iter_mut().rev().find(|it| *it.name == *object.name && *it.uid != object.uid);
                if let Some(deletion) = before {
                    deletion.again_us.get_or_insert(at_us);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn apply_spec(&mut self, at_us: u64, spec: &NodePoolSpec) {
        self.specs.entry(spec.name.clone()).or_default().push((at_us, Some(spec.clone())));
    }

    /// A NodePool that is deleted asks for nothing.
    fn end_spec(&mut self, at_us: u64, milestone: &Milestone) {
        let Milestone { object, reached, .. } = milestone;
        let Some(known) = self.specs.get_mut(&object.name).filter(|_| *reached == Reached::Deleted) else { return };
        // Another one of the same name may have been created before the end of this one was seen.
        let is_it = known.last().and_then(|(_, spec)| spec.as_ref()).is_some_and(|spec| spec.uid == object.uid);
        if is_it {
            known.push((at_us, None));
        }
    }

    /// What a NodePool asked for from each of these moments on, in the order of the log; `None` where it was deleted. Empty where the log does
    /// not say it: it is of minor version 0, or the NodePool was never seen.
    pub(crate) fn specs_of(&self, name: &str) -> &[(u64, Option<NodePoolSpec>)] {
        self.specs.get(name).map_or(&[], Vec::as_slice)
    }

    /// Forgets the deletions that started at this moment or later.
    pub(crate) fn forget_from(&mut self, from_us: u64) {
        self.deletions.retain(|deletion| deletion.at.at_us() < from_us);
    }
}
