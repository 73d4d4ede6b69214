//! A scenario that is ready to be run, and its run on a cluster.

use std::path::PathBuf;

use harness_cluster::{Cluster, Contents};
use harness_plan::Plan;
use harness_run::{Interrupts, Options, RunLease};
use tokio::sync::oneshot;

use crate::command_line::repeat_run;
use crate::error::{InputError, SuiteError};
use crate::files;
use crate::input::{LoadedScenario, LoadedTree, PlannedScenario};
use crate::progress::{SharedListener, Update};
use crate::region::Region;
use crate::request::PlanOptions;
use crate::run_folder::{self, EndedRun, PLAN_FILE};
use crate::target::Target;

/// A scenario that is ready to be run.
pub(crate) struct PlannedRun {
    pub(crate) plan: Plan,
    pub(crate) tree: LoadedTree,
    /// The region that it is planned for.
    pub(crate) region: Region,
    /// The command that repeats the run.
    command: String,
}

/// Where a plan is carried out, and into which folder.
pub(crate) struct Destination {
    pub(crate) run_id: String,
    /// The run's folder; it exists.
    pub(crate) out: PathBuf,
    pub(crate) cluster: Cluster,
    /// Whether the cluster ends with the run.
    pub(crate) throwaway: bool,
    /// Whether everything stays as it is at the end.
    pub(crate) keep: bool,
    /// The Lease of a cluster that others could use as well.
    pub(crate) lease: Option<RunLease>,
    /// Gets what is on the cluster before the run changes anything.
    pub(crate) known_state: Option<oneshot::Sender<Contents>>,
}

impl PlannedRun {
    pub(crate) fn new(
        loaded: &LoadedScenario,
        options: PlanOptions,
        target: &Target,
        seed: u64,
    ) -> Result<Self, InputError> {
        let PlannedScenario { plan, tree, region } = loaded.plan(&options, seed)?;
        Ok(Self { plan, tree, region, command: repeat_run(&loaded.name, &options, target, seed) })
    }

    /// Carries the plan out, and makes the reports of what is then in the log, in the run's folder.
    pub(crate) async fn execute(
        &self,
        destination: Destination,
        interrupts: &Interrupts,
        progress: &SharedListener,
    ) -> Result<EndedRun, SuiteError> {
        let Destination { run_id, out, cluster, throwaway, keep, lease, known_state } = destination;
        files::replace_json(&out.join(PLAN_FILE), &self.plan)?;
        for class in self.plan.node_config.classes.iter().filter(|class| class.untestable.is_some()) {
            progress.update(Update::NotTested(class));
        }
        // Deleted at the end of this function, whatever the run made of it.
        let copy = self.tree.copy()?;
        progress.update(Update::RunStarted(&self.plan));
        let observer = progress.clone();
        let options = Options {
            run_id,
            out: out.clone(),
            tree: harness_run::Tree { folder: copy.path().to_owned(), files: self.tree.files.clone() },
            command: self.command.clone(),
            keep,
            throwaway,
            on_event: Box::new(move |event| observer.update(Update::Event(event))),
            interrupts: interrupts.clone(),
            lease,
            known_state,
        };
        let executed = harness_run::execute(&self.plan, cluster, options).await;
        progress.update(Update::RunEnded);
        run_folder::report_ended_run(&out, executed)
    }
}
