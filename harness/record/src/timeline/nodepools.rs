//! NodePools: from when to when each existed.

use super::stamp::Stamp;
use crate::event::{Milestone, Reached};

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

/// The NodePools that were deleted, in the order of their deletions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nodepools {
    pub(crate) deletions: Vec<PoolDeletion>,
}

impl Nodepools {
    pub(crate) fn apply(&mut self, at_us: u64, milestone: &Milestone) {
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

    /// Forgets the deletions that started at this moment or later.
    pub(crate) fn forget_from(&mut self, from_us: u64) {
        self.deletions.retain(|deletion| deletion.at.at_us() < from_us);
    }
}
