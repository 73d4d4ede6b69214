//! The command line.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use harness_plan::Profile;

/// Run every scenario and every counter-case on real local clusters, and write one report over all of them.
///
/// A scenario must pass. A counter-case, a scenario with one thing broken, must fail for the reason given in its file. A run that goes
/// wrong is repeated at the end, alone; if it then has the expected outcome, it is flaky.
///
/// Exit codes: 0 every run had the expected outcome; 1 one had another outcome, too many were flaky, or a verdict depends on the order; 130
/// interrupted.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// The binary that runs the scenarios.
    #[arg(long, default_value = "target/release/harness", value_name = "FILE")]
    pub(crate) harness: PathBuf,
    /// The folder of the counter-cases.
    #[arg(long, default_value = "harness/cli/tests/counter-cases", value_name = "DIR")]
    pub(crate) counter_cases: PathBuf,
    /// The profile of the scenarios. Counter-cases always run in profile smoke: a small fleet shows what they break just as well.
    #[arg(long, default_value = "default", value_parser = profile, value_name = "smoke|default|full")]
    pub(crate) profile: Profile,
    /// Run only these scenarios and counter-cases; the name of a scenario does not include its counter-cases.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub(crate) only: Vec<String>,
    /// Leave the counter-cases out.
    #[arg(long)]
    pub(crate) no_counter_cases: bool,
    /// How many clusters run at a time. On two cores more than two starve each other.
    #[arg(long, default_value = "2", value_name = "N")]
    pub(crate) lanes: NonZeroUsize,
    /// The seed of every run, and of random orders. Default: a new one, which is printed first.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// The order of the runs. Random orders are drawn from the seed and printed.
    #[arg(long, value_enum, default_value_t, value_name = "ORDER")]
    pub(crate) order: Order,
    /// Run everything on one cluster, one after another. It is started first and taken down at the end, and nothing is repeated.
    #[arg(long, conflicts_with = "lanes")]
    pub(crate) one_cluster: bool,
    /// Run everything in this many random orders on one cluster, and fail where a verdict differs between them.
    #[arg(long, value_name = "N", conflicts_with_all = ["lanes", "order"])]
    pub(crate) orders: Option<NonZeroU32>,
    /// Write the reports here; the folder must be empty or new. Default: reports/catalogue-TIME.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// List the runs and about how long they take, and run nothing.
    #[arg(long)]
    pub(crate) list: bool,
}

/// The order of the runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// Those that take longest first, so that the lanes end together.
    #[default]
    LongestFirst,
    /// As the seed decides.
    Random,
}

impl Args {
    /// How many clusters run at a time, and whether one is kept for all runs.
    pub(crate) fn clusters(&self) -> (usize, bool) {
        let shared = self.one_cluster || self.orders.is_some();
        (if shared { 1 } else { self.lanes.get() }, shared)
    }
}

fn profile(text: &str) -> Result<Profile, String> {
    let all = [Profile::Smoke, Profile::Default, Profile::Full];
    all.into_iter().find(|profile| profile.as_str() == text).ok_or("one of smoke, default, full".to_owned())
}
