//! The command line as people type it.

use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use harness_scenario::plan::Profile;

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
#[derive(Clone, Debug, Group)]
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
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run scenarios and report.
    Run(Run),
    /// List the scenarios that come with the harness.
    List(List),
    /// Print the plan of a scenario: everything that a run would do, nothing done.
    Plan(Plan),
    /// Check scenario files and node configuration trees.
    Validate(Validate),
    /// Make the reports of a run's folder again, from its event log.
    Report(Report),
    /// Compare the latencies of two runs; a regression exits with 1.
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
#[derive(Clone, Debug, Group)]
pub(crate) struct Planned {
    /// The GitOps tree to test: a folder with a kustomization.yaml. Without it, the example tree that comes with the harness.
    #[arg(long, value_name = "PATH")]
    pub(crate) node_config: Option<PathBuf>,
    /// The size of the run.
    #[arg(long, default_value = "default", value_parser = profile)]
    pub(crate) profile: Profile,
    /// Set a parameter of the scenario; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// The seed of every draw. Without it one is drawn and printed.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

fn profile(text: &str) -> Result<Profile, String> {
    [Profile::Smoke, Profile::Default, Profile::Full]
        .into_iter()
        .find(|profile| profile.as_str() == text)
        .ok_or_else(|| "it is one of smoke, default, full".to_owned())
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Run {
    /// Names of scenarios that come with the harness, or scenario files.
    #[arg(required = true, value_name = "NAME|FILE")]
    pub(crate) scenarios: Vec<String>,
    #[command(flatten)]
    pub(crate) planned: Planned,
    /// Where to run.
    #[arg(long, value_enum, default_value_t = TargetKind::Local)]
    pub(crate) target: TargetKind,
    /// The folder of the run; it must not hold another run. Default: reports/<run-id>.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Leave the cluster and everything on it as it is in the end.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Compare the latencies with this run's folder; a regression exits with 1.
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

/// Which local cluster.
#[derive(Clone, Debug, Group)]
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

#[derive(Clone, Debug, Group)]
pub(crate) struct List {}

#[derive(Clone, Debug, Group)]
pub(crate) struct Plan {
    /// Name of a scenario that comes with the harness, or a scenario file.
    #[arg(value_name = "NAME|FILE")]
    pub(crate) scenario: String,
    #[command(flatten)]
    pub(crate) planned: Planned,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Validate {
    /// Scenario files, or folders of node configuration trees.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Report {
    /// The run's folder.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Compare {
    /// The folder of the run to compare with.
    #[arg(value_name = "A")]
    pub(crate) before: PathBuf,
    /// The folder of the run that may be worse.
    #[arg(value_name = "B")]
    pub(crate) after: PathBuf,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Doctor {
    /// Take the components' binaries from this folder instead of building them.
    #[arg(long, value_name = "DIR", env = "HARNESS_BIN_DIR")]
    pub(crate) bin_dir: Option<PathBuf>,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Down {
    /// The cluster's name.
    #[arg(long, default_value = DEFAULT_CLUSTER, value_name = "NAME")]
    pub(crate) cluster: String,
    /// Keep the components' logs in this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) logs: Option<PathBuf>,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Named {
    /// The cluster's name.
    #[arg(long, default_value = DEFAULT_CLUSTER, value_name = "NAME")]
    pub(crate) cluster: String,
}

#[derive(Clone, Debug, Group)]
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
}
