//! What ends a step early, and the exit code that it has.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use harness_azure::catalogue::CatalogueError;
use harness_cluster::local::{self, Failure, LocalError};
use harness_cluster::{ClusterError, ContentsError};
use harness_components::{BuildError, Missing};
use harness_record::ExitCode;
use harness_report::ReportError;
use harness_run::{LeaseError, RunError};
use harness_tree::SourceFile;
use harness_yaml::Diagnostic;

use crate::region::Region;

/// An error of a library below, of which only the message and the sources are of interest.
pub type BoxedError = Box<dyn Error + Send + Sync>;

/// A file or folder could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It could not be written.
    #[error("cannot write {}: {source}; check the permissions and the free space there", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It could not be copied.
    #[error("cannot copy {} to {}: {source}", from.display(), to.display())]
    Copy {
        /// What was to be copied.
        from: PathBuf,
        /// Where to.
        to: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl FileError {
    /// For `map_err` on a read.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    /// For `map_err` on a write.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { path: path.to_owned(), source }
    }

    /// The exit code of a command that ends with it.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Read { .. } | Self::Copy { .. } => ExitCode::InvalidInput,
            Self::Write { .. } => ExitCode::TargetFailed,
        }
    }
}

/// Everything that is wrong with an input, and the texts to show it in.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.describe())]
pub struct InvalidInput {
    /// Each problem with its place.
    pub problems: Vec<Diagnostic>,
    /// The texts that the places are in.
    pub texts: Vec<SourceFile>,
}

impl InvalidInput {
    /// The first problem with its place, and how many there are.
    fn describe(&self) -> String {
        let Some(first) = self.problems.first() else { return "the input is invalid".to_owned() };
        let Diagnostic { file, line, column, message, .. } = first;
        match self.problems.len() {
            1 => format!("{file}:{line}:{column}: {message}"),
            all => format!("{file}:{line}:{column}: {message} (the first of {all} problems)"),
        }
    }
}

/// A scenario, a tree or what they are planned with cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A scenario, a tree or the plan that they make is invalid.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// A file or folder could not be read, or the run's copy not written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The VM sizes are not known.
    #[error(transparent)]
    Skus(#[from] CatalogueError),
    /// Neither a built-in scenario nor a file.
    #[error("{0} is neither a built-in scenario nor a file; `harness list` shows the built-in scenarios")]
    UnknownScenario(String),
    /// None of the scenarios declares the parameter.
    #[error("none of these scenarios has a parameter `{0}`; `harness list -v` shows the parameters of each")]
    UnknownParameter(String),
    /// No scenario was named.
    #[error("no scenario to run: name at least one; `harness list` shows the built-in scenarios")]
    NoScenario,
    /// A placeholder in a file of the tree cannot be replaced.
    #[error("cannot replace the placeholders of the node configuration {tree}: {source}")]
    Placeholder {
        /// The tree.
        tree: String,
        /// The file, and why.
        source: BoxedError,
    },
    /// A folder holds more than a tree can.
    #[error(
        "cannot read {}: a repository has at most {files_max} files; is this the right folder?",
        path.display()
    )]
    TooLarge {
        /// What was to be read.
        path: PathBuf,
        /// The most files of a repository.
        files_max: usize,
    },
    /// The folder of a tree is not in the repository that was named.
    #[error(
        "{} is not below {}: name with --root the top of the repository that the tree is in", folder.display(), root.display()
    )]
    OutsideOfRoot {
        /// The folder.
        folder: PathBuf,
        /// The top that was named.
        root: PathBuf,
    },
}

impl InputError {
    /// The exit code of a command that ends with it.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::File(error) => error.exit_code(),
            Self::Invalid(_)
            | Self::Skus(_)
            | Self::UnknownScenario(_)
            | Self::UnknownParameter(_)
            | Self::NoScenario
            | Self::Placeholder { .. }
            | Self::OutsideOfRoot { .. }
            | Self::TooLarge { .. } => ExitCode::InvalidInput,
        }
    }
}

/// The folder of a run or a suite cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file in it could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A run cannot write there.
    #[error("cannot write a run to the folder {}: {source}; {}", folder.display(), remedy(source))]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file has the name of the folder, or of one above it.
    #[error(
        "cannot write a run to the folder {}: {} is a file, not a folder; name a folder with --out",
        folder.display(), file.display()
    )]
    FileInTheWay {
        /// The folder.
        folder: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// Another run is there, or a file of somebody else.
    #[error("{} already holds {file}, which this run would replace; choose another folder with --out", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The file.
        file: String,
    },
    /// No run is there.
    #[error("{} is not the folder of a run or of several: it has no {file}", folder.display())]
    NotARun {
        /// The folder.
        folder: PathBuf,
        /// The file that is missing.
        file: &'static str,
    },
    /// `plan.json`, `events.jsonl` or `suite.json` is not one that this harness reads.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: BoxedError,
    },
    /// `suite.json` has another version.
    #[error("cannot read {}: it has version {found}, this harness reads version {known}", path.display())]
    SuiteVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version of this harness.
        known: u32,
    },
    /// `suite.json` names a folder outside its own.
    #[error("cannot read {}: `{name}` is not the name of a folder in it", path.display())]
    SuiteFolder {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// The reports of a run could not be made or written.
    #[error(transparent)]
    Reports(#[from] ReportError),
    /// A report over a suite could not be made.
    #[error("cannot make {}: {source}; this is a defect of harness: please report it with suite.json", path.display())]
    Index {
        /// The report's file.
        path: PathBuf,
        /// Why.
        source: BoxedError,
    },
}

/// What helps where a folder cannot be written.
fn remedy(source: &io::Error) -> &'static str {
    use io::ErrorKind;
    match source.kind() {
        ErrorKind::PermissionDenied => "it takes the permission to write there: choose a folder of yours with --out",
        ErrorKind::ReadOnlyFilesystem => "choose a folder on a file system that is not mounted read-only with --out",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free some space there, or choose another folder with --out"
        }
        _ => "choose another folder with --out",
    }
}

impl FolderError {
    /// The exit code of a command that ends with it.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::File(error) => error.exit_code(),
            Self::Reports(_) | Self::Index { .. } => ExitCode::TargetFailed,
            Self::Unusable { .. }
            | Self::FileInTheWay { .. }
            | Self::InUse { .. }
            | Self::NotARun { .. }
            | Self::Unreadable { .. }
            | Self::SuiteVersion { .. }
            | Self::SuiteFolder { .. } => ExitCode::InvalidInput,
        }
    }
}

/// Runs cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum ComparisonError {
    /// A run's folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// There is no such folder.
    #[error("there is no folder {}", .0.display())]
    NoFolder(PathBuf),
    /// No run is in the folder.
    #[error(
        "{} holds no run: neither it nor a folder in it has events.jsonl and plan.json, or summary.json and latencies.hlog; \
         make a baseline with `harness run NAME --repeat 5 --out DIR`",
        .0.display()
    )]
    NoRuns(PathBuf),
    /// A file of a run does not hold what a comparison needs.
    #[error(
        "cannot read {}: {source}; copy the file from the run again, or record a new baseline with `harness run NAME --repeat 5 --out DIR`",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        source: BoxedError,
    },
    /// A file of a run is missing.
    #[error("cannot read {}: it is missing; a baseline keeps summary.json and latencies.hlog of each run", .0.display())]
    MissingFile(PathBuf),
    /// The two sides have no scenario in common.
    #[error(
        "{} has runs of {}, {} of {}: there is nothing to compare",
        before.display(), before_scenarios.join(", "), after.display(), after_scenarios.join(", ")
    )]
    NothingInCommon {
        /// The earlier side.
        before: PathBuf,
        /// Its scenarios.
        before_scenarios: Vec<String>,
        /// The later side.
        after: PathBuf,
        /// Its scenarios.
        after_scenarios: Vec<String>,
    },
    /// The baseline has no run of any of the scenarios.
    #[error(
        "the baseline {} has runs of {} and none of {asked}; make one with `harness run {asked} --repeat 5 --out DIR`",
        folder.display(), has.join(", "), asked = asked.join(", ")
    )]
    OtherScenarios {
        /// The baseline.
        folder: PathBuf,
        /// Its scenarios.
        has: Vec<String>,
        /// Those to be run.
        asked: Vec<String>,
    },
    /// The baseline was run with something else.
    #[error(
        "run {run} of the baseline {} has the {what} {theirs}, this run {ours}: they could not be compared; \
         use --{what} {theirs}, or another baseline",
        folder.display()
    )]
    Differs {
        /// The baseline.
        folder: PathBuf,
        /// The id of its run.
        run: String,
        /// The option that differs.
        what: &'static str,
        /// Its value in the baseline.
        theirs: String,
        /// Its value in this run.
        ours: String,
    },
}

impl ComparisonError {
    /// The exit code of a command that ends with it.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Folder(error) => error.exit_code(),
            Self::NoFolder(_)
            | Self::NoRuns(_)
            | Self::Damaged { .. }
            | Self::MissingFile(_)
            | Self::NothingInCommon { .. }
            | Self::OtherScenarios { .. }
            | Self::Differs { .. } => ExitCode::InvalidInput,
        }
    }
}

/// No cluster can be used or started.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// No cluster of that name is up.
    #[error("no cluster named `{name}` is up; {}; start it with `harness up --cluster {name}`{}", describe_up(up), match or_own {
        true => ", or omit --cluster: a cluster is then started and ends with the command",
        false => "",
    })]
    NotUp {
        /// The name.
        name: String,
        /// Those that are up.
        up: Vec<String>,
        /// Whether the command starts its own where none is named.
        or_own: bool,
    },
    /// The cluster is in another region than the run is planned for.
    #[error(
        "the local cluster `{name}` is in {own}, and the run is planned for {region}: give the region of the cluster with `--region {own}`, \
             or start one there with `harness up --region {region} --cluster NAME` and name it with --cluster"
    )]
    OtherRegion {
        /// The cluster.
        name: String,
        /// Its region.
        own: String,
        /// The run's region.
        region: Region,
    },
    /// Flux was removed from it, and a run would wait for what never happens.
    #[error("`{0}` has no Flux: bring it back with `harness flux install --cluster {0}`")]
    NoFlux(String),
    /// It did not answer whether it has Flux.
    #[error("cannot find out whether `{name}` has Flux: {source}; `harness status --cluster {name}` shows how it is")]
    FluxUnknown {
        /// Its name.
        name: String,
        /// Why.
        source: BoxedError,
    },
    /// A component of it died.
    #[error(
        "the cluster `{name}` has failed: {}: {}; take it down with `harness down --cluster {name}`",
        failure.component, failure.reason
    )]
    Failed {
        /// Its name.
        name: String,
        /// Which component, and why.
        failure: Failure,
    },
    /// Another run is on it.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// It did not answer what is on it.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// It could not be reached, or did not do what it was asked for.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// It could not be started or found.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The components could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The components are not there.
    #[error(transparent)]
    Missing(#[from] Missing),
}

/// The clusters that could be meant instead.
fn describe_up(up: &[String]) -> String {
    let named: Vec<String> = up.iter().map(|name| format!("`{name}`")).collect();
    match named.as_slice() {
        // Without a home the folder of the clusters is another one.
        [] if std::env::var_os("HOME").is_none() && std::env::var_os("HARNESS_STATE_DIR").is_none() => {
            let root = local::default_state_root();
            format!("HOME is not set, so clusters are kept in {}, where there is none", root.display())
        }
        [] => "no other one is up either".to_owned(),
        several => format!("up: {}", several.join(", ")),
    }
}

impl TargetError {
    /// Nothing of that name is up.
    pub fn not_up(name: &str) -> Self {
        Self::NotUp { name: name.to_owned(), up: local::list(&local::default_state_root()), or_own: false }
    }

    /// The exit code of a command that ends with it.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotUp { .. }
            | Self::OtherRegion { .. }
            | Self::Build(BuildError::NoCacheFolder)
            | Self::Local(LocalError::Name { .. } | LocalError::Cloud { .. } | LocalError::ProvisionMode { .. })
            | Self::Cluster(ClusterError::Local(
                LocalError::Name { .. } | LocalError::Cloud { .. } | LocalError::ProvisionMode { .. },
            )) => ExitCode::InvalidInput,
            Self::NoFlux(_)
            | Self::Build(_)
            | Self::FluxUnknown { .. }
            | Self::Failed { .. }
            | Self::Lease(_)
            | Self::Contents(_)
            | Self::Cluster(_)
            | Self::Local(_)
            | Self::Missing(_) => ExitCode::TargetFailed,
        }
    }

    /// Whether a second attempt may succeed: something was not there in time, or did not answer.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Cluster(error) => error.is_transient(),
            Self::Local(error) => error.is_transient(),
            Self::Failed { .. } | Self::Contents(_) => true,
            Self::NotUp { .. }
            | Self::OtherRegion { .. }
            | Self::NoFlux(_)
            | Self::FluxUnknown { .. }
            | Self::Lease(_)
            | Self::Build(_)
            | Self::Missing(_) => false,
        }
    }
}

/// Scenarios could not be planned, run or reported.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// A scenario or a tree cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The folder of a run cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The baseline cannot be used.
    #[error(transparent)]
    Comparison(#[from] ComparisonError),
    /// No cluster can be used or started.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The log of a run could not be kept.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Only a single run can be kept.
    #[error("--keep leaves everything of a run on the cluster, where the next one would find it; use it with one run")]
    KeepSeveral,
    /// Interrupted before anything was started.
    #[error("interrupted")]
    Interrupted,
}

impl From<FileError> for SuiteError {
    fn from(error: FileError) -> Self {
        Self::Folder(error.into())
    }
}

impl From<FileError> for ComparisonError {
    fn from(error: FileError) -> Self {
        Self::Folder(error.into())
    }
}

impl SuiteError {
    /// The exit code of a command that ends with it.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Input(error) => error.exit_code(),
            Self::Folder(error) => error.exit_code(),
            Self::Comparison(error) => error.exit_code(),
            Self::Target(error) => error.exit_code(),
            Self::Run(_) => ExitCode::TargetFailed,
            Self::KeepSeveral => ExitCode::InvalidInput,
            Self::Interrupted => ExitCode::Interrupted,
        }
    }
}
