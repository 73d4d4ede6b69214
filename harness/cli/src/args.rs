//! The command line.

use std::path::PathBuf;

use clap::builder::{BoolishValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args as Flags, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use harness_cluster::kubeconfig;
use harness_cluster::local::ClusterParts;
use harness_plan::{Group, Profile};
use harness_suite::{
    DEFAULT_CLUSTER, LocalCluster, PlanOptions, Region, RunRequest, ScenarioChoice, Target, TargetKind,
};
use harness_units::Span;

/// Test node auto-provisioning and GitOps on Kubernetes before a change reaches production.
///
/// Exit codes: 0 every expectation held, 1 an expectation failed, 2 usage or invalid input, 3 the target failed, 4 inconclusive,
/// 5 something was left behind or is not as it was before, 130 interrupted.
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
    /// The format of the data on stdout.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Print only warnings and errors on stderr.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Print more on stderr; twice for debug messages.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The format of stdout.
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
    /// Run scenarios and report on them.
    Run(Run),
    /// List the built-in scenarios.
    List(List),
    /// Print the plan of a scenario, which is everything that a run would do, without running it.
    Plan(Plan),
    /// Check scenario files and GitOps trees: what Flux would build, what the API server would refuse, what AKS would do with it.
    Validate(Validate),
    /// Generate the reports of a run, or of several, again from their event logs.
    Report(Report),
    /// Compare the latencies of two sides, each of one run or better of several (`run --repeat 5`). A regression exits with 1; 4 means that
    /// the runs do not suffice to tell.
    Compare(Compare),
    /// Check that this machine has what a run needs.
    Doctor(Doctor),
    /// Start a local cluster that stays up.
    Up(Up),
    /// Stop a local cluster that `up` started.
    Down(Down),
    /// List the local clusters that are up, with what is on each; with --cluster, show the state of one.
    Status(Status),
    /// Print shell exports that let any Kubernetes or Azure client use a cluster that is up.
    Env(Named),
    /// Manage the Flux of a cluster: install it, show its state, reconcile now, uninstall it.
    Flux(Flux),
    /// Build or list the upstream components.
    Components(Components),
    /// Print the JSON schema of scenario files.
    Schema,
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Where in Azure.
#[derive(Clone, Debug, Flags)]
pub(crate) struct Azure {
    /// The Azure region, whose zones, VM sizes and prices count. Default: the one in the zones and labels of the tree, else eastus.
    #[arg(long, value_name = "REGION", env = "HARNESS_REGION")]
    pub(crate) region: Option<Region>,
}

/// What decides a plan.
#[derive(Clone, Debug, Flags)]
pub(crate) struct Planned {
    /// The GitOps tree to test: a folder with a kustomization.yaml. Default: the built-in example tree.
    #[arg(long, value_name = "PATH")]
    pub(crate) node_config: Option<PathBuf>,
    /// The top of the repository that the tree is in, from which it may take other folders; the top of the Git work tree by default.
    #[arg(long, value_name = "DIR", requires = "node_config")]
    pub(crate) root: Option<PathBuf>,
    /// The cluster has none of the pools that AKS makes by itself, nor their AKSNodeClass `default`.
    #[arg(long, requires = "node_config")]
    pub(crate) without_aks_defaults: bool,
    #[command(flatten)]
    pub(crate) azure: Azure,
    /// The size of the run.
    #[arg(long, default_value = Profile::Default.as_str(), value_parser = profile())]
    pub(crate) profile: Profile,
    /// Set a parameter of the scenario; may be repeated. Of several scenarios, those that have the parameter take it.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// The seed of every random draw. Without it one is drawn and printed.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

impl Planned {
    /// The same for the library.
    pub(crate) fn options(&self) -> PlanOptions {
        PlanOptions {
            node_config: self.node_config.clone(),
            root: self.root.clone(),
            without_aks_defaults: self.without_aks_defaults,
            region: self.azure.region,
            profile: self.profile,
            parameters: self.set.clone(),
            seed: self.seed,
        }
    }
}

/// Every profile, smallest first.
pub(crate) const PROFILES: [Profile; 3] = [Profile::Smoke, Profile::Default, Profile::Full];

fn profile() -> impl TypedValueParser<Value = Profile> {
    one_of(&PROFILES, Profile::as_str, |_| None)
}

fn parts() -> impl TypedValueParser<Value = ClusterParts> {
    one_of(ClusterParts::ALL, ClusterParts::as_str, |parts| {
        Some(match parts {
            ClusterParts::Aks => "The DaemonSets of AKS, and a system pool as for production: tainted, in every zone",
            ClusterParts::AksDefaults => {
                "The same, with the system pool of `az aks create` without options: untainted, in no zone"
            }
            ClusterParts::Bare => "Nothing",
        })
    })
}

fn group() -> impl TypedValueParser<Value = Group> {
    one_of(Group::ALL, Group::as_str, |_| None)
}

fn target() -> impl TypedValueParser<Value = TargetKind> {
    one_of(TargetKind::ALL, TargetKind::as_str, |target| {
        Some(match target {
            TargetKind::Local => "A control plane of processes on this machine, with a simulated Azure",
            TargetKind::Kubeconfig => "A cluster that somebody else runs, with its own NAP and Flux",
        })
    })
}

/// Only on a cluster of its own does the harness install and remove things.
fn managed_target() -> impl TypedValueParser<Value = TargetKind> {
    one_of(&[TargetKind::Local], TargetKind::as_str, |_| None)
}

/// A parser of the names of an enumeration, which help and completions list.
fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
    help: fn(T) -> Option<&'static str>,
) -> impl TypedValueParser<Value = T> {
    let values = all.iter().map(move |&value| match help(value) {
        Some(help) => PossibleValue::new(name(value)).help(help),
        None => PossibleValue::new(name(value)),
    });
    PossibleValuesParser::new(values)
        .try_map(move |text| all.iter().copied().find(|&value| name(value) == text).ok_or("not a possible value"))
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Run {
    /// Names of built-in scenarios, or scenario files. Several run one after another on one cluster, with one report over all of them.
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "NAME|FILE")]
    pub(crate) scenarios: Vec<String>,
    /// Run every built-in scenario, one after another on one cluster. The exit code is the worst of theirs: 3 before 5, 130, 1, 4, 0.
    #[arg(long)]
    pub(crate) all: bool,
    /// With --all: only the scenarios of this group.
    #[arg(long, requires = "all", conflicts_with = "scenarios", value_parser = group())]
    pub(crate) group: Option<Group>,
    #[command(flatten)]
    pub(crate) planned: Planned,
    /// Where to run. On the local target a run uses the cluster that is up, and otherwise starts its own, which ends with it.
    #[arg(long, default_value = TargetKind::Local.as_str(), value_parser = target())]
    pub(crate) target: TargetKind,
    /// The folder for the run, or for the folders of several runs; it must not hold another run. Default: `reports/RUN-ID`.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Leave the cluster and everything on it as they are at the end. Where no cluster is up under the name of --cluster, one is started that
    /// stays.
    #[arg(long)]
    pub(crate) keep: bool,
    /// After Ctrl-C or SIGTERM, end within this time: the cleanup is cut short, and what is left behind is named. Default: the cleanup ends by
    /// itself, after at most 3 minutes, or at the second Ctrl-C. Pipelines that kill 10 s after SIGTERM need less than that.
    #[arg(long, value_name = "DURATION")]
    pub(crate) grace: Option<Span>,
    /// Run each scenario N times, each time with the same plan and seed and on a fresh cluster (unless one is up), with one report over all
    /// of them.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) repeat: u32,
    /// Compare the latencies with those in this folder, of one run or better of several. A regression exits with 1; comparing one run with
    /// one run proves nothing and exits with 4. Without --seed the baseline's is used.
    #[arg(long, value_name = "DIR")]
    pub(crate) baseline: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) local: Local,
    #[command(flatten)]
    pub(crate) existing: Existing,
}

impl Run {
    /// The same for the library.
    ///
    /// # Errors
    /// An option of one kind of target was given for another one.
    pub(crate) fn request(self) -> Result<RunRequest, OtherTarget> {
        let target = match self.target {
            TargetKind::Local => match self.existing.given() {
                Some(option) => return Err(OtherTarget { option, target: TargetKind::Kubeconfig.as_str() }),
                None => Target::Local(self.local.target()),
            },
            TargetKind::Kubeconfig => Target::Kubeconfig(self.existing.options()),
        };
        Ok(RunRequest {
            options: self.planned.options(),
            scenarios: match self.all {
                true => ScenarioChoice::BuiltIn(self.group),
                false => ScenarioChoice::Named(self.scenarios),
            },
            target,
            out: self.out,
            keep: self.keep,
            repeat: self.repeat,
            baseline: self.baseline,
        })
    }
}

/// An option was given that another kind of target has.
#[derive(Debug, thiserror::Error)]
#[error("{option} is an option of --target {target}")]
pub(crate) struct OtherTarget {
    option: &'static str,
    target: &'static str,
}

/// Which cluster of `--target kubeconfig`.
#[derive(Clone, Debug, Flags)]
pub(crate) struct Existing {
    /// With --target kubeconfig: the kubeconfig. Default: the files of KUBECONFIG, or ~/.kube/config.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// With --target kubeconfig: the context. Default: the current one.
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// With --target kubeconfig: a repository that both the harness and the cluster's Flux can reach, to which the harness may push. Its Flux
    /// follows it from then on. Default: the one that it follows.
    #[arg(long, value_name = "URL", env = "HARNESS_GIT_URL", hide_env_values = true)]
    pub(crate) git_url: Option<String>,
}

impl Existing {
    /// The first of these options that was given on the command line.
    fn given(&self) -> Option<&'static str> {
        match self {
            Self { kubeconfig: Some(_), .. } => Some("--kubeconfig"),
            Self { context: Some(_), .. } => Some("--context"),
            _ => None,
        }
    }

    fn options(self) -> kubeconfig::Options {
        kubeconfig::Options { kubeconfig: self.kubeconfig, context: self.context, git_url: self.git_url }
    }
}

/// Which local cluster.
#[derive(Clone, Debug, Flags)]
pub(crate) struct Local {
    /// The name of a cluster that is up (`harness up`). Default: `harness`.
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// Use the components' executables in this folder instead of building them.
    #[arg(long, value_name = "DIR", env = "HARNESS_BIN_DIR")]
    pub(crate) bin_dir: Option<PathBuf>,
}

impl Local {
    /// The same for the library.
    pub(crate) fn target(&self) -> LocalCluster {
        LocalCluster { name: self.cluster.clone(), bin_dir: self.bin_dir.clone() }
    }
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct List {
    /// Only the scenarios of this group.
    #[arg(long, value_parser = group())]
    pub(crate) group: Option<Group>,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Plan {
    /// Name of a built-in scenario, or a scenario file.
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
    /// The top of the repository that the trees are in, to which the paths of Flux Kustomizations are relative; the top of the Git work tree
    /// by default.
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// The cluster has none of the pools that AKS makes by itself, nor their AKSNodeClass `default`.
    #[arg(long)]
    pub(crate) without_aks_defaults: bool,
    /// Print what Flux would apply of the trees, one document an object, each with a comment that says where it is from.
    #[arg(long)]
    pub(crate) print: bool,
    /// Correct in place what has exactly one correct form; comments and everything else stay.
    #[arg(long)]
    pub(crate) fix: bool,
    /// Ask an API server about each object (dry run). A local cluster that is up is asked anyway; with this flag one is started if none is up.
    #[arg(long, conflicts_with = "offline")]
    pub(crate) server: bool,
    /// Do not ask an API server, even if a cluster is up.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Fail on warnings too.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Do not build `flux-build`, which builds a tree with Flux's own code and takes a minute to compile once. It is used where it is built.
    #[arg(long, env = "HARNESS_NO_BUILD", value_parser = BoolishValueParser::new())]
    pub(crate) no_build: bool,
    #[command(flatten)]
    pub(crate) azure: Azure,
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
    /// The folder to compare with, of one run or of several.
    #[arg(value_name = "A")]
    pub(crate) before: PathBuf,
    /// The folder that may have a regression, of one run or of several.
    #[arg(value_name = "B")]
    pub(crate) after: PathBuf,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Doctor {
    /// Use the components' executables in this folder instead of building them.
    #[arg(long, value_name = "DIR", env = "HARNESS_BIN_DIR")]
    pub(crate) bin_dir: Option<PathBuf>,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) azure: Azure,
    /// What the cluster has besides the nodes of a tree.
    #[arg(long, value_name = "PARTS", default_value_t = ClusterParts::Aks, value_parser = parts())]
    pub(crate) azure_cluster: ClusterParts,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Down {
    /// The cluster's name. Default: `harness`.
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// Keep the components' logs in this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) logs: Option<PathBuf>,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct Status {
    /// Show the components and endpoints of this cluster. Default: list all that are up.
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
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
    /// Check what Flux needs, apply its manifests, start its controllers and wait until every object is Ready. What is already there stays.
    Install(FluxInstall),
    /// Show the controllers and every Flux object with its reason; exits with 1 if one is not Ready.
    Status(FluxOn),
    /// Reconcile now: sources first, then each object after those that it depends on, waiting for each.
    Reconcile(FluxReconcile),
    /// Suspend and delete every Flux object, the controllers and the CRDs. Namespaces and what Flux has deployed stay.
    Uninstall(FluxUninstall),
}

/// Whose Flux.
#[derive(Clone, Debug, Flags)]
pub(crate) struct FluxOn {
    /// The kind of cluster.
    #[arg(long, default_value = TargetKind::Local.as_str(), value_parser = managed_target())]
    pub(crate) target: TargetKind,
    /// The cluster's name.
    #[arg(long, default_value = DEFAULT_CLUSTER, value_name = "NAME")]
    pub(crate) cluster: String,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct FluxInstall {
    #[command(flatten)]
    pub(crate) on: FluxOn,
    /// Change nothing; print what would be changed.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How long each object may take to become Ready.
    #[arg(long, default_value = "3m", value_name = "DURATION")]
    pub(crate) timeout: Span,
}

#[derive(Clone, Debug, Flags)]
pub(crate) struct FluxReconcile {
    /// The objects to reconcile. Default: all of them.
    #[arg(value_name = "[KIND/][NAMESPACE/]NAME")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) on: FluxOn,
    /// Do not fetch the sources of the named objects first.
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
    /// Change nothing; print what would be changed.
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
    /// Build the components that have not been built yet.
    Build {
        /// Keep Go's build cache: after the next version change the build is faster, at the cost of several GB of disk.
        #[arg(long)]
        keep_build_cache: bool,
        /// Download modules to a folder that is deleted afterwards, and leave the user's Go module cache alone.
        #[arg(long)]
        private_module_cache: bool,
    },
    /// List the components: version, licence, whether they are built.
    List,
    /// Print the key of this version's set of components and the folder that holds it: what the cache of a pipeline needs.
    Key,
}
