//! Counters of calls, and of calls that are not modelled.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::api::{OperationCount, UnmodelledCall};

/// How many different unmodelled calls are counted separately; further ones are counted together as `(others)`.
const UNMODELLED_KEPT: usize = 1_000;

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    requests: BTreeMap<(&'static str, u16), u64>,
    unmodelled: BTreeMap<(String, String), u64>,
}

impl Counters {
    pub(crate) fn request(&self, operation: &'static str, status: u16) {
        *self.lock().requests.entry((operation, status)).or_default() += 1;
    }

    /// Counts an unmodelled call. True the first time.
    pub(crate) fn unmodelled(&self, method: &str, path: &str) -> bool {
        let mut inner = self.lock();
        let mut key = (method.to_owned(), path.to_owned());
        if inner.unmodelled.len() >= UNMODELLED_KEPT && !inner.unmodelled.contains_key(&key) {
            key = ("*".to_owned(), "(others)".to_owned());
        }
        let count = inner.unmodelled.entry(key).or_default();
        *count += 1;
        *count == 1
    }

    pub(crate) fn requests(&self) -> Vec<OperationCount> {
        self.lock()
            .requests
            .iter()
            .map(|((operation, status), count)| OperationCount {
                operation: (*operation).to_owned(),
                status: *status,
                count: *count,
            })
            .collect()
    }

    pub(crate) fn unmodelled_calls(&self) -> Vec<UnmodelledCall> {
        self.lock()
            .unmodelled
            .iter()
            .map(|((method, path), count)| UnmodelledCall { method: method.clone(), path: path.clone(), count: *count })
            .collect()
    }

    pub(crate) fn reset(&self) {
        *self.lock() = Inner::default();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unmodelled_calls_are_bounded_but_all_counted() {
        let counters = Counters::default();
        for n in 0..UNMODELLED_KEPT + 10 {
            counters.unmodelled("GET", &format!("/{n}"));
        }
        let calls = counters.unmodelled_calls();
        assert_eq!(calls.len(), UNMODELLED_KEPT + 1);
        assert_eq!(calls.iter().map(|c| c.count).sum::<u64>(), UNMODELLED_KEPT as u64 + 10);
    }
}
