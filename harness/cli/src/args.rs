//! The command line as people type it.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as Flags, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use harness_plan::{Group, Profile};
use harness_units::Span;

/// Test node auto-provisioning and GitOps on Kubernetes before a change reaches production.
///
/// Exit codes: 0 every expectation held, 1 one failed, 2 usage or invalid input, 3 the target failed, 4 inconclusive,
/// 5 something was left behind, 130 interrupted.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is printed, for every command.
#[derive(Clone, Debug, Flags)]
pub(crate) struct Output {
    /// What stdout carries.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Say less on stderr.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say more on stderr; twice for the libraries' own words.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The form of stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// Findings for code scanning and editors, SARIF 2.1.0; `validate` only.
    Sarif,
    /// Findings as annotations of GitHub workflows; `validate` only.
    Github,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run scenarios and report.
    Run(Run),
    /// List the scenarios that come with the harness.
    List(List),
    /// Print the plan of a scenario: everything that a run would do, nothing done.
    Plan(Plan),
    /// Check scenario files and GitOps trees: what Flux would build, what the API server would say, what AKS would do.
    Validate(Validate),
    /// Make the reports of a run's folder, or of a folder of several runs, again from the event logs.
    Report(Report),
    /// Compare the latencies of two sides, each of one run or better of several (`run --repeat 5`); a regression exits with 1, 4 says that the
    /// runs do not tell.
    Compare(Compare),
    /// Check that this machine has what a run needs.
    Doctor(Doctor),
    /// Start a local cluster that stays.
    Up(Up),
    /// Stop a local cluster that `up` started.
    Down(Down),
    /// Show the local clusters that are up.
    Status(Named),
    /// Print shell exports with which any Kubernetes or Azure client can use a cluster that is up.
    Env(Named),
    /// The Flux of a cluster: install it, show how it is, make it reconcile now, remove it.
    Flux(Flux),
    /// The upstream components: build or list them.
    Components(Components),
    /// Print the JSON schema of scenario files.
    Schema,
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

/// What decides a plan.
#[derive(Clone, Debug, Flags)]
pub(crate) struct Planned {
    /// The GitOps tree to test: a folder with a kustomization.yaml. Without it, the example tree that comes with the harness.
    #[arg(long, value_name = "PATH")]
    pub(crate) node_config: Option<PathBuf>,
    /// The size of the run.
    #[arg(long, default_value = "default", value_parser = profile)]
    pub(crate) profile: Profile,
    /// Set a parameter; may be repeated. Of several scenarios those take it that have it.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// The seed of every draw. Without it one is drawn and printed.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

/// The names of groups as possible values, for help and completions.
fn group() -> impl TypedValueParser<Value = Group> {
    PossibleValuesParser::new(Group::ALL.iter().map(|group| group.as_str())).try_map(|name| {
        Group::ALL.iter().copied().find(|group| group.as_str() == name).ok_or("it is none of the groups")
    })
}

fn profile(text: &str) -> Result<Profile, String> {
    [Profile::Smoke, Profile::Default, Profile::Full]
        .into_iter()
        .find(|profile| profile.as_str() == text)
        .ok_or_else(|| "it is one of smoke, default, full".to_owned())
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Run {
    /// Names of scenarios that come with the harness, or scenario files. Several run one after another on one cluster, with one report over
    /// all.
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "NAME|FILE")]
    pub(crate) scenarios: Vec<String>,
    /// Run every scenario that comes with the harness, one after another on one cluster. The exit code is the worst of them: 3 before 5, 130,
    /// 1, 4, 0.
    #[arg(long)]
    pub(crate) all: bool,
    /// With --all: only those of this group.
    #[arg(long, requires = "all", conflicts_with = "scenarios", value_parser = group())]
    pub(crate) group: Option<Group>,
    #[command(flatten)]
    pub(crate) planned: Planned,
    /// Where to run.
    #[arg(long, value_enum, default_value_t = TargetKind::Local)]
    pub(crate) target: TargetKind,
    /// The folder of the run, or that of several runs' folders; it must not hold another run. Default: `reports/RUN-ID`.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Leave the cluster and everything on it as it is in the end.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Run each scenario N times, every run with the same plan and seed and on a fresh cluster (unless one is up), with one report over all.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) repeat: u32,
    /// Compare the latencies with those of this folder: of one run, or better of several. A regression exits with 1; one run against one tells
    /// nothing and exits with 4. Without --seed the baseline's is used.
    #[arg(long, value_name = "DIR")]
    pub(crate) baseline: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) local: Local,
}

/// Where scenarios run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TargetKind {
    /// A control plane of this machine's processes and a simulated Azure.
    Local,
}

impl TargetKind {
    /// The name as given to `--target`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
        }
    }
}

/// Which local cluster.
#[derive(Clone, Debug, Flags)]
pub(crate) struct Local {
    /// The cluster's name.
    #[arg(long, default_value = DEFAULT_CLUSTER, value_name = "NAME")]
    pub(crate) cluster: String,
    /// Take the components' binaries from this folder instead of building them.
    #[arg(long, value_name = "DIR", env = "HARNESS_BIN_DIR")]
    pub(crate) bin_dir: Option<PathBuf>,
}

/// The name of the cluster of `harness up` where none is given.
pub(crate) const DEFAULT_CLUSTER: &str = "harness";

#[derive(Clone, Debug, Flags)]
pub(crate) struct List {
    /// Only the scenarios of this group.
    #[arg(long, value_parser = group())]
    pub(crate) group: Option<Group>,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Plan {
    /// Name of a scenario that comes with the harness, or a scenario file.
    #[arg(value_name = "NAME|FILE")]
    pub(crate) scenario: String,
    #[command(flatten)]
    pub(crate) planned: Planned,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Validate {
    /// Scenario files, folders of GitOps trees, or single manifests.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Put right in place what has exactly one right form; comments and everything else stay.
    #[arg(long)]
    pub(crate) fix: bool,
    /// Ask an API server about each object (dry run): the local cluster that is up, which is asked anyway, or one that is started for it.
    #[arg(long, conflicts_with = "offline")]
    pub(crate) server: bool,
    /// Ask no API server, even where one is up.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Warnings fail too.
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Report {
    /// The folder of a run, or of several.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Compare {
    /// The folder to compare with: of one run, or of several.
    #[arg(value_name = "A")]
    pub(crate) before: PathBuf,
    /// The folder that may be worse: of one run, or of several.
    #[arg(value_name = "B")]
    pub(crate) after: PathBuf,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Doctor {
    /// Take the components' binaries from this folder instead of building them.
    #[arg(long, value_name = "DIR", env = "HARNESS_BIN_DIR")]
    pub(crate) bin_dir: Option<PathBuf>,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Down {
    /// The cluster's name.
    #[arg(long, default_value = DEFAULT_CLUSTER, value_name = "NAME")]
    pub(crate) cluster: String,
    /// Keep the components' logs in this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) logs: Option<PathBuf>,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Named {
    /// The cluster's name.
    #[arg(long, default_value = DEFAULT_CLUSTER, value_name = "NAME")]
    pub(crate) cluster: String,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Flux {
    #[command(subcommand)]
    pub(crate) command: FluxCommand,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum FluxCommand {
    /// Check what Flux needs, apply its manifests, start its controllers and wait until every object is Ready. What is there already stays.
    Install(FluxInstall),
    /// Show the controllers and every Flux object with its reason; exits with 1 when one is not Ready.
    Status(FluxOn),
    /// Make Flux look now: sources first, then each object after what it depends on, each waited for.
    Reconcile(FluxReconcile),
    /// Suspend and remove every Flux object, the controllers and the CRDs. Namespaces and what Flux has deployed stay.
    Uninstall(FluxUninstall),
}

/// Whose Flux.
#[derive(Clone, Debug, Flags)]
pub(crate) struct FluxOn {
    /// The kind of cluster.
    #[arg(long, value_enum, default_value_t = TargetKind::Local)]
    pub(crate) target: TargetKind,
    /// The cluster's name.
    #[arg(long, default_value = DEFAULT_CLUSTER, value_name = "NAME")]
    pub(crate) cluster: String,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct FluxInstall {
    #[command(flatten)]
    pub(crate) on: FluxOn,
    /// Change nothing; say what would be.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How long each object may take to get Ready.
    #[arg(long, default_value = "3m", value_name = "DURATION")]
    pub(crate) timeout: Span,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct FluxReconcile {
    /// Which objects; all of them without a name.
    #[arg(value_name = "[KIND/][NAMESPACE/]NAME")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) on: FluxOn,
    /// Do not fetch the sources of the named objects before them.
    #[arg(long, requires = "names")]
    pub(crate) without_source: bool,
    /// How long each object may take.
    #[arg(long, default_value = "3m", value_name = "DURATION")]
    pub(crate) timeout: Span,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct FluxUninstall {
    #[command(flatten)]
    pub(crate) on: FluxOn,
    /// Keep the custom resource definitions.
    #[arg(long)]
    pub(crate) keep_crds: bool,
    /// Change nothing; say what would be.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask for confirmation.
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Components {
    #[command(subcommand)]
    pub(crate) command: ComponentsCommand,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ComponentsCommand {
    /// Build the components that are not built.
    Build {
        /// Keep Go's build cache: the next change of a version builds faster, at several GB of disk.
        #[arg(long)]
        keep_build_cache: bool,
        /// Download modules to a folder that is removed afterwards, and leave the user's Go module cache alone.
        #[arg(long)]
        private_module_cache: bool,
    },
    /// List the components: version, licence, whether they are built.
    List,
    /// Print the key of this version's set of components and the folder in which it is kept: what a pipeline's cache needs.
    Key,
}
