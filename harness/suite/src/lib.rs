//! Running scenarios, from their names to the reports over all of them. The `harness` binary is one caller of this crate; it adds arguments
//! and a console.
//!
//! - [`LoadedScenario`], [`LoadedTree`]: from names and paths to checked inputs and a plan.
//! - [`FluxBuildProgram`], [`FluxBuilder`]: what Flux builds of a tree, by Flux's own code.
//! - [`SingleRun`]: one run of one scenario on the cluster that is up, or on one of its own.
//! - [`Suite`]: several runs one after another on one cluster, which is checked after each and replaced where a run changed it.
//! - [`report_folder`], [`compare_folders`]: the reports of a folder again, and the comparison of two.
//!
//! Nothing is printed: a caller that wants to show what happens implements [`ProgressListener`].
//!
//! ```no_run
//! use std::process::ExitCode;
//! use std::sync::Arc;
//!
//! use harness_suite::{Interrupts, RunRequest, ScenarioChoice, SharedListener, Silent, Suite, SuiteError};
//!
//! fn main() -> ExitCode {
//!     // The processes of a local cluster are started through this binary.
//!     if let Some(code) = harness_cluster::local::dispatch(std::env::args_os().skip(1)) {
//!         return code;
//!     }
//!     let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
//!     let exit_code = runtime.block_on(run_everything()).unwrap_or_else(|error| error.exit_code());
//!     exit_code.into()
//! }
//!
//! async fn run_everything() -> Result<harness_suite::ExitCode, SuiteError> {
//!     let progress: SharedListener = Arc::new(Silent);
//!     let request = RunRequest::new(ScenarioChoice::BuiltIn(None));
//!     let suite = Suite::plan(request, progress.as_ref())?;
//!     let report = suite.run(&Interrupts::default(), &progress).await?;
//!     println!("{}", report.folder.join("index.html").display());
//!     Ok(report.exit_code)
//! }
//! ```

mod clusters;
mod command_line;
mod comparison;
mod error;
mod files;
mod input;
mod local_cluster;
mod planned_run;
mod progress;
mod record;
mod region;
mod report;
mod request;
mod run_folder;
mod runner;
mod selection;
mod shared_cluster;
mod single;
mod target;

pub use clusters::{ClusterContents, ClusterRow, list_clusters};
pub use command_line::shell_quoted;
pub use comparison::{compare_folders, read_measured_run};
pub use error::{
    BoxedError, ComparisonError, FileError, FolderError, InputError, InvalidInput, SuiteError, TargetError,
};
pub use files::read_text;
pub use harness_record::ExitCode;
pub use harness_run::Interrupts;
pub use input::{
    FluxBuildError, FluxBuildPool, FluxBuildProgram, FluxBuildSource, FluxBuildUnavailable, FluxBuilder,
    LoadedScenario, LoadedTree, PlannedScenario, RegionalSkus, TreeRepository, load_built_in, read_tree_folder,
    sku_facts,
};
pub use local_cluster::{DEFAULT_CLUSTER, LocalCluster, RunCluster, attach, build_components};
pub use progress::{
    ClusterUse, Estimate, Position, ProgressListener, ReplacementReason, SharedListener, Silent, Update,
};
pub use record::{Issue, RecordedJudgement, RunRecord, RunState, SuiteRecord};
pub use region::Region;
pub use report::{FolderReport, RunReport, SuiteReport, report_folder};
pub use request::{PlanOptions, RunRequest, ScenarioChoice};
pub use run_folder::read_run;
pub use runner::Suite;
pub use single::SingleRun;
pub use target::{Target, TargetKind};
