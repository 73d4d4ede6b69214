//! `index.json`: the index for machines. Keys and units are described in `reports/README.md`.

use harness_record::verdict::Verdict;
use harness_record::{Cost, ExitCode};
use serde::{Deserialize, Serialize};

use super::repeated::{RepeatedScenario, repeated};
use super::rows::{Head, IndexTotals, dollars, path_segment, totals};
use crate::several::SuiteEntry;

/// The version of `index.json`. Keys may be added within a version, never renamed or removed.
pub const INDEX_VERSION: u32 = 1;

/// `index.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// [`INDEX_VERSION`].
    pub version: u32,
    /// What the runs are called together.
    pub title: String,
    /// Where they ran; may be empty.
    pub target: String,
    /// The profile; may be empty.
    pub profile: String,
    /// The seed, where all had the same one.
    pub seed: Option<u64>,
    /// Wall time of the start, RFC 3339; null where it is not known.
    pub started_at: Option<String>,
    /// From the start of the first one to the end of the last one.
    pub duration_ms: f64,
    /// `pass`, `fail` or `inconclusive`.
    pub verdict: Verdict,
    /// The exit code of the whole.
    pub exit_code: ExitCode,
    /// The command that repeats them all; may be empty.
    pub command: String,
    /// Counts by outcome.
    pub totals: IndexTotals,
    /// One for each scenario, in the order in which they were to run.
    pub scenarios: Vec<IndexEntry>,
    /// One for each scenario that ran more than once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeated: Vec<RepeatedScenario>,
    /// What was left behind after the last of them.
    pub left: Vec<String>,
}

/// One scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexEntry {
    /// Its name, unique among them.
    pub name: String,
    /// Its group.
    pub group: String,
    /// The question that it answers; empty for one that was not run.
    pub question: String,
    /// `pass`, `fail` or `inconclusive`.
    pub verdict: Verdict,
    /// The verdict in a word or two, as the other formats write it.
    pub word: String,
    /// Its exit code.
    pub exit_code: ExitCode,
    /// How long it took; null for one that was not run.
    pub duration_ms: Option<f64>,
    /// Why it did not pass, most important first; empty where it did.
    pub reasons: Vec<String>,
    /// Whether it was run.
    pub ran: bool,
    /// The folder of its reports, relative to the index, as a path of a URL; null where there is none.
    pub folder: Option<String>,
    /// What its VMs cost, millionths of a US dollar; `None` where no price is known. As JSON in dollars.
    #[serde(default, rename = "usd", with = "dollars")]
    pub micro_usd: Option<u64>,
    /// What is broken on purpose; only a counter-case has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// What was wrong at the first attempt; only a scenario that was repeated has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_attempt: Vec<String>,
}

/// The index as indented JSON with a newline at its end.
///
/// # Errors
///
/// None in practice: the type has nothing that JSON cannot express.
pub fn render(head: &Head, all: &[SuiteEntry<'_>]) -> Result<String, serde_json::Error> {
    let mut json = serde_json::to_string_pretty(&Index::new(head, all))?;
    json.push('\n');
    Ok(json)
}

fn millis(us: u64) -> f64 {
    us as f64 / 1e3
}

impl Index {
    /// From the runs.
    pub fn new(head: &Head, all: &[SuiteEntry<'_>]) -> Self {
        let totals = totals(all);
        Self {
            version: INDEX_VERSION,
            title: head.title.clone(),
            target: head.target.clone(),
            profile: head.profile.clone(),
            seed: head.seed,
            started_at: head.started_at.map(|at| at.to_string()),
            duration_ms: millis(head.took_us),
            verdict: totals.tone(head),
            exit_code: head.exit_code,
            command: head.command.clone(),
            totals,
            scenarios: all.iter().map(index_entry).collect(),
            repeated: repeated(all),
            left: head.left.clone(),
        }
    }
}

fn index_entry(entry: &SuiteEntry<'_>) -> IndexEntry {
    let (word, verdict) = entry.word();
    let (question, cost, ran) = match entry.outcome.ran() {
        Some((plan, result)) => (plan.question.clone(), result.cost.as_ref(), true),
        None => (String::new(), None, false),
    };
    let first = entry.outcome.judgement().map_or(&[][..], |judgement| judgement.first);
    IndexEntry {
        name: entry.name.to_owned(),
        group: entry.group.to_owned(),
        question,
        verdict,
        word: word.to_owned(),
        exit_code: entry.exit_code,
        duration_ms: entry.took_us().map(millis),
        reasons: entry.reasons(),
        ran,
        folder: ran.then(|| path_segment(entry.name)),
        micro_usd: cost.map(Cost::micro_usd),
        broken: entry.outcome.broken().map(str::to_owned),
        first_attempt: first.to_vec(),
    }
}
