//! The progress of a build.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::preflight::expected_on_this_machine;
use harness_catalogue::Module;

/// One report from a running build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What has just happened.
    pub step: Step,
    /// Folder name of the module it is about; empty for steps of the whole build.
    pub module: &'static str,
    /// Position of the module among those that this build compiles, from 1; 0 for steps of the whole build.
    pub index: usize,
    /// How many modules this build has to make.
    pub of: usize,
    /// Since the build started, waiting for the lock not counted.
    pub elapsed: Duration,
    /// Expected time until everything is built, corrected by how this machine has done so far.
    pub remaining: Duration,
}

/// What has just happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Another build holds the lock.
    Waiting {
        /// Who, as written into the lock file.
        holder: String,
    },
    /// What will be done.
    Planned {
        /// Modules that are already built.
        reused: usize,
    },
    /// The module's build has started.
    Started,
    /// Go is fetching a module.
    Downloading {
        /// Module path and version.
        what: String,
    },
    /// Go has compiled one more package.
    Compiling {
        /// Packages of this module so far.
        packages: u64,
    },
    /// All packages are compiled: the linker is at work, and the next module starts.
    Linking,
    /// The module's binaries are in place.
    Finished {
        /// Time for this module.
        took: Duration,
        /// Size of its binaries, bytes.
        bytes: u64,
    },
    /// The build caches are being removed.
    Cleaning,
}

/// Turns steps into [`Progress`] with estimates.
pub(super) struct Tracker<'a, F> {
    report: &'a F,
    started: Instant,
    modules: Vec<&'static Module>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Expected seconds of the modules that are finished.
    finished_expected: Duration,
    /// When the last of them finished.
    finished_at: Duration,
}

impl<'a, F: Fn(&Progress)> Tracker<'a, F> {
    pub(super) fn new(report: &'a F, modules: Vec<&'static Module>) -> Self {
        Self { report, started: Instant::now(), modules, state: Mutex::new(State::default()) }
    }

    /// Reports a step of the whole build.
    pub(super) fn whole(&self, step: Step) {
        self.send("", 0, step);
    }

    /// Reports a step of one module.
    pub(super) fn module(&self, module: &'static Module, step: Step) {
        if let (Step::Finished { .. }, Ok(mut state)) = (&step, self.state.lock()) {
            state.finished_expected += expected_on_this_machine(module);
            state.finished_at = self.started.elapsed();
        }
        let index = self.modules.iter().position(|m| m.name == module.name);
        self.send(module.name, index.map_or(0, |i| i + 1), step);
    }

    fn send(&self, module: &'static str, index: usize, step: Step) {
        let elapsed = self.started.elapsed();
        let total: Duration = self.modules.iter().map(|m| expected_on_this_machine(m)).sum();
        let remaining = self.state.lock().map_or(total, |state| remaining(total, &state, elapsed));
        (self.report)(&Progress { step, module, index, of: self.modules.len(), elapsed, remaining });
    }
}

/// Before the first module is finished the catalogue is all there is; afterwards its figures are scaled by
/// the time that the finished ones really took.
fn remaining(total: Duration, state: &State, elapsed: Duration) -> Duration {
    let left = total.saturating_sub(state.finished_expected);
    let scale = if state.finished_expected.is_zero() {
        1.0
    } else {
        // A first module in no time (everything cached) must not promise the rest in no time.
        (state.finished_at.as_secs_f64() / state.finished_expected.as_secs_f64()).clamp(0.2, 10.0)
    };
    let since = elapsed.saturating_sub(state.finished_at);
    left.mul_f64(scale).saturating_sub(since)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    // Nothing finished: the catalogue minus what has passed.
    #[case(0, 0, 10, 90)]
    // 20 of 100 expected seconds took 40: the other 80 will take 160, of which 10 have passed.
    #[case(20, 40, 50, 150)]
    // Twice as fast.
    #[case(50, 25, 30, 20)]
    // Longer than expected: never negative.
    #[case(90, 90, 500, 0)]
    fn estimates(
        #[case] finished_expected: u64,
        #[case] finished_at: u64,
        #[case] elapsed: u64,
        #[case] expected: u64,
    ) {
        let state = State {
            finished_expected: Duration::from_secs(finished_expected),
            finished_at: Duration::from_secs(finished_at),
        };
        let left = remaining(Duration::from_secs(100), &state, Duration::from_secs(elapsed));
        assert_eq!(left.as_secs(), expected);
    }
}
