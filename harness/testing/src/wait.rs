//! Waiting for a condition, with a limit and the last state in the message.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Limit;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// By thread: what it waits for, and what it saw last.
static WAITING: Mutex<BTreeMap<String, (String, String)>> = Mutex::new(BTreeMap::new());

/// Repeats `look` until it gives a value.
///
/// # Panics
/// After the limit, with what `look` returned last.
pub async fn wait_for<T>(what: &str, limit: Limit, look: impl AsyncFn() -> Result<T, String>) -> T {
    let waiting = Waiting::start(what, limit);
    loop {
        match look().await {
            Ok(value) => return value,
            Err(last) => waiting.saw(last),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// [`wait_for`] outside of a runtime.
///
/// # Panics
/// As [`wait_for`].
pub fn wait_for_blocking<T>(what: &str, limit: Limit, mut look: impl FnMut() -> Result<T, String>) -> T {
    let waiting = Waiting::start(what, limit);
    loop {
        match look() {
            Ok(value) => return value,
            Err(last) => waiting.saw(last),
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// What the thread of that name waits for right now, and what it saw last: for a runner that gives up on a test.
pub fn waiting_for(thread: &str) -> Option<String> {
    let waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    let (what, last) = waiting.get(thread)?;
    Some(format!("{what}; last seen: {last}"))
}

struct Waiting<'a> {
    what: &'a str,
    limit: Limit,
    started: Instant,
    thread: String,
}

impl<'a> Waiting<'a> {
    fn start(what: &'a str, limit: Limit) -> Self {
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        let waiting = Self { what, limit, started: Instant::now(), thread };
        waiting.note("nothing yet".to_owned());
        waiting
    }

    fn note(&self, last: String) {
        let mut all = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(self.thread.clone(), (self.what.to_owned(), last));
    }

    #[expect(clippy::panic, reason = "this is how a test fails")]
    fn saw(&self, last: String) {
        if self.started.elapsed() > self.limit.get() {
            panic!("waited {} until {}; last seen: {last}", self.limit, self.what);
        }
        self.note(last);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        WAITING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.thread);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::limits::{ANSWER, NONE};

    #[test]
    fn looks_until_there_is_a_value() {
        let looks = Cell::new(0);
        let thread = std::thread::current().name().unwrap().to_owned();
        let found = wait_for_blocking("it has looked three times", ANSWER, || {
            looks.set(looks.get() + 1);
            if looks.get() == 3 { Ok(waiting_for(&thread)) } else { Err(format!("look {}", looks.get())) }
        });
        assert_eq!(found.as_deref(), Some("it has looked three times; last seen: look 2"));
        assert_eq!(waiting_for(&thread), None);
    }

    #[tokio::test]
    #[should_panic(expected = "until pigs fly; last seen: none in the air")]
    async fn says_what_was_seen_last() {
        wait_for::<()>("pigs fly", NONE, async || Err("none in the air".to_owned())).await;
    }
}
