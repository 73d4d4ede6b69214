//! `report.md`: short enough for a comment on a pull request.

use std::fmt::Write;

use harness_plan::{GroupBy, LatencyName, Plan};
use harness_record::RunResult;
use harness_record::verdict::Verdict;

use crate::extra::{self, Fact};
use crate::outcome;
use crate::text;

/// Reasons and expectations that are listed; the rest is counted.
const REASONS: usize = 8;
const EXPECTATIONS: usize = 40;
/// Groups of a latency that have a line of their own.
const GROUPS: usize = 12;

/// A text that Markdown shows as it is: one line, no markup, no mention of a person.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let characters: Vec<char> = text.trim().chars().collect();
    for (index, c) in characters.iter().enumerate() {
        let word = |at: Option<usize>| at.and_then(|at| characters.get(at)).is_some_and(|c| c.is_alphanumeric());
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("@<!-- -->"),
            '_' if word(index.checked_sub(1)) && word(Some(index + 1)) => out.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => {
                out.push('\\');
                out.push(*c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(*c),
        }
    }
    out
}

/// A fence that no run of backticks in the text can close.
pub(crate) fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// The report as GitHub-flavoured Markdown.
pub fn render(plan: &Plan, result: &RunResult) -> String {
    let run = &result.run;
    let headline = outcome::headline(result);
    let mut md = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        md,
        "## {} {}: {} on {}\n",
        outcome::sign(headline.tone),
        headline.word,
        plain(&run.scenario),
        plain(&run.target)
    );
    let reasons = outcome::reasons(result);
    if reasons.is_empty() {
        let _ = writeln!(md, "{}\n", headline.meaning);
    } else {
        for reason in reasons.iter().take(REASONS) {
            let _ = writeln!(md, "- {}", plain(reason));
        }
        if reasons.len() > REASONS {
            let _ = writeln!(md, "- and {} more", reasons.len() - REASONS);
        }
        md.push('\n');
    }
    let counts = &result.counts;
    let _ = writeln!(
        md,
        "{} of {} pods ready, {} of {} nodes ready, took {}, seed `{}`, exit code {}\n",
        text::count(counts.pods_ready),
        text::count(counts.pods_planned),
        text::count(counts.nodes_ready),
        text::count(counts.nodeclaims),
        text::duration(run.duration_us),
        run.seed,
        result.exit_code
    );
    expectations(&mut md, result);
    latencies(&mut md, result);
    published(&mut md, result);
    facts(&mut md, result);
    if !result.warnings.is_empty() {
        md.push_str("**What makes this result less than it seems**\n\n");
        for warning in result.warnings.iter().take(REASONS) {
            let _ = writeln!(md, "- {}", plain(warning));
        }
        md.push('\n');
    }
    repeat(&mut md, plan, result);
    md
}

fn expectations(md: &mut String, result: &RunResult) {
    if result.expectations.is_empty() {
        return;
    }
    md.push_str("| | Expectation | Observed | Limit | Evidence |\n|---|---|---|---|---|\n");
    // Failures first: a reader of a comment may not look further.
    let mut sorted: Vec<_> = result.expectations.iter().collect();
    sorted.sort_by_key(|expectation| std::cmp::Reverse(expectation.verdict));
    for expectation in sorted.iter().take(EXPECTATIONS) {
        let verdict = match expectation.verdict {
            Verdict::Pass => "\u{2713} pass",
            Verdict::Fail => "**\u{2717} fail**",
            Verdict::Inconclusive => "**? inconclusive**",
        };
        let _ = writeln!(
            md,
            "| {verdict} | {} | {} | {} | {} |",
            plain(&expectation.name),
            plain(&expectation.observed),
            plain(&expectation.limit),
            plain(&expectation.evidence)
        );
    }
    if sorted.len() > EXPECTATIONS {
        let _ = writeln!(md, "\n{} more passed or are in `report.html`.", sorted.len() - EXPECTATIONS);
    }
    md.push('\n');
}

fn latencies(md: &mut String, result: &RunResult) {
    let headline = [LatencyName::NodeProvisioning, LatencyName::PodReady];
    let by_pool = |latency: &&harness_record::result::Latency| {
        latency.labels.is_empty()
            || (headline.contains(&latency.name) && latency.labels.contains_key(GroupBy::Nodepool.as_str()))
    };
    let rows: Vec<_> = result.latencies.iter().filter(by_pool).collect();
    if rows.is_empty() {
        return;
    }
    md.push_str("| Latency | Count | Censored | p50 | p95 | p99 | Max |\n|---|---:|---:|---:|---:|---:|---:|\n");
    let mut grouped = 0;
    for latency in rows {
        let name = match latency.labels.values().next() {
            None => format!("`{}`", latency.name),
            Some(_) if grouped >= GROUPS => continue,
            Some(pool) => {
                grouped += 1;
                format!("`{}` {}", latency.name, plain(pool))
            }
        };
        let stats = &latency.stats;
        let (count, censored) = (text::count(stats.count), text::count(stats.censored));
        let percentiles = [stats.p50, stats.p95, stats.p99, stats.max].map(|value| plain(&text::percentile(value)));
        let _ = writeln!(md, "| {name} | {count} | {censored} | {} |", percentiles.join(" | "));
    }
    md.push('\n');
}

fn published(md: &mut String, result: &RunResult) {
    let lines = extra::published(result);
    if lines.is_empty() {
        return;
    }
    md.push_str("| Published | Theirs | Here | Samples | Source | Differs in method |\n|---|---:|---:|---:|---|---|\n");
    for line in lines {
        let _ = writeln!(
            md,
            "| `{}` {} | {} | {} | {} | {} | {} |",
            line.name,
            plain(&line.of),
            plain(&line.theirs),
            plain(&line.ours),
            line.count,
            plain(&line.source),
            plain(&line.differs)
        );
    }
    md.push('\n');
}

fn facts(md: &mut String, result: &RunResult) {
    let joined = |facts: Vec<Fact>| -> String {
        facts.iter().map(|fact| format!("{}: {}", plain(&fact.name), plain(&fact.value))).collect::<Vec<_>>().join("; ")
    };
    let _ = writeln!(md, "{}\n", joined(extra::counts(result)));
    let cost = extra::cost(result);
    if !cost.is_empty() {
        let _ = writeln!(md, "**Cost** by {}: {}\n", extra::price_source(result), joined(cost));
    }
    let system = extra::system(result);
    if !system.is_empty() {
        let _ = writeln!(md, "**Taken by the cluster's own DaemonSets**: {}\n", joined(system));
    }
}

fn repeat(md: &mut String, plan: &Plan, result: &RunResult) {
    md.push_str("<details><summary>What was simulated, and how to repeat it</summary>\n\n");
    if result.simulated.is_empty() {
        md.push_str("The target declares nothing as simulated.\n");
    }
    for line in &result.simulated {
        let _ = writeln!(md, "- {}", plain(&line.to_string()));
    }
    for note in &plan.notes {
        let _ = writeln!(md, "- {}", plain(note));
    }
    for class in &plan.node_config.classes {
        if let Some(why) = &class.untestable {
            let _ = writeln!(md, "- Node class {} was not tested: {}", plain(&class.name), plain(why));
        }
    }
    if !result.run.command.is_empty() {
        let fence = fence(&result.run.command);
        let _ = writeln!(md, "\n{fence}sh\n{}\n{fence}", result.run.command);
    }
    let config = result.run.node_config_sha256.get(..12).unwrap_or(&result.run.node_config_sha256);
    let _ = writeln!(
        md,
        "\nRun {}, {}, harness {}, node configuration {} ({})",
        plain(&result.run.id),
        text::wall_time(result.run.started_at),
        plain(&result.run.harness),
        plain(&result.run.node_config),
        plain(config)
    );
    md.push_str("\n</details>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;")]
    #[case("a|b\nc", "a\\|b c")]
    #[case("pod_ready", "pod_ready")]
    #[case("_em_ *b* `c` [x](y)", "\\_em\\_ \\*b\\* \\`c\\` \\[x\\](y)")]
    #[case("@everyone", "@<!-- -->everyone")]
    fn markup_is_shown_not_done(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(plain(text), shown);
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fence("plain"), "```");
        assert_eq!(fence("a ```` b"), "`````");
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_table(text in any::<String>()) {
            let shown = plain(&text);
            prop_assert!(!shown.contains('\n'));
            prop_assert!(!shown.replace("<!-- -->", "").contains('<'));
            prop_assert!(!shown.replace("\\\\", "").replace("\\|", "").contains('|'));
        }
    }
}
