//! Pods of the run.

use std::collections::HashMap;

use super::stamp::{Stamp, clear_from, first};
use crate::event::{Milestone, Reached, attribute};
use crate::names::{Name, Names};

/// The timeline of one pod.
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
    /// When its deletion started, or when it was found deleted.
    pub(crate) fn deletion(&self) -> Option<Stamp> {
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

impl Pods {
    /// Forgets what the pods reached from this moment on, except how they ended.
    pub(crate) fn forget_from(&mut self, from_us: u64) {
        for pod in &mut self.all {
            let PodTimeline { created, unschedulable, scheduled, ready, .. } = pod;
            clear_from([created, unschedulable, scheduled, ready], from_us);
        }
        self.flips.retain(|flip| flip.at_us < from_us || !flip.ready);
    }

    /// Whether the pod was seen before.
    pub(crate) fn has(&self, uid: &str) -> bool {
        self.by_uid.contains_key(uid)
    }
}

/// From when to when a pod was Ready; `to_us` is `u64::MAX` while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadySpan {
    pub(crate) pod: u32,
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
}

/// When each pod was Ready: half-open spans `[from, to)`, by pod, in time. A pod is not Ready once its deletion starts: it leaves the
/// endpoints of its Service then.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readiness {
    spans: Vec<ReadySpan>,
}

impl Readiness {
    pub(crate) fn of(pods: &Pods) -> Self {
        let mut flips = pods.flips.clone();
        flips.sort_by_key(|flip| (flip.pod, flip.at_us));
        let mut flips = flips.into_iter().peekable();
        let mut spans = Vec::with_capacity(pods.all.len());
        for (pod, seen) in (0_u32..).zip(&pods.all) {
            let mut since = seen.ready.map(|stamp| stamp.at_us());
            let gone_us = seen.deletion().map_or(u64::MAX, |stamp| stamp.at_us());
            let mut push = |from_us: u64, to_us: u64| {
                if from_us < to_us {
                    spans.push(ReadySpan { pod, from_us, to_us });
                }
            };
            while let Some(flip) = flips.next_if(|flip| flip.pod <= pod) {
                match since {
                    Some(from_us) if !flip.ready => {
                        push(from_us, flip.at_us.min(gone_us));
                        since = None;
                    }
                    None if flip.ready => since = Some(flip.at_us),
                    _ => {}
                }
            }
            if let Some(from_us) = since {
                push(from_us, gone_us);
            }
        }
        Self { spans }
    }

    /// Whether a pod was Ready at a moment, by its index. The spans are in the order of the pods.
    pub(crate) fn holds(&self, pod: u32, at_us: u64) -> bool {
        let first = self.spans.partition_point(|span| span.pod < pod);
        let of_pod = self.spans.iter().skip(first).take_while(|span| span.pod == pod);
        of_pod.into_iter().any(|span| span.from_us <= at_us && at_us < span.to_us)
    }

    /// Every span.
    pub(crate) fn all(&self) -> &[ReadySpan] {
        &self.spans
    }

    /// The spans of pods that `of` takes, as changes of their number: `(when, +1 or -1)`, in time.
    pub(crate) fn changes<'t>(&self, pods: &'t Pods, of: impl Fn(&'t PodTimeline) -> bool) -> Vec<(u64, i64)> {
        let mut changes: Vec<(u64, i64)> = Vec::new();
        for span in &self.spans {
            if !pods.all.get(span.pod as usize).is_some_and(&of) {
                continue;
            }
            changes.push((span.from_us, 1));
            if span.to_us < u64::MAX {
                changes.push((span.to_us, -1));
            }
        }
        changes.sort_unstable();
        changes
    }
}
