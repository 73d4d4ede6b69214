//! Comparing runs: those of two folders, and those of a request with its baseline.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use harness_record::Summary;
use harness_record::compare::{Comparison, Comparisons, MeasuredRun, Thresholds, compare};
use harness_record::summary::read_hlog;

use crate::error::{BoxedError, ComparisonError, FileError, FolderError};
use crate::files;
use crate::input::draw_seed;
use crate::progress::{ProgressListener, Update};
use crate::record::SuiteRecord;
use crate::request::RunRequest;
use crate::run_folder::{LOG_FILE, PLAN_FILE, read_run};

const SUMMARY_FILE: &str = "summary.json";
const HISTOGRAMS_FILE: &str = "latencies.hlog";

/// Compares the latencies of two folders, each of one run or of several, scenario by scenario.
///
/// # Errors
/// [`ComparisonError`]: a folder has no runs that can be read, or the two have no scenario in common.
pub fn compare_folders(before: &Path, after: &Path) -> Result<Comparisons, ComparisonError> {
    let (earlier, later) = (read_runs(before)?, read_runs(after)?);
    let (mut comparisons, mut not_compared) = (Vec::new(), Vec::new());
    for scenario in scenarios(&earlier) {
        let runs = runs_of(&later, &scenario);
        if runs.is_empty() {
            not_compared.push(format!("{scenario}: the later side has no run of it"));
        } else {
            comparisons.push(compare(&runs_of(&earlier, &scenario), &runs, Thresholds::default()));
        }
    }
    let only_later = scenarios(&later).into_iter().filter(|name| earlier.iter().all(|run| run.info.scenario != *name));
    not_compared.extend(only_later.map(|scenario| format!("{scenario}: the earlier side has no run of it")));
    if comparisons.is_empty() {
        return Err(ComparisonError::NothingInCommon {
            before: before.to_owned(),
            before_scenarios: scenarios(&earlier),
            after: after.to_owned(),
            after_scenarios: scenarios(&later),
        });
    }
    Ok(Comparisons::new(comparisons, not_compared))
}

/// Writes `comparison.json` and `comparison.md` into the folder of a run or suite.
pub(crate) fn write(folder: &Path, comparisons: Vec<Comparison>, not_compared: Vec<String>) -> Result<(), FileError> {
    let comparisons = Comparisons::new(comparisons, not_compared);
    files::replace_json(&folder.join("comparison.json"), &comparisons)?;
    files::replace(&folder.join("comparison.md"), &harness_report::comparison::markdown(&comparisons))
}

/// The runs that a request is compared with, read and checked before anything is run.
pub(crate) struct Baseline {
    folder: PathBuf,
    runs: Vec<MeasuredRun>,
}

impl Baseline {
    /// Reads the baseline of a request, if it has one.
    pub(crate) fn read(request: &RunRequest) -> Result<Option<Self>, ComparisonError> {
        let Some(folder) = &request.baseline else { return Ok(None) };
        Ok(Some(Self { folder: folder.clone(), runs: read_runs(folder)? }))
    }

    /// The folder, as it was named.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it has a run of the scenario.
    pub(crate) fn has(&self, scenario: &str) -> bool {
        self.runs.iter().any(|run| run.info.scenario == scenario)
    }

    /// Returns the seed that all of its runs of these scenarios have in common.
    pub(crate) fn common_seed(&self, scenarios: &[&str]) -> Option<u64> {
        let mut seeds =
            self.runs.iter().filter(|run| scenarios.contains(&run.info.scenario.as_str())).map(|run| run.info.seed);
        let first = seeds.next()?;
        seeds.all(|seed| seed == first).then_some(first)
    }

    /// Checks that the request can be compared once it has run: the same profile, target and seed.
    pub(crate) fn check(&self, asked: &[&str], request: &RunRequest, seed: u64) -> Result<(), ComparisonError> {
        let mut runs = self.runs.iter().filter(|run| asked.contains(&run.info.scenario.as_str())).peekable();
        if runs.peek().is_none() {
            return Err(ComparisonError::OtherScenarios {
                folder: self.folder.clone(),
                has: scenarios(&self.runs),
                asked: asked.iter().map(|name| (*name).to_owned()).collect(),
            });
        }
        let (profile, target) = (request.options.profile.as_str(), request.target.kind().as_str());
        for run in runs {
            let check = |what: &'static str, theirs: &str, ours: &str| {
                let (theirs, ours) = (theirs.to_owned(), ours.to_owned());
                if theirs == ours {
                    return Ok(());
                }
                Err(ComparisonError::Differs {
                    folder: self.folder.clone(),
                    run: run.info.id.clone(),
                    what,
                    theirs,
                    ours,
                })
            };
            check("profile", &run.info.profile, profile)?;
            check("target", &run.info.target, target)?;
            let same = self.runs.iter().filter(|other| other.info.scenario == run.info.scenario);
            let one_seed = same.clone().all(|other| other.info.seed == run.info.seed);
            // One run against one proves nothing anyway, and runs of different seeds have no seed to keep to.
            if one_seed && (same.count() > 1 || request.repeat > 1) {
                check("seed", &run.info.seed.to_string(), &seed.to_string())?;
            }
        }
        Ok(())
    }

    /// Compares the runs of a scenario with those of the baseline.
    pub(crate) fn compare(&self, scenario: &str, after: &[MeasuredRun]) -> Comparison {
        compare(&runs_of(&self.runs, scenario), after, Thresholds::default())
    }
}

/// Chooses the seed of a request: the given one, the baseline's, or one that is drawn. A baseline that could not be compared is refused.
pub(crate) fn choose_seed(
    request: &RunRequest,
    baseline: Option<&Baseline>,
    scenarios: &[&str],
    progress: &dyn ProgressListener,
) -> Result<u64, ComparisonError> {
    let common = baseline.and_then(|baseline| baseline.common_seed(scenarios));
    let seed = request.options.seed.or(common).unwrap_or_else(draw_seed);
    progress.update(Update::Seed { seed, from_baseline: request.options.seed.is_none() && common.is_some() });
    if let Some(baseline) = baseline {
        baseline.check(scenarios, request, seed)?;
    }
    Ok(seed)
}

/// The names of the runs' scenarios, each once, in the order of the runs.
fn scenarios(runs: &[MeasuredRun]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for run in runs {
        if !names.contains(&run.info.scenario) {
            names.push(run.info.scenario.clone());
        }
    }
    names
}

fn runs_of(runs: &[MeasuredRun], scenario: &str) -> Vec<MeasuredRun> {
    runs.iter().filter(|run| run.info.scenario == scenario).cloned().collect()
}

/// Reads every run of a folder, at least one: of one run, of a suite, or of a baseline that keeps only `summary.json` and `latencies.hlog` of
/// each.
fn read_runs(folder: &Path) -> Result<Vec<MeasuredRun>, ComparisonError> {
    if !folder.is_dir() {
        return Err(ComparisonError::NoFolder(folder.to_owned()));
    }
    if holds_a_run(folder) {
        return Ok(vec![read_measured_run(folder)?]);
    }
    let folders = if SuiteRecord::exists_in(folder) {
        SuiteRecord::read(folder)?.runs.iter().map(|run| folder.join(&run.name)).collect()
    } else {
        subfolders(folder)?
    };
    let runs: Vec<MeasuredRun> = folders
        .iter()
        .filter(|folder| holds_a_run(folder))
        .map(|folder| read_measured_run(folder))
        .collect::<Result<_, _>>()?;
    if runs.is_empty() {
        return Err(ComparisonError::NoRuns(folder.to_owned()));
    }
    Ok(runs)
}

fn holds_a_run(folder: &Path) -> bool {
    [LOG_FILE, SUMMARY_FILE].into_iter().any(|file| folder.join(file).is_file())
}

/// Sorted by name, so that the runs of a folder always have the same order.
fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let entries = std::fs::read_dir(folder).map_err(FileError::read(folder))?;
    let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut folders = paths.map_err(FileError::read(folder))?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    Ok(folders)
}

/// Reads the latencies of a run: from its log where that is kept, otherwise from its summary and histograms.
///
/// # Errors
/// [`ComparisonError`]: a file is missing or damaged.
pub fn read_measured_run(folder: &Path) -> Result<MeasuredRun, ComparisonError> {
    let has = |file: &str| folder.join(file).is_file();
    if has(LOG_FILE) && (has(PLAN_FILE) || !has(SUMMARY_FILE)) {
        return match read_run(folder) {
            Ok((_, result)) => Ok(MeasuredRun::from(&result)),
            Err(FolderError::Unreadable { path, source }) => Err(ComparisonError::Damaged { path, source }),
            Err(error) => Err(error.into()),
        };
    }
    let bytes = |file: &str| {
        let path = folder.join(file);
        std::fs::read(&path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => ComparisonError::MissingFile(path),
            _ => FileError::Read { path, source }.into(),
        })
    };
    let summary = Summary::from_json(&bytes(SUMMARY_FILE)?).map_err(damaged(folder, SUMMARY_FILE))?;
    let histograms = read_hlog(&bytes(HISTOGRAMS_FILE)?).map_err(damaged(folder, HISTOGRAMS_FILE))?;
    MeasuredRun::from_summary(&summary, &histograms).map_err(damaged(folder, HISTOGRAMS_FILE))
}

fn damaged<E: Into<BoxedError>>(folder: &Path, file: &str) -> impl FnOnce(E) -> ComparisonError {
    move |error| ComparisonError::Damaged { path: folder.join(file), source: error.into() }
}
