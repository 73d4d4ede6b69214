//! A build of the components while it goes on.

use std::time::{Duration, Instant};

use harness_components::{BuildReport, Progress, Step};
use harness_units::count;
use indicatif::{ProgressBar, ProgressStyle};

use crate::console::Console;

/// Without a terminal, the least time between two lines of little importance.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// The view of one build.
pub(super) struct BuildView {
    console: Console,
    bar: Option<ProgressBar>,
    shown_at: Option<Instant>,
}

impl BuildView {
    pub(super) fn start(console: &Console) -> Self {
        let bar = console.interactive.then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{spinner} [{elapsed_precise}] {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { console: *console, bar, shown_at: None }
    }

    pub(super) fn show(&mut self, progress: &Progress) {
        let Some((text, important)) = describe(progress) else { return };
        if let Some(bar) = &self.bar {
            bar.set_message(text);
        } else if important || self.shown_at.is_none_or(|at| at.elapsed() >= LINE_EVERY) {
            self.shown_at = Some(Instant::now());
            self.console.say(&text);
        }
    }

    /// Clears the view.
    pub(super) fn end(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Writes what a build did, unless everything was built before.
pub(super) fn show_report(report: &BuildReport, console: &Console) {
    if report.modules.iter().any(|module| module.took.is_some()) {
        console.say(&format!("components built in {}: {}", minutes(report.took), report.folder.display()));
    }
}

/// Returns the text, and whether it deserves a line of its own; `None` for a step that is not shown.
fn describe(progress: &Progress) -> Option<(String, bool)> {
    let Progress { step, module, index, of, elapsed, remaining } = progress;
    let place = format!("{module} ({index} of {of}, {} so far, about {} left)", minutes(*elapsed), minutes(*remaining));
    Some(match step {
        Step::Waiting { holder } => (format!("waiting for another build: {holder}"), true),
        Step::Planned { .. } if *of == 0 => return None,
        Step::Planned { reused } => {
            (format!("building {} ({reused} built before), about {}", count(of, "module"), minutes(*remaining)), true)
        }
        Step::Started => (format!("building {place}"), true),
        Step::Downloading { what } => (format!("{place}: downloading {what}"), false),
        Step::Compiling { packages } => (format!("{place}: {packages} packages compiled"), false),
        Step::Linking => (format!("{place}: linking"), false),
        Step::Finished { took, bytes } => {
            (format!("built {module} in {}, {} MB", minutes(*took), bytes / 1_000_000), true)
        }
        Step::Cleaning => ("removing the build cache".to_owned(), false),
        _ => return None,
    })
}

fn minutes(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {:02} s", seconds / 60, seconds % 60) }
}
