//! How long each step of a start takes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use harness_components::control::StepTiming;

/// The timings of one start; cheap to clone.
#[derive(Clone)]
pub(crate) struct StepTimings {
    zero: Instant,
    done: Arc<Mutex<Vec<StepTiming>>>,
}

impl StepTimings {
    /// Timings that count from now.
    pub(crate) fn new() -> Self {
        Self { zero: Instant::now(), done: Arc::default() }
    }

    /// Runs a step and records when it started and ended.
    pub(crate) async fn time<T>(&self, step: &str, work: impl Future<Output = T>) -> T {
        let from_ms = self.now_ms();
        let result = work.await;
        self.record(step, from_ms);
        result
    }

    /// Records a step that started at `from_ms` and ends now.
    pub(crate) fn record(&self, step: &str, from_ms: u64) {
        let timing = StepTiming { step: step.to_owned(), from_ms, to_ms: self.now_ms() };
        tracing::info!(step, from_ms = timing.from_ms, to_ms = timing.to_ms, "step");
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(timing);
    }

    /// Milliseconds since the start.
    pub(crate) fn now_ms(&self) -> u64 {
        self.zero.elapsed().as_millis() as u64
    }

    /// The finished steps, in the order in which they started.
    pub(crate) fn timings(&self) -> Vec<StepTiming> {
        let mut all = self.done.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort_by_key(|timing| (timing.from_ms, timing.to_ms));
        all
    }
}
