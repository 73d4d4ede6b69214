//! What is printed when a run has ended.

use harness_plan::{GroupBy, LatencyName};
use harness_record::RunResult;
use harness_record::event::EndReason;
use harness_record::verdict::{ExpectationResult, Verdict};

use super::paint::Paint;
use super::table::{self, Align};
use crate::extra;
use crate::outcome;
use crate::text;

/// Reasons, warnings and groups that are printed; the rest is in the report.
const MOST: usize = 12;

/// The end of a run in lines of at most `width` characters: verdict and reasons, expectations, latencies, counts, how to
/// repeat. With a newline at its end.
pub fn summary(result: &RunResult, width: usize, colour: bool) -> String {
    let paint = Paint { colour };
    let width = width.max(40);
    let headline = outcome::headline(result);
    let run = &result.run;
    let mut out: Vec<String> = Vec::new();

    let word = headline.word.to_uppercase();
    let rest = text::one_line(&format!("{} on {}", run.scenario, run.target), width.saturating_sub(20));
    out.push(format!(
        "{} {}  {}",
        paint.badge(headline.tone, outcome::sign(headline.tone)),
        paint.badge(headline.tone, &word),
        paint.bold(&rest)
    ));
    let facts = format!("took {}, seed {}, exit code {}", text::duration(run.duration_us), run.seed, result.exit_code);
    out.push(paint.dim(&facts));
    listed(&mut out, &outcome::reasons(result), width);
    // What was never tried has nothing to show.
    if run.ended != Some(EndReason::NotRun) {
        expectations(&mut out, result, width, paint);
        latencies(&mut out, result, width, paint);
        published(&mut out, result, width, paint);
    }
    counts(&mut out, result, width);
    cost(&mut out, result, width);
    system(&mut out, result, width);
    if !result.leaks.is_empty() {
        out.push(String::new());
        out.push(paint.badge(Verdict::Fail, "Left behind"));
        let leaks: Vec<String> = result.leaks.iter().map(|leak| format!("{} {}", leak.kind, leak.name)).collect();
        listed(&mut out, &leaks, width);
    }
    if !result.warnings.is_empty() {
        out.push(String::new());
        out.push(paint.bold("Warnings"));
        listed(&mut out, &result.warnings, width);
    }
    out.push(String::new());
    if !result.simulated.is_empty() {
        out.extend(table::wrap(&format!("simulated: {}", text::joined(&result.simulated)), width, 2));
    }
    if !run.command.is_empty() {
        // Not wrapped: it is there to be copied.
        out.push(format!("again:     {}", text::one_line(&run.command, usize::MAX)));
    }
    out.push(String::new());
    out.join("\n")
}

fn listed(out: &mut Vec<String>, texts: &[impl AsRef<str>], width: usize) {
    for text in texts.iter().take(MOST) {
        let line = text::one_line(text.as_ref(), 600);
        out.extend(
            table::wrap(&line, width.saturating_sub(4), 2)
                .into_iter()
                .enumerate()
                .map(|(index, line)| if index == 0 { format!("  - {line}") } else { format!("  {line}") }),
        );
    }
    if texts.len() > MOST {
        out.push(format!("  - and {} more, in the report", texts.len() - MOST));
    }
}

/// Those that did not hold first, each with all that is known; the others a line each.
fn expectations(out: &mut Vec<String>, result: &RunResult, width: usize, paint: Paint) {
    let (held, others): (Vec<_>, Vec<_>) = result.expectations.iter().partition(|e| e.verdict == Verdict::Pass);
    for expectation in others {
        let verdict = expectation.verdict;
        let name = table::wrap(&text::one_line(&expectation.name, 300), width.saturating_sub(16), 16);
        out.push(String::new());
        out.push(format!("{:<14}  {}", format!("{} {verdict}", outcome::sign(verdict)), name.join("\n")));
        if let Some(line) = out.last_mut() {
            let (front, rest) = table::split(line, 2 + verdict.as_str().len());
            *line = format!("{}{}", paint.badge(verdict, front), paint.bold(rest));
        }
        let parts =
            [("observed", &expectation.observed), ("limit", &expectation.limit), ("evidence", &expectation.evidence)];
        for (what, value) in parts {
            let value = table::wrap(&text::one_line(value, 600), width.saturating_sub(16), 16);
            out.push(format!("{}  {}", paint.dim(&format!("{what:>14}")), value.join("\n")));
        }
    }
    if held.is_empty() {
        return;
    }
    out.push(String::new());
    let row = |expectation: &&ExpectationResult| {
        vec![format!("{} pass", outcome::sign(Verdict::Pass)), expectation.name.clone(), expectation.observed.clone()]
    };
    let rows: Vec<Vec<String>> = held.iter().map(row).collect();
    let align = [Align::Fixed, Align::Left, Align::Left];
    out.extend(table::painted(&["", "EXPECTATION", "OBSERVED"], &align, &rows, width, paint, |_, line| {
        let (front, rest) = table::split(&line, 6);
        format!("{}{rest}", paint.verdict(Verdict::Pass, front))
    }));
}

fn latencies(out: &mut Vec<String>, result: &RunResult, width: usize, paint: Paint) {
    let headline = [LatencyName::NodeProvisioning, LatencyName::PodReady];
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut grouped = 0;
    for latency in &result.latencies {
        let pool = latency.labels.get(GroupBy::Nodepool.as_str());
        let name = match pool {
            None if latency.labels.is_empty() => latency.name.to_string(),
            Some(pool) if headline.contains(&latency.name) && grouped < MOST => {
                grouped += 1;
                format!("  {pool}")
            }
            _ => continue,
        };
        let stats = &latency.stats;
        let figures = [stats.p50, stats.p95, stats.p99, stats.max].map(text::percentile);
        let mut row = vec![name, text::count(stats.count), text::count(stats.censored)];
        row.extend(figures);
        rows.push(row);
    }
    if rows.is_empty() {
        return;
    }
    out.push(String::new());
    let mut align = [Align::Right; 7];
    align[0] = Align::Left;
    let header = ["LATENCY", "COUNT", "CENSORED", "P50", "P95", "P99", "MAX"];
    out.extend(table::painted(&header, &align, &rows, width, paint, |_, line| line));
}

fn counts(out: &mut Vec<String>, result: &RunResult, width: usize) {
    let counts = &result.counts;
    out.push(String::new());
    let mut line = format!(
        "pods: {} planned, {} scheduled, {} ready; nodes: {}, {} ready, {} deleted",
        text::count(counts.pods_planned),
        text::count(counts.pods_scheduled),
        text::count(counts.pods_ready),
        text::counted(counts.nodeclaims, "NodeClaim"),
        text::count(counts.nodes_ready),
        text::count(counts.nodeclaims_deleted)
    );
    if counts.vms_accepted > 0 {
        line.push_str(&format!(
            "; VMs: {} booted, {} deleted",
            text::count(counts.vms_booted),
            text::count(counts.vms_deleted)
        ));
    }
    let rare = [
        (counts.nodes_replaced, "node replaced", "nodes replaced"),
        (counts.vms_evicted, "spot VM evicted", "spot VMs evicted"),
        (counts.vms_crashed, "VM crashed", "VMs crashed"),
    ];
    for (count, one, many) in rare.into_iter().filter(|(count, ..)| *count > 0) {
        line.push_str(&format!("; {} {}", text::count(count), if count == 1 { one } else { many }));
    }
    if !counts.disruptions.is_empty() {
        let by: Vec<String> =
            counts.disruptions.iter().map(|(reason, count)| format!("{} {reason}", text::count(*count))).collect();
        line.push_str(&format!("; disrupted: {}", text::one_line(&by.join(", "), 200)));
    }
    out.extend(table::wrap(&line, width, 2));
}

fn cost(out: &mut Vec<String>, result: &RunResult, width: usize) {
    let facts = extra::cost(result);
    if facts.is_empty() {
        return;
    }
    let parts: Vec<String> = facts.iter().map(|fact| format!("{}: {}", fact.name, fact.value)).collect();
    let line = format!("cost by {}: {}", extra::price_source(result), parts.join("; "));
    out.extend(table::wrap(&line, width, 2));
}

fn system(out: &mut Vec<String>, result: &RunResult, width: usize) {
    let facts = extra::system(result);
    let Some(most) = facts.first() else { return };
    let others = match facts.len() - 1 {
        0 => String::new(),
        others => format!("; {} in the report", text::counted(others as u64, "other size")),
    };
    let line = format!("taken by the cluster's own DaemonSets: of {} {}{others}", most.name, most.value);
    out.extend(table::wrap(&line, width, 2));
}

fn published(out: &mut Vec<String>, result: &RunResult, width: usize, paint: Paint) {
    let lines = extra::published(result);
    if lines.is_empty() {
        return;
    }
    let row = |line: &extra::PublishedLine| {
        vec![format!("{} {}", line.name, line.of), line.theirs.clone(), line.ours.clone(), line.count.clone()]
    };
    let rows: Vec<Vec<String>> = lines.iter().map(row).collect();
    let align = [Align::Left, Align::Right, Align::Right, Align::Right];
    out.push(String::new());
    let header = ["PUBLISHED", "THEIRS", "HERE", "SAMPLES"];
    out.extend(table::painted(&header, &align, &rows, width, paint, |_, line| line));
    // Several figures of one source differ in the same way.
    let mut sources: Vec<(&str, &str)> = Vec::new();
    for line in &lines {
        let source = (line.source.as_str(), line.differs.as_str());
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    let notes: Vec<String> = sources.iter().map(|(source, differs)| format!("{source}: {differs}")).collect();
    listed(out, &notes, width);
}
