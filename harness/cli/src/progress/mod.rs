//! What a suite reports while it runs, on the console: a live view on a terminal, plain lines otherwise.

mod build;
mod live;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use harness_suite::{ClusterUse, Estimate, Position, ProgressListener, ReplacementReason, SharedListener, Update};

use self::build::BuildView;
use self::live::LiveView;
use crate::console::Console;

/// Shows updates on the console.
pub(crate) struct ConsoleProgress {
    console: Console,
    view: Mutex<View>,
}

/// What is being shown over time.
enum View {
    None,
    Build(BuildView),
    Run(Box<LiveView>),
}

impl ConsoleProgress {
    pub(crate) fn new(console: &Console) -> Self {
        Self { console: *console, view: Mutex::new(View::None) }
    }

    pub(crate) fn shared(console: &Console) -> SharedListener {
        Arc::new(Self::new(console))
    }

    fn say(&self, text: &str) {
        self.console.say(text);
    }
}

impl ProgressListener for ConsoleProgress {
    fn update(&self, update: Update<'_>) {
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        match update {
            Update::Seed { seed, from_baseline } => {
                let whose = if from_baseline { " (the baseline's)" } else { "" };
                self.say(&format!("seed {seed}{whose}"));
            }
            Update::TreeWarning(finding) => self.say(&finding.to_string()),
            Update::ComponentsMissing => {
                self.say("the upstream components have not been built yet; building them, which happens once");
            }
            Update::FluxBuildMissing => {
                self.say("flux-build, which builds a tree as Flux does, has not been built yet; building it, which happens once (--no-build checks without it)");
            }
            Update::Building(progress) => {
                if !matches!(*view, View::Build(_)) {
                    *view = View::Build(BuildView::start(&self.console));
                }
                if let View::Build(build) = &mut *view {
                    build.show(progress);
                }
            }
            Update::BuildEnded(report) => {
                if let View::Build(build) = std::mem::replace(&mut *view, View::None) {
                    build.end();
                }
                if let Some(report) = report {
                    build::show_report(report, &self.console);
                }
            }
            Update::ClusterFound { name } => self.say(&format!("running on the cluster `{name}`, which is up")),
            Update::ClusterStarting(purpose) => self.say(&match purpose {
                ClusterUse::Run => "starting a local cluster for this run".to_owned(),
                ClusterUse::Suite => "starting a local cluster for all runs".to_owned(),
                ClusterUse::Replacement => "starting a fresh local cluster".to_owned(),
                ClusterUse::Kept(name) => {
                    format!(
                        "starting the local cluster `{name}`, since none of that name is up; it stays (--keep) until \
                         `harness down --cluster {name}`"
                    )
                }
            }),
            Update::ClusterStartRetried(error) => self.console.error(&format!("{error}; trying once more")),
            Update::NotTested(class) => {
                let reason = class.untestable.as_deref().unwrap_or_default();
                self.say(&format!("not tested: NodePool {} ({}): {reason}", class.name, class.at));
            }
            Update::RunStarted(plan) => *view = View::Run(Box::new(LiveView::start(plan, &self.console))),
            Update::Event(event) => {
                if let View::Run(live) = &mut *view {
                    live.show(event);
                }
            }
            Update::RunEnded => {
                if let View::Run(live) = std::mem::replace(&mut *view, View::None) {
                    live.end();
                }
            }
            Update::SuiteRunStarting { position, name, estimate } => {
                self.say(&format!("\n{} {name}  {}", counter(position), describe(estimate)));
            }
            Update::SuiteRunEnded { position, outcome } => {
                let line = harness_report::console::ended(&outcome, self.console.width(), self.console.colour_err);
                self.say(&format!("{} {line}", counter(position)));
            }
            Update::ClusterChanged(what) => self.console.error(what),
            Update::ClusterReplaced(reason) => self.say(match reason {
                ReplacementReason::TargetFailed => "the target failed: the next run gets a fresh cluster",
                ReplacementReason::Changed => "the next run gets a fresh cluster",
            }),
            Update::SuiteStopped(reason) => self.console.error(reason),
            Update::Compared(comparison) => {
                let (width, colour) = (self.console.width(), self.console.colour_err);
                self.say(&harness_report::console::comparison(comparison, width, colour));
            }
            Update::NotCompared { scenario, baseline } => {
                self.say(&format!("{scenario}: not compared, {} has no run of it", baseline.display()));
            }
        }
    }
}

fn counter(position: Position) -> String {
    format!("[{}/{}]", position.number, position.count)
}

fn describe(estimate: Estimate) -> String {
    // Fractions of a second are noise here.
    let text = |duration: Duration| harness_report::text::duration(duration.as_secs().saturating_mul(1_000_000));
    let Estimate { run, elapsed, remaining } = estimate;
    format!("about {}; {} so far, about {} left", text(run), text(elapsed), text(remaining))
}
