//! `index.md`: short enough for a comment on a pull request.

use std::fmt::Write;

use super::repeated::repeated;
use super::rows::{Head, Row, about, rows, totals};
use crate::markdown::{fence, plain};
use crate::outcome;
use crate::several::SuiteEntry;

/// The index as GitHub-flavoured Markdown.
pub fn render(head: &Head, all: &[SuiteEntry<'_>]) -> String {
    let totals = totals(all);
    let tone = totals.tone(head);
    let mut md = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(md, "## {} {}: {}\n", outcome::sign(tone), totals.word(head), plain(&head.title));
    let _ = writeln!(md, "{}; exit code {}. {}\n", totals.described(), head.exit_code, plain(&about(head)));
    for left in &head.left {
        let _ = writeln!(md, "- left behind: {}", plain(left));
    }
    if !head.left.is_empty() {
        md.push('\n');
    }
    let rows = rows(all);
    let (ran, not_run): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.ran);
    if !ran.is_empty() {
        md.push_str("| | Scenario | Took | Expectations | Why |\n|---|---|---:|---|---|\n");
        for row in ran {
            let _ = writeln!(
                md,
                "| {} | [{}]({}) {} | {} | {} | {} |",
                badge(row),
                plain(row.name),
                row.report,
                plain(row.question),
                row.took,
                row.tally,
                why(row)
            );
        }
        md.push('\n');
    }
    if !not_run.is_empty() {
        md.push_str("**Not run**\n\n");
        for row in not_run {
            let _ = writeln!(md, "- {}: {}", plain(row.name), why(row));
        }
        md.push('\n');
    }
    for scenario in repeated(all) {
        let _ = writeln!(
            md,
            "**Run to run: {}**\n\n| Latency | Median of the runs | From, to | Scatter |",
            plain(&scenario.title())
        );
        md.push_str("|---|--:|--:|--:|\n");
        for line in scenario.lines() {
            let _ = writeln!(md, "| {} | {} | {} | {} |", plain(&line.name), line.median, line.range, line.scatter);
        }
        md.push('\n');
    }
    if !head.command.is_empty() {
        let fence = fence(&head.command);
        let _ = writeln!(md, "{fence}sh\n{}\n{fence}", head.command);
    }
    md
}

fn badge(row: &Row<'_>) -> String {
    let word = row.word.to_lowercase();
    let text = format!("{} {word}", row.sign());
    if row.class() == "pass" { text } else { format!("**{text}**") }
}

fn why(row: &Row<'_>) -> String {
    match row.more {
        0 => plain(&row.reason),
        more => format!("{} (and {more} more)", plain(&row.reason)),
    }
}
