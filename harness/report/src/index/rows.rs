//! The content of every format of the index.

use harness_record::ExitCode;
use harness_record::verdict::Verdict;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::outcome;
use crate::several::{EntryOutcome, SuiteEntry};
use crate::text;

/// The runs as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// What they are called together, such as their id.
    pub title: String,
    /// Where they ran; may be empty.
    pub target: String,
    /// `smoke`, `default` or `full`; may be empty.
    pub profile: String,
    /// The seed, where all had the same one.
    pub seed: Option<u64>,
    /// Wall time of the start; `None` where it is not known.
    pub started_at: Option<Timestamp>,
    /// From the start of the first one to the end of the last one, microseconds.
    pub took_us: u64,
    /// The exit code of the whole.
    pub exit_code: ExitCode,
    /// The command that repeats them all; may be empty.
    pub command: String,
    /// What was left behind after the last of them.
    pub left: Vec<String>,
}

/// One scenario's line.
pub(super) struct Row<'a> {
    pub(super) name: &'a str,
    pub(super) group: &'a str,
    /// The question, or what is broken on purpose.
    pub(super) question: &'a str,
    pub(super) tone: Verdict,
    pub(super) word: &'static str,
    pub(super) took: String,
    /// `7 passed, 1 failed`; empty for one that was not run.
    pub(super) tally: String,
    /// Of one that did not pass, the most important reason.
    pub(super) reason: String,
    pub(super) more: usize,
    /// Its own report, relative to the index; empty where there is none.
    pub(super) report: String,
    pub(super) ran: bool,
    pub(super) counter_case: bool,
}

impl Row<'_> {
    pub(super) fn sign(&self) -> &'static str {
        outcome::sign(self.tone)
    }

    pub(super) fn class(&self) -> &'static str {
        self.tone.as_str()
    }
}

/// Those that did not pass first, then in their order: a reader may not look past the first screen.
pub(super) fn rows<'a>(all: &[SuiteEntry<'a>]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = all.iter().map(row).collect();
    rows.sort_by_key(|row| match (row.ran, row.tone) {
        (true, Verdict::Fail) => 0,
        (_, Verdict::Fail) => 1,
        (true, Verdict::Inconclusive) => 2,
        (true, Verdict::Pass) if !row.counter_case => 3,
        (true, Verdict::Pass) => 4,
        (false, _) => 5,
    });
    rows
}

fn row<'a>(entry: &SuiteEntry<'a>) -> Row<'a> {
    let (word, tone) = entry.word();
    let reasons = entry.reasons();
    let (question, tally, ran) = match entry.outcome.ran() {
        Some((plan, result)) => (plan.question.as_str(), outcome::tally(result), true),
        None => ("", String::new(), false),
    };
    let broken = entry.outcome.broken();
    Row {
        name: entry.name,
        group: entry.group,
        question: broken.unwrap_or(question),
        tone,
        word,
        took: entry.took_us().map_or_else(|| text::NONE.to_owned(), text::duration),
        tally,
        more: reasons.len().saturating_sub(1),
        reason: first(reasons),
        report: if ran { format!("{}/report.html", path_segment(entry.name)) } else { String::new() },
        ran,
        counter_case: broken.is_some(),
    }
}

/// The most important reason. Where it stands under its own heading it need not say again that nothing was run.
fn first(reasons: Vec<String>) -> String {
    let first = reasons.into_iter().next().unwrap_or_default();
    first.strip_prefix("not run: ").map_or(first.clone(), str::to_owned)
}

/// A folder's name in a relative link (RFC 3986, section 3.3): whatever is not unreserved is encoded.
pub(super) fn path_segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => out.push(char::from(byte)),
            // A segment of dots would lead elsewhere.
            b'.' if name.bytes().any(|byte| byte != b'.') => out.push('.'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Counts by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexTotals {
    /// Scenarios whose every expectation held.
    pub passed: usize,
    /// Scenarios that failed.
    pub failed: usize,
    /// Scenarios that ran without enough evidence.
    pub inconclusive: usize,
    /// Scenarios that did not run.
    pub not_run: usize,
    /// Counter-cases that failed as expected; not counted as passed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub counter_cases: usize,
    /// Runs, of those above, that had the expected result at the second attempt only.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub flaky: usize,
    /// Pods that were Ready, over all runs.
    pub pods_ready: u64,
    /// Nodes that were Ready, over all runs.
    pub nodes_ready: u64,
    /// What the VMs cost, millionths of a US dollar; `None` where no price is known. As JSON in dollars.
    #[serde(default, rename = "usd", with = "dollars")]
    pub micro_usd: Option<u64>,
}

/// Money on the wire: US dollars, where the types hold millionths.
pub(super) mod dollars {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(micro_usd: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        micro_usd.map(|micro_usd| micro_usd as f64 / 1e6).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        let usd: Option<f64> = Option::deserialize(deserializer)?;
        Ok(usd.map(|usd| (usd * 1e6).round() as u64))
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

pub(super) fn totals(all: &[SuiteEntry<'_>]) -> IndexTotals {
    let mut totals = IndexTotals::default();
    for entry in all {
        let (_, tone) = entry.word();
        match (&entry.outcome, tone) {
            (_, Verdict::Fail) => totals.failed += 1,
            (EntryOutcome::NotRun(_), _) => totals.not_run += 1,
            (outcome, Verdict::Pass) if outcome.broken().is_some() => totals.counter_cases += 1,
            (_, Verdict::Pass) => totals.passed += 1,
            (_, Verdict::Inconclusive) => totals.inconclusive += 1,
        }
        totals.flaky += usize::from(entry.outcome.is_flaky());
        if let Some((_, result)) = entry.outcome.ran() {
            totals.pods_ready += result.counts.pods_ready;
            totals.nodes_ready += result.counts.nodes_ready;
            if let Some(cost) = &result.cost {
                totals.micro_usd = Some(totals.micro_usd.unwrap_or(0).saturating_add(cost.micro_usd()));
            }
        }
    }
    totals
}

impl IndexTotals {
    /// `12 passed, 1 failed, 2 not run`.
    pub(super) fn described(&self) -> String {
        let parts = [
            (self.passed, "passed"),
            (self.failed, "failed"),
            (self.inconclusive, "inconclusive"),
            (self.not_run, "not run"),
            (self.counter_cases, "failed as expected"),
            (self.flaky, "flaky"),
        ];
        text::tally(&parts, "nothing was run")
    }

    /// Their common outcome. It is not a pass unless all of them were run.
    pub(super) fn tone(&self, head: &Head) -> Verdict {
        match () {
            () if self.failed > 0 || !head.left.is_empty() => Verdict::Fail,
            () if self.inconclusive + self.not_run > 0
                || self.passed + self.counter_cases == 0
                || head.exit_code != ExitCode::Passed =>
            {
                Verdict::Inconclusive
            }
            () => Verdict::Pass,
        }
    }

    pub(super) fn word(&self, head: &Head) -> &'static str {
        match self.tone(head) {
            Verdict::Pass => "All passed",
            Verdict::Fail if self.failed == 0 => "Left behind",
            Verdict::Fail => "Failed",
            Verdict::Inconclusive => "Inconclusive",
        }
    }
}

/// `21 November 2026, 12:15 · took 24m · target local · profile default · seed 42`, as far as it is known.
pub(super) fn about(head: &Head) -> String {
    let mut parts: Vec<String> = head.started_at.map(text::wall_time).into_iter().collect();
    parts.push(format!("took {}", text::duration(head.took_us)));
    for (name, value) in [("target", &head.target), ("profile", &head.profile)] {
        if !value.is_empty() {
            parts.push(format!("{name} {value}"));
        }
    }
    parts.extend(head.seed.map(|seed| format!("seed {seed}")));
    parts.join(" \u{b7} ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("scale-burst", "scale-burst")]
    #[case("a b/c", "a%20b%2Fc")]
    #[case("..", "%2E%2E")]
    #[case("v1.2", "v1.2")]
    #[case("javascript:x", "javascript%3Ax")]
    fn a_name_cannot_lead_elsewhere(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(path_segment(name), expected);
    }
}
