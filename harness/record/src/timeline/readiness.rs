//! When each pod was Ready.

use super::pods::{PodTimeline, Pods};

/// From when to when a pod was Ready; `to_us` is `u64::MAX` while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadySpan {
    pub(crate) pod: u32,
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
}

/// When each pod was Ready: half-open spans `[from, to)`, by pod, in time. A pod that begins to go is not Ready any more: it leaves the
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
            let gone_us = seen.going().map_or(u64::MAX, |stamp| stamp.at_us());
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
