//! What is seen while a run goes on: a live view on a terminal, plain lines otherwise.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use harness_plan::Plan;
use harness_record::live::Live;
use harness_record::{Event, EventKind};
use harness_report::console::{live_lines, progress_line};
use indicatif::{ProgressBar, ProgressStyle};

use crate::console::Console;

/// Redraws of the live view.
const REDRAW_EVERY: Duration = Duration::from_millis(250);
/// Without a terminal, a line at least this often while something goes on.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The view of one run.
pub(crate) struct LiveView {
    console: Console,
    bar: Option<ProgressBar>,
    inner: Mutex<Inner>,
}

struct Inner {
    live: Live,
    shown: Option<Instant>,
}

impl LiveView {
    pub(crate) fn start(plan: &Plan, console: &Console) -> Self {
        let bar = console.interactive.then(|| {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
            bar.set_style(style);
            bar
        });
        Self { console: *console, bar, inner: Mutex::new(Inner { live: Live::new(plan), shown: None }) }
    }

    /// Takes one event in. Called for every event of the run, so it draws seldom.
    pub(crate) fn take(&self, event: &Event) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.live.apply(event);
        let phase = matches!(event.kind, EventKind::PhaseBegan { .. } | EventKind::PhaseEnded { .. });
        let every = if self.bar.is_some() { REDRAW_EVERY } else { LINE_EVERY };
        if !phase && inner.shown.is_some_and(|at| at.elapsed() < every) {
            return;
        }
        inner.shown = Some(Instant::now());
        match &self.bar {
            Some(bar) => bar.set_message(live_lines(&inner.live, self.console.width()).join("\n")),
            None => self.console.say(&progress_line(&inner.live)),
        }
    }

    /// Clears the view: what follows is the result.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
