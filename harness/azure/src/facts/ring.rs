//! The bounded log of facts and its readers.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;

use super::{Fact, FactKind, FactsPage};
use crate::clock::Stamp;

/// How many facts are kept. A VM has eight in its lifetime, so these are the lifetimes of 8,000 VMs; older ones are dropped,
/// and a reader that missed them gets their number ([`FactKind::Overflow`]).
pub const FACTS_KEPT: usize = 65_536;

/// How many facts one page carries at most.
const PAGE: usize = 4_096;

/// The ordered log of what happened: bounded, with readers that can wait.
#[derive(Debug)]
pub struct FactLog {
    inner: Mutex<Inner>,
    last: watch::Sender<u64>,
    kept: usize,
}

#[derive(Debug)]
struct Inner {
    facts: VecDeque<Fact>,
    next: u64,
}

impl Default for FactLog {
    fn default() -> Self {
        Self::with_capacity(FACTS_KEPT)
    }
}

impl FactLog {
    /// A log that keeps this many facts.
    pub fn with_capacity(kept: usize) -> Self {
        Self {
            inner: Mutex::new(Inner { facts: VecDeque::new(), next: 1 }),
            last: watch::Sender::new(0),
            kept: kept.max(1),
        }
    }

    /// Appends a fact that happened now. Returns its stamp.
    pub fn push(&self, kind: FactKind) -> Stamp {
        // Stamped under the lock, so that the order of numbers is the order of stamps.
        let (stamp, seq) = {
            let mut inner = self.lock();
            let stamp = Stamp::now();
            let seq = inner.next;
            inner.next += 1;
            if inner.facts.len() == self.kept {
                inner.facts.pop_front();
            }
            inner.facts.push_back(Fact { seq, monotonic_ns: stamp.monotonic_ns, wall: stamp.wall, kind });
            (stamp, seq)
        };
        self.last.send_if_modified(|last| {
            let newer = seq > *last;
            *last = (*last).max(seq);
            newer
        });
        stamp
    }

    /// The number of the newest fact; 0 where there is none.
    pub fn newest(&self) -> u64 {
        self.lock().next - 1
    }

    /// What happened after `after`, now.
    pub fn after(&self, after: u64) -> FactsPage {
        let inner = self.lock();
        let first = inner.facts.front().map_or(inner.next, |f| f.seq);
        let mut facts = Vec::new();
        if after + 1 < first {
            let now = Stamp::now();
            facts.push(Fact {
                seq: first - 1,
                monotonic_ns: now.monotonic_ns,
                wall: now.wall,
                kind: FactKind::Overflow { lost: first - 1 - after },
            });
        }
        let skip = (after + 1).saturating_sub(first) as usize;
        facts.extend(inner.facts.iter().skip(skip).take(PAGE).cloned());
        let next = facts.last().map_or(after, |f| f.seq);
        FactsPage { more: next + 1 < inner.next, facts, next }
    }

    /// What happened after `after`; waits up to `wait` for the first one.
    pub async fn wait_after(&self, after: u64, wait: Duration) -> FactsPage {
        let mut last = self.last.subscribe();
        // A timeout is an empty page, not an error: the caller asks again.
        let _ = tokio::time::timeout(wait, last.wait_for(|seq| *seq > after)).await;
        self.after(after)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // A poisoned log still holds whole facts: each push is complete or absent.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn unmodelled(n: u64) -> FactKind {
        FactKind::UnmodelledCall { method: "GET".into(), path: format!("/{n}") }
    }

    #[test]
    fn a_reader_that_keeps_up_sees_each_fact_once() {
        let log = FactLog::with_capacity(10);
        let mut after = 0;
        let mut seen = Vec::new();
        for n in 1..=25 {
            log.push(unmodelled(n));
            let page = log.after(after);
            seen.extend(page.facts.iter().map(|f| f.seq));
            after = page.next;
            assert!(!page.more);
        }
        assert_eq!(seen, (1..=25).collect::<Vec<_>>());
    }

    #[test]
    fn a_reader_that_fell_behind_is_told_how_many_it_lost() {
        let log = FactLog::with_capacity(10);
        for n in 1..=25 {
            log.push(unmodelled(n));
        }
        let page = log.after(3);
        assert_eq!(page.facts[0].kind, FactKind::Overflow { lost: 12 });
        assert_eq!(page.facts[1].seq, 16);
        assert_eq!(page.facts.len(), 11);
        assert_eq!(page.next, 25);
        assert!(log.after(page.next).facts.is_empty());
    }

    #[test]
    fn long_pages_say_that_there_is_more() {
        let log = FactLog::with_capacity(PAGE * 2);
        for n in 0..PAGE as u64 + 5 {
            log.push(unmodelled(n));
        }
        let page = log.after(0);
        assert_eq!((page.facts.len(), page.more), (PAGE, true));
        let rest = log.after(page.next);
        assert_eq!((rest.facts.len(), rest.more), (5, false));
    }

    #[test]
    fn stamps_follow_the_order_of_numbers() {
        let log = Arc::new(FactLog::default());
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for n in 0..500 {
                        log.push(unmodelled(n));
                    }
                });
            }
        });
        let page = log.after(0);
        assert_eq!(page.facts.len(), 2000);
        assert!(page.facts.windows(2).all(|w| w[0].seq + 1 == w[1].seq && w[0].monotonic_ns <= w[1].monotonic_ns));
    }

    #[tokio::test]
    async fn waiting_ends_with_the_first_fact_or_with_an_empty_page() {
        let log = Arc::new(FactLog::default());
        let empty = log.wait_after(0, Duration::from_millis(5)).await;
        assert!(empty.facts.is_empty());
        let waiting = tokio::spawn({
            let log = Arc::clone(&log);
            async move { log.wait_after(0, Duration::from_secs(10)).await }
        });
        tokio::task::yield_now().await;
        log.push(unmodelled(1));
        assert_eq!(waiting.await.unwrap().facts.len(), 1);
    }
}
