//! A run while it goes on.

use std::time::{Duration, Instant};

use harness_plan::Plan;
use harness_record::live::Live;
use harness_record::{Event, EventKind};
use harness_report::console::{live_lines, progress_line};
use indicatif::{ProgressBar, ProgressStyle};

use crate::console::Console;

/// The least time between two redraws of the live view.
const REDRAW_EVERY: Duration = Duration::from_millis(250);
/// Without a terminal, the least time between two lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The view of one run.
pub(super) struct LiveView {
    console: Console,
    bar: Option<ProgressBar>,
    live: Live,
    shown_at: Option<Instant>,
}

impl LiveView {
    pub(super) fn start(plan: &Plan, console: &Console) -> Self {
        let bar = console.interactive.then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar
        });
        Self { console: *console, bar, live: Live::new(plan), shown_at: None }
    }

    /// Takes note of an event. It is called for every event of the run, so it rarely draws.
    pub(super) fn show(&mut self, event: &Event) {
        self.live.apply(event);
        let is_phase = matches!(
            event.kind,
            EventKind::PhaseBegan { .. } | EventKind::PhaseEnded { .. } | EventKind::Awaited { .. }
        );
        let every = if self.bar.is_some() { REDRAW_EVERY } else { LINE_EVERY };
        if !is_phase && self.shown_at.is_some_and(|at| at.elapsed() < every) {
            return;
        }
        self.shown_at = Some(Instant::now());
        match &self.bar {
            Some(bar) => bar.set_message(live_lines(&self.live, self.console.width()).join("\n")),
            None => self.console.say(&progress_line(&self.live)),
        }
    }

    /// Clears the view.
    pub(super) fn end(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
