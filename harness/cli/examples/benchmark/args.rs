//! The command line.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// CPU of each pod of the bursts, unless something else is asked for; the targets are for this.
pub(crate) const DEFAULT_POD_CPU: &str = "500m";

/// How fast the harness is, what it costs and how exactly it measures, as figures beside their targets.
///
/// Exit codes: 0 everything ran, whether or not the targets were met; 1 something that was run failed; 130 interrupted.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// The binary that is measured.
    #[arg(long, default_value = "target/release/harness", value_name = "FILE")]
    pub(crate) harness: PathBuf,
    /// The program that generates the log for `report`. Default: examples/synthesize beside the binary.
    #[arg(long, value_name = "FILE")]
    synthesize: Option<PathBuf>,
    /// The folder of the scenarios and of their tree.
    #[arg(long, default_value = "ci/benchmark", value_name = "DIR")]
    pub(crate) scenarios: PathBuf,
    /// Run only this item; may be repeated.
    #[arg(long, value_enum, value_name = "ITEM")]
    only: Vec<Item>,
    /// Pods of each run of the growth curve, the first being what the others are compared with. Without --only, only the
    /// growth curve is run.
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    pods: Option<Vec<NonZeroU32>>,
    /// What the cluster of the bursts has besides the nodes of the tree, as `azure.cluster` of a scenario says it.
    #[arg(long, default_value = "bare", value_parser = ["bare", "aks", "aks-defaults"], value_name = "PARTS")]
    pub(crate) azure_cluster: String,
    /// CPU of each pod of the bursts: with 500m, seven fill a node; with 3000m, each needs one.
    #[arg(long, default_value = DEFAULT_POD_CPU, value_name = "QUANTITY")]
    pub(crate) pod_cpu: String,
    /// Run each item N times, and print median and range.
    #[arg(long, default_value = "1", value_name = "N")]
    pub(crate) repeat: NonZeroU32,
    /// Real runs of the A/A test, dealt into two sides; 0: only generated ones. Ten are five a side and take a quarter of an hour.
    #[arg(long, default_value = "10", value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) aa_runs: u32,
    /// Use these folders of runs of one scenario for the A/A test instead of new runs; may be repeated.
    #[arg(long, value_name = "DIR")]
    pub(crate) aa_from: Vec<PathBuf>,
    /// Keep the runs' folders, the logs and benchmark.md here; the folder must be empty or new. Default: a temporary folder, kept only after a failure.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

impl Item {
    /// Whether it runs on a cluster, which needs the components.
    pub(crate) fn needs_components(self) -> bool {
        !matches!(self, Self::Report | Self::Validate)
    }
}

/// What can be measured, in the order in which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Item {
    /// `run scale-burst --profile smoke`, from start to exit.
    Smoke,
    /// `up`: the start of a local cluster whose components are built.
    Warm,
    /// 1,000 pods on about 140 nodes that boot at once.
    Burst,
    /// The same with fewer and more pods.
    Growth,
    /// Measured provisioning against the simulated Azure's own record.
    Accuracy,
    /// How the provisioner shrinks a fleet: scenario `consolidation`.
    Consolidation,
    /// `run --all`: the whole catalogue in its default profile.
    Catalogue,
    /// `report` over 1,000,000 events.
    Report,
    /// `validate` of a repository of 5,000 files, and of one of 500, with the engine of the harness alone and with Flux's own code.
    Validate,
    /// How often `compare` reports a regression between equal runs, and how often it finds a slower phase.
    Aa,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smoke => "smoke",
            Self::Warm => "warm",
            Self::Burst => "burst",
            Self::Growth => "growth",
            Self::Accuracy => "accuracy",
            Self::Consolidation => "consolidation",
            Self::Catalogue => "catalogue",
            Self::Report => "report",
            Self::Validate => "validate",
            Self::Aa => "aa",
        })
    }
}

impl Args {
    /// What is to be run.
    pub(crate) fn items(&self) -> Vec<Item> {
        let mut items = match (self.only.as_slice(), &self.pods) {
            ([], None) => Item::value_variants().to_vec(),
            ([], Some(_)) => vec![Item::Growth],
            (only, _) => only.to_vec(),
        };
        items.sort_unstable();
        items.dedup();
        items
    }

    /// The numbers of pods of the growth curve.
    pub(crate) fn growth(&self) -> Vec<u32> {
        match &self.pods {
            Some(pods) => pods.iter().map(|pods| pods.get()).collect(),
            None => vec![250, 500, 1_000, 2_000, 3_000],
        }
    }

    /// The program that makes logs.
    pub(crate) fn synthesize(&self) -> PathBuf {
        let beside = || self.harness.with_file_name("examples").join("synthesize");
        self.synthesize.clone().unwrap_or_else(beside)
    }
}
