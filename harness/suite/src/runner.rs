//! The runs of a suite, one after another. Whatever one of them does, the next starts on a cluster that is as it was before.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use harness_record::ExitCode;
use harness_record::compare::{Comparison, MeasuredRun};
use harness_run::Interrupts;
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::command_line::repeat_suite;
use crate::comparison::{self, Baseline, choose_seed};
use crate::error::{FolderError, SuiteError};
use crate::planned_run::{Destination, PlannedRun};
use crate::progress::{Estimate, Position, ProgressListener, ReplacementReason, SharedListener, Update};
use crate::record::{Issue, RunState, SuiteRecord};
use crate::report::{RunOutcome, SuiteReport, report_ended_suite};
use crate::request::RunRequest;
use crate::run_folder::{self, EndedRun, new_run_id};
use crate::selection::{self, SelectedRun};
use crate::shared_cluster::{AfterRun, SharedCluster};

/// What a run takes besides its phases: preparation and cleanup. For the estimates only.
const AROUND_A_RUN: Duration = Duration::from_secs(25);

/// Runs of several scenarios, or several of one, planned and not started.
pub struct Suite {
    request: RunRequest,
    /// The names of the scenarios.
    names: Vec<String>,
    baseline: Option<Baseline>,
    seed: u64,
    runs: Vec<SelectedRun>,
}

impl Suite {
    /// Plans every run. Everything is checked, and nothing is touched.
    ///
    /// # Errors
    /// [`SuiteError::KeepSeveral`], [`SuiteError::Input`] and [`SuiteError::Comparison`].
    pub fn plan(request: RunRequest, progress: &dyn ProgressListener) -> Result<Self, SuiteError> {
        if request.keep {
            return Err(SuiteError::KeepSeveral);
        }
        let scenarios = selection::load(&request.scenarios)?;
        let names: Vec<String> = scenarios.iter().map(|loaded| loaded.scenario.name().to_owned()).collect();
        let baseline = Baseline::read(&request)?;
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        let seed = choose_seed(&request, baseline.as_ref(), &asked, progress)?;
        let runs = selection::plan_all(&request, &scenarios, seed, progress)?;
        Ok(Self { request, names, baseline, seed, runs })
    }

    /// Runs them one after another and writes the reports over all of them.
    ///
    /// # Errors
    /// [`SuiteError::Folder`]: a folder could not be written, or the reports not be made. Whatever goes wrong with a run is in the report.
    pub async fn run(self, interrupts: &Interrupts, progress: &SharedListener) -> Result<SuiteReport, SuiteError> {
        let Self { request, names, baseline, seed, runs } = self;
        let now = Timestamp::now();
        let id = new_run_id(now, seed);
        request.target.check(request.keep)?;
        let names_of_runs: Vec<&str> = runs.iter().map(|run| run.record.name.as_str()).collect();
        let out = run_folder::create(request.out.as_deref(), &id, &names_of_runs)?.path;
        let mut record = SuiteRecord::new(&id, now, runs.iter().map(|run| run.record.clone()).collect());
        record.command = repeat_suite(&request, seed);
        record.profile = request.options.profile.to_string();
        record.target = request.target.kind().as_str().to_owned();
        record.seed = seed;
        record.save(&out)?;
        let mut runner = SuiteRunner {
            out: &out,
            runs: &runs,
            record,
            cluster: SharedCluster::new(&request.target, &id, &out, request.repeat > 1, interrupts, progress),
            cluster_name: request.target.cluster_name(),
            baseline: baseline.as_ref(),
            measured: BTreeMap::new(),
            comparisons: Vec::new(),
            interrupts,
            progress,
            started: Instant::now(),
            stopped: None,
        };
        runner.run_all().await;
        let SuiteRunner { mut record, cluster, comparisons, .. } = runner;
        // The cluster is taken down whatever went wrong.
        record.leaks = cluster.end().await;
        let mut unwritten: Vec<FolderError> = record.save(&out).err().into_iter().map(Into::into).collect();
        if let Some(baseline) = &baseline {
            let not_compared = names.iter().filter(|name| !baseline.has(name));
            let not_compared =
                not_compared.map(|name| format!("{name}: {} has no run of it", baseline.folder().display()));
            unwritten.extend(comparison::write(&out, comparisons, not_compared.collect()).err().map(Into::into));
        }
        let mut report = report_ended_suite(&out, record)?;
        report.exit_code = unwritten.iter().map(FolderError::exit_code).fold(report.exit_code, ExitCode::max);
        report.failures.extend(unwritten);
        Ok(report)
    }
}

struct SuiteRunner<'a> {
    out: &'a Path,
    runs: &'a [SelectedRun],
    record: SuiteRecord,
    cluster: SharedCluster<'a>,
    cluster_name: &'a str,
    baseline: Option<&'a Baseline>,
    /// The runs that have ended, by scenario.
    measured: BTreeMap<String, Vec<MeasuredRun>>,
    /// With the baseline, of the scenarios whose runs have all ended.
    comparisons: Vec<Comparison>,
    interrupts: &'a Interrupts,
    progress: &'a SharedListener,
    started: Instant,
    /// Why no further run is started.
    stopped: Option<RunState>,
}

/// How a run of the suite ended.
enum RunEnd {
    /// It has a log.
    Ran(Box<EndedRun>),
    /// It was not started.
    NotRun(RunState),
    /// It was started, and there is no log to report on.
    Broken(SuiteError),
}

impl SuiteRunner<'_> {
    async fn run_all(&mut self) {
        for (index, selected) in self.runs.iter().enumerate() {
            if self.interrupts.interrupt.is_cancelled() && self.stopped.is_none() {
                self.stopped = Some(interrupted());
            }
            let mut issues = Vec::new();
            let end = match (&selected.planned, &self.stopped) {
                (None, _) => RunEnd::NotRun(selected.record.state.clone()),
                (Some(_), Some(reason)) => RunEnd::NotRun(reason.clone()),
                (Some(planned), None) => self.run_one(index, selected, planned, &mut issues).await,
            };
            self.record_end(index, end, issues);
        }
    }

    async fn run_one(
        &mut self,
        index: usize,
        selected: &SelectedRun,
        planned: &PlannedRun,
        issues: &mut Vec<Issue>,
    ) -> RunEnd {
        let (position, estimate) = (self.position(index), self.estimate(index));
        self.progress.update(Update::SuiteRunStarting { position, name: &selected.record.name, estimate });
        if let Some(run) = self.record.runs.get_mut(index) {
            run.state = RunState::Running;
        }
        self.save();
        let end = self.execute(planned, &self.out.join(&selected.record.name)).await;
        self.check_cluster(&end, issues).await;
        self.compare(index, selected, &end, issues);
        end
    }

    fn record_end(&mut self, index: usize, end: RunEnd, mut issues: Vec<Issue>) {
        let (state, ran) = match end {
            RunEnd::Ran(ran) => {
                let EndedRun { plan, result, unwritten } = *ran;
                let unwritten = unwritten.iter();
                issues.extend(unwritten.map(|error| Issue { exit_code: error.exit_code(), what: error.to_string() }));
                (RunState::Ran, Some(Ok((plan, result))))
            }
            RunEnd::NotRun(state) => (state, None),
            RunEnd::Broken(error) => {
                let exit_code = error.exit_code();
                issues.push(Issue { exit_code, what: error.to_string() });
                (RunState::NotRun { reason: "there is no log of it".to_owned(), exit_code }, None)
            }
        };
        let position = self.position(index);
        if let Some(run) = self.record.runs.get_mut(index) {
            run.state = state;
            run.issues = issues;
            let outcome = RunOutcome::new(run.clone(), ran);
            self.progress.update(Update::SuiteRunEnded { position, outcome: outcome.describe() });
        }
        self.record.took_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.save();
    }

    /// Keeps `suite.json` up to date. Where that fails, the runs so far are reported nevertheless, and no other is started.
    fn save(&mut self) {
        if let Err(error) = self.record.save(self.out) {
            let reason = error.to_string();
            if self.stopped.is_none() {
                self.progress.update(Update::SuiteStopped(&reason));
                self.stopped = Some(RunState::NotRun { reason, exit_code: error.exit_code() });
            }
        }
    }

    fn position(&self, index: usize) -> Position {
        Position { number: index + 1, count: self.runs.len() }
    }

    fn estimate(&self, index: usize) -> Estimate {
        let sum = |runs: Option<&[SelectedRun]>| -> Duration {
            let planned = runs.unwrap_or_default().iter().filter(|run| run.planned.is_some());
            planned.map(|run| run.expected.as_duration() + AROUND_A_RUN).sum()
        };
        Estimate {
            run: sum(self.runs.get(index..=index)),
            elapsed: self.started.elapsed(),
            remaining: sum(self.runs.get(index..)),
        }
    }

    async fn execute(&mut self, planned: &PlannedRun, folder: &Path) -> RunEnd {
        let acquired = tokio::select! {
            biased;
            () = self.interrupts.interrupt.cancelled() => return RunEnd::NotRun(interrupted()),
            acquired = self.cluster.acquire(planned.region) => acquired,
        };
        let cluster = match acquired {
            Ok(cluster) => cluster,
            Err(error) => {
                let state = RunState::NotRun { reason: error.to_string(), exit_code: ExitCode::TargetFailed };
                // The next one would not get a cluster either.
                self.stopped = Some(state.clone());
                return RunEnd::NotRun(state);
            }
        };
        let run_id = new_run_id(Timestamp::now(), planned.plan.seed);
        // A run's, not the suite's: a suite may wait for hours, and between its runs the cluster is as it was.
        let lease = tokio::select! {
            biased;
            () = self.interrupts.interrupt.cancelled() => return RunEnd::NotRun(interrupted()),
            lease = self.cluster.lease(&cluster, &run_id) => lease,
        };
        let lease = match lease {
            Ok(lease) => lease,
            Err(error) => {
                let reason = error.to_string();
                self.progress.update(Update::SuiteStopped(&reason));
                let state = RunState::NotRun { reason, exit_code: error.exit_code() };
                self.stopped = Some(state.clone());
                return RunEnd::NotRun(state);
            }
        };
        let (known_state, mut known) = oneshot::channel();
        let known_state = Some(known_state);
        let executed = async {
            let out = run_folder::create(Some(folder), &run_id, &[])?.path;
            let destination = Destination { run_id, out, cluster, throwaway: false, keep: false, lease, known_state };
            planned.execute(destination, self.interrupts, self.progress).await
        };
        let executed = executed.await;
        if let Ok(contents) = known.try_recv() {
            self.cluster.set_known_state(contents);
        }
        match executed {
            Ok(ran) => RunEnd::Ran(Box::new(ran)),
            Err(error) => RunEnd::Broken(error),
        }
    }

    /// Checks the cluster after a run, unless everything is about to end anyway.
    async fn check_cluster(&mut self, end: &RunEnd, issues: &mut Vec<Issue>) {
        let target_failed = match end {
            RunEnd::Ran(ran) => ran.result.exit_code == ExitCode::TargetFailed,
            RunEnd::Broken(_) => true,
            RunEnd::NotRun(_) => return,
        };
        if self.interrupts.interrupt.is_cancelled() {
            return;
        }
        let (changes, is_replaced) = match self.cluster.check_after_run(target_failed).await {
            AfterRun::Unchanged => return,
            AfterRun::Replaced(None) => {
                self.progress.update(Update::ClusterReplaced(ReplacementReason::TargetFailed));
                return;
            }
            AfterRun::Replaced(Some(changes)) => (changes, true),
            AfterRun::Contaminated(changes) => (changes, false),
        };
        let what = format!("after the run the cluster is not as it was before: {changes}");
        self.progress.update(Update::ClusterChanged(&what));
        issues.push(Issue { exit_code: ExitCode::LeftBehind, what });
        if is_replaced {
            self.progress.update(Update::ClusterReplaced(ReplacementReason::Changed));
            return;
        }
        let name = self.cluster_name;
        let reason = format!(
            "the cluster `{name}` is not as it was before ({changes}), and a suite does not replace a cluster that it did not start: \
             take it down with `harness down --cluster {name}`, and run the rest on a fresh one"
        );
        self.progress.update(Update::SuiteStopped(&reason));
        self.stopped = Some(RunState::NotRun { reason, exit_code: ExitCode::Inconclusive });
    }

    /// Compares the runs of a scenario with those of the baseline once all of them have ended.
    fn compare(&mut self, index: usize, selected: &SelectedRun, end: &RunEnd, issues: &mut Vec<Issue>) {
        let Some(baseline) = self.baseline else { return };
        let scenario = &selected.scenario;
        if let RunEnd::Ran(ran) = end {
            self.measured.entry(scenario.clone()).or_default().push(MeasuredRun::from(&ran.result));
        }
        if self.runs.iter().skip(index + 1).any(|later| later.scenario == *scenario) {
            return;
        }
        if !baseline.has(scenario) {
            self.progress.update(Update::NotCompared { scenario, baseline: baseline.folder() });
            return;
        }
        let Some(runs) = self.measured.remove(scenario) else { return };
        let comparison = baseline.compare(scenario, &runs);
        self.progress.update(Update::Compared(&comparison));
        let exit_code = comparison.exit_code;
        if exit_code != ExitCode::Passed {
            let what =
                format!("compared with {}: {} {}", baseline.folder().display(), comparison.reason, comparison.advice);
            issues.push(Issue { exit_code, what: what.trim().to_owned() });
        }
        self.comparisons.push(comparison);
    }
}

fn interrupted() -> RunState {
    RunState::NotRun { reason: "interrupted".to_owned(), exit_code: ExitCode::Interrupted }
}
