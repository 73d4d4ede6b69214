//! `--baseline`: read and checked before anything is run.

use std::path::{Path, PathBuf};

use harness_record::compare::{Comparison, MeasuredRun, Thresholds, compare};

use super::{of, scenarios, sides};
use crate::args::Run;
use crate::error::CliError;

/// The runs of a baseline.
pub(crate) struct Baseline {
    folder: PathBuf,
    runs: Vec<MeasuredRun>,
}

impl Baseline {
    /// Reads the baseline of a command, if it has one.
    pub(crate) fn read(args: &Run) -> Result<Option<Self>, CliError> {
        let Some(folder) = &args.baseline else { return Ok(None) };
        Ok(Some(Self { folder: folder.clone(), runs: sides::read(folder)? }))
    }

    /// The folder, as it was named.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it has a run of the scenario.
    pub(crate) fn has(&self, scenario: &str) -> bool {
        self.runs.iter().any(|run| run.scenario == scenario)
    }

    /// The seed that all of its runs of these scenarios have in common.
    pub(crate) fn seed(&self, of: &[&str]) -> Option<u64> {
        let mut seeds = self.runs.iter().filter(|run| of.contains(&run.scenario.as_str())).map(|run| run.seed);
        let first = seeds.next()?;
        seeds.all(|seed| seed == first).then_some(first)
    }

    /// Refuses what could not be compared once it has run: another profile, target or seed.
    pub(crate) fn check(&self, wanted: &[&str], args: &Run, seed: u64) -> Result<(), CliError> {
        let folder = self.folder.display();
        let mut runs = self.runs.iter().filter(|run| wanted.contains(&run.scenario.as_str())).peekable();
        if runs.peek().is_none() {
            let (has, asked) = (scenarios(&self.runs).join(", "), wanted.join(", "));
            return Err(CliError::Usage(format!(
                "the baseline {folder} has runs of {has} and none of {asked}; make one with `harness run {asked} --repeat 5 --out DIR`"
            )));
        }
        let (profile, target) = (args.planned.profile.to_string(), args.target.as_str());
        for run in runs {
            let differs = |what: &str, theirs: &str, ours: &str| {
                CliError::Usage(format!(
                    "run {} of the baseline {folder} has the {what} {theirs}, this run {ours}: they could not be compared; use --{what} {theirs}, or another baseline",
                    run.id
                ))
            };
            if run.profile != profile {
                return Err(differs("profile", &run.profile, &profile));
            }
            if run.target != target {
                return Err(differs("target", &run.target, target));
            }
            let seeds = self.runs.iter().filter(|other| other.scenario == run.scenario);
            if run.seed != seed
                && seeds.clone().all(|other| other.seed == run.seed)
                && (seeds.count() > 1 || args.repeat > 1)
            {
                return Err(differs("seed", &run.seed.to_string(), &seed.to_string()));
            }
        }
        Ok(())
    }

    /// Compares the runs of a scenario with those of the baseline.
    pub(crate) fn compare(&self, scenario: &str, after: &[MeasuredRun]) -> Comparison {
        compare(&of(&self.runs, scenario), after, Thresholds::default())
    }
}
