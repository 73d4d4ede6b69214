//! `comparison.md`: a comparison, short enough for a comment on a pull request.

use std::fmt::Write;

use harness_record::compare::{Change, Comparison, Comparisons, Row};

use crate::console::compared::{figure, interval, of_all_samples, p, ratio, rule, runs, where_to_look, word};
use crate::markdown::plain;

/// The comparisons as GitHub-flavoured Markdown.
pub fn markdown(all: &Comparisons) -> String {
    let mut md = String::new();
    for comparison in &all.comparisons {
        one(&mut md, comparison);
    }
    for line in &all.not_compared {
        // Writing to a String cannot fail.
        let _ = writeln!(md, "- not compared: {}", plain(line));
    }
    md
}

fn one(md: &mut String, comparison: &Comparison) {
    let _ = writeln!(md, "## {}: {}\n", sentence_case(word(comparison)), plain(&comparison.scenario));
    let _ = writeln!(md, "{} {}\n", plain(&comparison.reason), plain(&comparison.advice));
    let _ = writeln!(md, "A: {}. B: {}.\n", plain(&runs(&comparison.before)), plain(&runs(&comparison.after)));
    let left_out = comparison.before.left_out.iter().chain(&comparison.after.left_out);
    let notes: Vec<String> =
        left_out.map(|line| format!("without {line}")).chain(comparison.differences.iter().cloned()).collect();
    for note in &notes {
        let _ = writeln!(md, "- {}", plain(note));
    }
    if !notes.is_empty() {
        md.push('\n');
    }
    let _ = writeln!(
        md,
        "| | Latency | A | B | B/A | {:.0}% interval | p | |\n|---|---|--:|--:|--:|--:|--:|---|",
        comparison.thresholds.confidence * 100.0
    );
    let groups = where_to_look(comparison);
    for row in of_all_samples(comparison).chain(groups) {
        line(md, row);
    }
    let _ = writeln!(md, "\n{}\n", plain(&rule(comparison)));
}

fn line(md: &mut String, row: &Row) {
    let result = match row.change {
        Some(Change::Regression) => "**regression**",
        Some(change) => change.as_str(),
        None => "(shown)",
    };
    let group: Vec<String> = row.labels.iter().map(|(key, value)| format!(" {key} {value}")).collect();
    let name = format!("{} p{}{}", row.latency, row.percentile, group.join(","));
    let (a, b) = (figure(&row.before), figure(&row.after));
    let _ = writeln!(
        md,
        "| {result} | {} | {a} | {b} | {} | {} | {} | {} |",
        plain(&name),
        ratio(row),
        interval(row),
        p(row),
        plain(&row.why)
    );
}

fn sentence_case(words: &str) -> String {
    let lower = words.to_lowercase();
    let mut letters = lower.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
