//! One run of one scenario.

use harness_record::ExitCode;
use harness_record::compare::MeasuredRun;
use harness_run::{Interrupts, RunLease};
use jiff::Timestamp;

use crate::comparison::{self, Baseline, choose_seed};
use crate::error::{SuiteError, TargetError};
use crate::input::LoadedScenario;
use crate::local_cluster::{RunCluster, check_flux};
use crate::planned_run::{Destination, PlannedRun};
use crate::progress::{ProgressListener, SharedListener, Update};
use crate::region::Region;
use crate::report::RunReport;
use crate::request::RunRequest;
use crate::run_folder::{self, EndedRun, new_run_id};

/// One run of one scenario, planned and not started.
pub struct SingleRun {
    request: RunRequest,
    scenario: String,
    baseline: Option<Baseline>,
    planned: PlannedRun,
}

impl SingleRun {
    /// Plans the run of a built-in scenario or a scenario file. Everything is checked, and nothing is touched.
    ///
    /// # Errors
    /// [`SuiteError::Input`] and [`SuiteError::Comparison`].
    pub fn plan(name: &str, request: RunRequest, progress: &dyn ProgressListener) -> Result<Self, SuiteError> {
        let loaded = LoadedScenario::load(name)?;
        let scenario = loaded.scenario.name().to_owned();
        let baseline = Baseline::read(&request)?;
        let seed = choose_seed(&request, baseline.as_ref(), &[&scenario], progress)?;
        let planned = PlannedRun::new(&loaded, request.options.clone(), &request.target, seed)?;
        planned.tree.warnings.iter().for_each(|warning| progress.update(Update::TreeWarning(warning)));
        Ok(Self { request, scenario, baseline, planned })
    }

    /// Runs it on the cluster that is up, or on one of its own, and writes its reports. A run that passes is compared with the baseline.
    ///
    /// # Errors
    /// [`SuiteError`]: there is no cluster, or the log or the reports could not be kept. A run that fails is not an error.
    pub async fn run(self, interrupts: &Interrupts, progress: &SharedListener) -> Result<RunReport, SuiteError> {
        let Self { request, scenario, baseline, planned } = self;
        let run_id = new_run_id(Timestamp::now(), planned.plan.seed);
        request.target.check(request.keep)?;
        let folder = run_folder::create(request.out.as_deref(), &run_id, &[])?;
        let found = tokio::select! {
            cluster = usable_cluster(&request, &run_id, planned.region, progress.as_ref()) => cluster.map_err(SuiteError::from),
            () = interrupts.interrupt.cancelled() => Err(SuiteError::Interrupted),
        };
        let (RunCluster { cluster, throwaway }, lease) = found.inspect_err(|_| folder.discard())?;
        let out = folder.path;
        let keep = request.keep;
        let destination = Destination { run_id, out: out.clone(), cluster, throwaway, keep, lease, known_state: None };
        let EndedRun { result, unwritten, .. } = planned.execute(destination, interrupts, progress).await?;
        let mut report = RunReport::new(out, result, unwritten);
        if let (ExitCode::Passed, Some(baseline)) = (report.exit_code, &baseline) {
            let comparison = baseline.compare(&scenario, &[MeasuredRun::from(&report.result)]);
            report.exit_code = comparison.exit_code;
            if let Err(error) = comparison::write(&report.folder, vec![comparison.clone()], Vec::new()) {
                report.exit_code = report.exit_code.max(error.exit_code());
                report.unwritten.push(error.into());
            }
            report.comparison = Some(comparison);
        }
        Ok(report)
    }
}

async fn usable_cluster(
    request: &RunRequest,
    run_id: &str,
    region: Region,
    progress: &dyn ProgressListener,
) -> Result<(RunCluster, Option<RunLease>), TargetError> {
    let found = request.target.for_run(run_id, request.keep, region, progress).await?;
    if found.throwaway {
        return Ok((found, None));
    }
    check_flux(&found.cluster).await?;
    let lease = RunLease::take(&found.cluster, run_id).await?;
    Ok((found, Some(lease)))
}
