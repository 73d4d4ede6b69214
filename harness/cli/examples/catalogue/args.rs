//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;
use harness_plan::Profile;

/// Run every scenario and every counter-case on real local clusters, and write one report over all of them.
///
/// A scenario must pass. A counter-case, a scenario with one thing broken, must fail for the reason given in its file. A run that goes
/// wrong is repeated at the end, alone; if it then has the expected outcome, it is flaky.
///
/// Exit codes: 0 every run had the expected outcome; 1 one had another outcome, or too many were flaky; 130 interrupted.
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
    /// The seed of every run.
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub(crate) seed: u64,
    /// Write the reports here; the folder must be empty or new. Default: reports/catalogue-TIME.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// List the runs and about how long they take, and run nothing.
    #[arg(long)]
    pub(crate) list: bool,
}

fn profile(text: &str) -> Result<Profile, String> {
    let all = [Profile::Smoke, Profile::Default, Profile::Full];
    all.into_iter().find(|profile| profile.as_str() == text).ok_or("one of smoke, default, full".to_owned())
}
