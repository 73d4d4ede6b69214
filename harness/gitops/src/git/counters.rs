//! What the Git server has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the server started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GitCounts {
    /// Requests for the list of refs (`info/refs`, and `ls-refs` of protocol v2).
    pub listings: u64,
    /// Packs handed out: clones and fetches.
    pub fetches: u64,
    /// Packs taken in and answered. A push that Git itself rejects (not a fast-forward) is one too.
    pub pushes: u64,
    /// Requests refused for their credentials.
    pub unauthorized: u64,
    /// Requests for anything that is not served.
    pub not_found: u64,
    /// Requests that failed: simulated outage, overload, a broken connection, an error of Git.
    pub failed: u64,
    /// Git processes that run now.
    pub active: u64,
    /// Request bodies, bytes as received.
    pub received_bytes: u64,
    /// Response bodies, bytes.
    pub sent_bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) listings: AtomicU64,
    pub(super) fetches: AtomicU64,
    pub(super) pushes: AtomicU64,
    pub(super) unauthorized: AtomicU64,
    pub(super) not_found: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) active: AtomicU64,
    pub(super) received_bytes: AtomicU64,
    pub(super) sent_bytes: AtomicU64,
}

impl Counters {
    pub(super) fn snapshot(&self) -> GitCounts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        GitCounts {
            listings: get(&self.listings),
            fetches: get(&self.fetches),
            pushes: get(&self.pushes),
            unauthorized: get(&self.unauthorized),
            not_found: get(&self.not_found),
            failed: get(&self.failed),
            active: get(&self.active),
            received_bytes: get(&self.received_bytes),
            sent_bytes: get(&self.sent_bytes),
        }
    }
}

pub(super) fn add(counter: &AtomicU64, amount: usize) {
    counter.fetch_add(amount as u64, Ordering::Relaxed);
}
