//! Building the components with a display of how far it is.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use harness_components::{self as components, BuildOptions, BuildReport, Progress, Step};
use indicatif::{ProgressBar, ProgressStyle};

use crate::console::Console;
use crate::error::CliError;

/// Without a terminal, a line at least this often: a pipeline that hears nothing for minutes looks dead.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Builds what is not built.
pub(crate) async fn build(options: &BuildOptions, console: &Console) -> Result<BuildReport, CliError> {
    let display = Display::new(*console);
    let report = components::build(options, |progress| display.show(progress)).await;
    display.end();
    let report = report?;
    let built = report.modules.iter().filter(|module| module.took.is_some()).count();
    if built > 0 {
        console.say(&format!("components built in {}: {}", minutes(report.took), report.folder.display()));
    }
    Ok(report)
}

struct Display {
    console: Console,
    bar: Option<ProgressBar>,
    last_line: Mutex<Option<Instant>>,
}

impl Display {
    fn new(console: Console) -> Self {
        let bar = console.interactive.then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{spinner} [{elapsed_precise}] {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { console, bar, last_line: Mutex::new(None) }
    }

    fn show(&self, progress: &Progress) {
        let Some((text, important)) = words(progress) else { return };
        if let Some(bar) = &self.bar {
            bar.set_message(text);
            return;
        }
        let Ok(mut last) = self.last_line.lock() else { return };
        if important || last.is_none_or(|at| at.elapsed() >= LINE_EVERY) {
            *last = Some(Instant::now());
            self.console.say(&text);
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// What to show, and whether it deserves a line of its own.
fn words(progress: &Progress) -> Option<(String, bool)> {
    let Progress { step, module, index, of, elapsed, remaining } = progress;
    let place = format!("{module} ({index} of {of}, {} so far, about {} left)", minutes(*elapsed), minutes(*remaining));
    Some(match step {
        Step::Waiting { holder } => (format!("waiting for another build: {holder}"), true),
        Step::Planned { .. } if *of == 0 => return None,
        Step::Planned { reused } => {
            (format!("building {of} upstream modules ({reused} are built), about {}", minutes(*remaining)), true)
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
