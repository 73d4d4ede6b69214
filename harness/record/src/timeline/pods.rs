//! Pods of the run.

use std::collections::HashMap;

use super::stamp::{Stamp, first};
use crate::event::{Milestone, Reached, attribute};
use crate::names::{Name, Names};

/// The life of one pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PodTimeline {
    pub(crate) name: Box<str>,
    pub(crate) workload: Name,
    pub(crate) node: Name,
    pub(crate) created: Option<Stamp>,
    pub(crate) unschedulable: Option<Stamp>,
    pub(crate) scheduled: Option<Stamp>,
    pub(crate) ready: Option<Stamp>,
    pub(crate) deleting: Option<Stamp>,
    pub(crate) deleted: Option<Stamp>,
}

impl PodTimeline {
    /// When it began to go, or was found gone.
    pub(crate) fn going(&self) -> Option<Stamp> {
        self.deleting.or(self.deleted)
    }
}

/// A later change of Ready.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Flip {
    pub(crate) pod: u32,
    pub(crate) at_us: u64,
    pub(crate) ready: bool,
}

/// Every pod that was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pods {
    by_uid: HashMap<Box<str>, u32>,
    pub(crate) all: Vec<PodTimeline>,
    /// Changes of Ready after the first; rare, so kept beside the pods.
    pub(crate) flips: Vec<Flip>,
}

impl Pods {
    pub(crate) fn apply(&mut self, at_us: u64, milestone: &Milestone, names: &mut Names) {
        let index = match self.by_uid.get(milestone.object.uid.as_str()) {
            Some(index) => *index,
            None => {
                let index = self.all.len() as u32;
                self.by_uid.insert(milestone.object.uid.as_str().into(), index);
                self.all.push(PodTimeline { name: milestone.object.name.as_str().into(), ..PodTimeline::default() });
                index
            }
        };
        let Some(pod) = self.all.get_mut(index as usize) else { return };
        for (key, value) in &milestone.attributes {
            match key.as_str() {
                attribute::WORKLOAD => pod.workload = names.intern(value),
                attribute::NODE => pod.node = names.intern(value),
                _ => {}
            }
        }
        let stamp = Stamp::new(at_us, milestone.seen);
        let flip = |ready| Flip { pod: index, at_us, ready };
        match milestone.reached {
            Reached::Created => first(&mut pod.created, stamp),
            Reached::Unschedulable => first(&mut pod.unschedulable, stamp),
            Reached::Scheduled => first(&mut pod.scheduled, stamp),
            Reached::Ready if pod.ready.is_none() => pod.ready = Some(stamp),
            Reached::Ready => self.flips.push(flip(true)),
            Reached::NotReady => self.flips.push(flip(false)),
            Reached::Deleting => first(&mut pod.deleting, stamp),
            Reached::Deleted => first(&mut pod.deleted, stamp),
            _ => {}
        }
    }
}
