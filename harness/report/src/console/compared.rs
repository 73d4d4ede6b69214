//! Two sides of a scenario beside each other.

use harness_record::compare::{Basis, Change, Comparison, Comparisons, Row, RowSide, SideRuns};
use harness_record::verdict::Verdict;

use super::paint::Paint;
use super::table::{self, Align};
use crate::text;

/// Groups that are named for a latency that changed.
const GROUPS_MAX: usize = 6;

fn tone(change: Change) -> Verdict {
    match change {
        Change::Regression => Verdict::Fail,
        Change::Inconclusive => Verdict::Inconclusive,
        Change::Same | Change::Better => Verdict::Pass,
    }
}

/// The answer in a word or a few: no more than the runs can say.
pub(crate) fn word(comparison: &Comparison) -> &'static str {
    match (comparison.change, comparison.basis) {
        (Change::Regression, Basis::Noise) => "SLOWER THAN THE NOISE",
        (Change::Better, Basis::Noise) => "FASTER THAN THE NOISE",
        (Change::Regression, _) => "REGRESSION",
        (Change::Better, _) => "BETTER",
        (Change::Same, Basis::Noise) => "WITHIN THE NOISE",
        (Change::Same, _) => "SAME",
        (Change::Inconclusive, _) => "INCONCLUSIVE",
    }
}

/// A side's figure with its scatter from run to run: `5.02s ±3%`.
pub(crate) fn figure(side: &RowSide) -> String {
    let value = text::percentile(side.figure);
    match side.scatter {
        Some(scatter) => format!("{value} \u{b1}{:.0}%", scatter * 100.0),
        None => value,
    }
}

/// `1.15 to 1.28`.
pub(crate) fn interval(row: &Row) -> String {
    row.interval.map_or_else(|| text::NONE.to_owned(), |[low, high]| format!("{low:.2} to {high:.2}"))
}

pub(crate) fn ratio(row: &Row) -> String {
    row.ratio.map_or_else(|| text::NONE.to_owned(), |ratio| format!("{ratio:.2}"))
}

pub(crate) fn p(row: &Row) -> String {
    row.p.map_or_else(|| text::NONE.to_owned(), |p| if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") })
}

/// `5 runs (20261121-121500-4f2a, ...)`.
pub(crate) fn runs(side: &SideRuns) -> String {
    let count = text::counted(side.runs.len() as u64, "run");
    let mut names: Vec<&str> = side.runs.iter().take(3).map(String::as_str).collect();
    if side.runs.len() > names.len() {
        names.push("\u{2026}");
    }
    if names.is_empty() { count } else { format!("{count} ({})", names.join(", ")) }
}

/// The rows over all samples: those that gate, and of those that are only shown the medians, and what seems to have changed.
pub(crate) fn of_all_samples(comparison: &Comparison) -> impl Iterator<Item = &Row> {
    let limit = comparison.thresholds.ratio_min;
    let seems_changed = move |row: &Row| {
        let beyond = row.ratio.is_some_and(|ratio| ratio.max(1.0 / ratio) >= limit);
        beyond && row.interval.is_some_and(|[low, high]| low > 1.0 || high < 1.0)
    };
    let all = comparison.rows.iter().filter(|row| row.labels.is_empty());
    all.filter(move |row| row.gated || row.percentile == 50 || seems_changed(row))
}

/// Those of the groups that changed most in the direction of a latency that changed: where to look.
pub(crate) fn where_to_look(comparison: &Comparison) -> Vec<&Row> {
    let mut found = Vec::new();
    for changed in comparison.gated().filter(|row| matches!(row.change, Some(Change::Regression | Change::Better))) {
        let slower = changed.change == Some(Change::Regression);
        let mut groups: Vec<&Row> = comparison
            .rows
            .iter()
            .filter(|row| {
                row.latency == changed.latency && row.percentile == changed.percentile && !row.labels.is_empty()
            })
            .filter(|row| row.interval.is_some_and(|[low, high]| if slower { low > 1.0 } else { high < 1.0 }))
            .collect();
        groups.sort_by(|a, b| b.ratio.unwrap_or(1.0).total_cmp(&a.ratio.unwrap_or(1.0)));
        if !slower {
            groups.reverse();
        }
        groups.truncate(GROUPS_MAX);
        found.extend(groups);
    }
    found
}

/// How the answer was found, in two sentences.
pub(crate) fn rule(comparison: &Comparison) -> String {
    let limits = &comparison.thresholds;
    let chance = match comparison.basis {
        Basis::Permutation => format!(
            "chance explains it with a probability of at most {} over all gating figures together (whole runs exchanged between the sides)",
            limits.p_max
        ),
        Basis::Noise => format!(
            "it is more than the noise that was seen (Student's t over the runs, {} over all gating figures together)",
            limits.p_max
        ),
        Basis::Unknown => "the noise from run to run is known, which needs more than one run".to_owned(),
    };
    format!(
        "Each run counts once: A and B are the geometric means of the runs' percentiles, with their scatter from run to run. A difference gates when {chance}, it is a factor of {} or more, and {} ms or more. \
         What gates: p50, and p95 of at least {} samples a run, of each latency over all samples. Groups are shown and never gate.",
        limits.ratio_min, limits.difference_ms_min, limits.p95_samples_min
    )
}

fn cells(row: &Row) -> Vec<String> {
    let result = match (row.change, row.gated) {
        (Some(change), true) => change.as_str(),
        _ => "(shown)",
    };
    let group: Vec<String> = row.labels.iter().map(|(key, value)| format!("{key} {value}")).collect();
    let notes: Vec<&str> =
        group.iter().map(String::as_str).chain([row.why.as_str()]).filter(|note| !note.is_empty()).collect();
    vec![
        result.to_owned(),
        row.latency.clone(),
        format!("p{}", row.percentile),
        figure(&row.before),
        figure(&row.after),
        ratio(row),
        interval(row),
        p(row),
        notes.join("; "),
    ]
}

/// One scenario in lines of at most `width` characters: the answer, what was compared, the latencies over all samples, the groups in
/// which what changed did so, and the rule. With a newline at its end.
pub fn comparison(comparison: &Comparison, width: usize, colour: bool) -> String {
    let paint = Paint { colour };
    let width = width.max(40);
    let mut out = vec![format!(
        "{}  {}",
        paint.badge(tone(comparison.change), word(comparison)),
        text::one_line(&comparison.scenario, 60)
    )];
    let mut say = |line: &str, indent| {
        out.extend(table::wrap(line, width.saturating_sub(2), indent).iter().map(|line| format!("  {line}")))
    };
    say(&comparison.reason, 0);
    if !comparison.advice.is_empty() {
        say(&comparison.advice, 0);
    }
    for (name, side) in [("A", &comparison.before), ("B", &comparison.after)] {
        say(&format!("{name}: {}", text::one_line(&runs(side), 200)), 3);
        for left_out in &side.left_out {
            say(&format!("- {name} without {}", text::one_line(left_out, 200)), 2);
        }
    }
    for difference in &comparison.differences {
        say(&format!("- {}", text::one_line(difference, 400)), 2);
    }
    let rows: Vec<&Row> = of_all_samples(comparison).collect();
    let confidence = format!("{:.0}% INTERVAL", comparison.thresholds.confidence * 100.0);
    let header = ["RESULT", "LATENCY", "OF", "A", "B", "B/A", confidence.as_str(), "P", ""];
    let mut align = [Align::Right; 9];
    align[..3].fill(Align::Fixed);
    align[8] = Align::Left;
    let mut print = |title: &str, rows: &[&Row]| {
        if rows.is_empty() {
            return;
        }
        out.push(String::new());
        if !title.is_empty() {
            out.push(paint.bold(title));
        }
        let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(row)).collect();
        out.extend(table::painted(&header, &align, &cells, width, paint, |number, line| {
            match rows.get(number).and_then(|row| row.change) {
                None => paint.dim(&line),
                Some(Change::Same) => line,
                Some(change) => paint.verdict(tone(change), &line),
            }
        }));
    };
    print("", &rows);
    print("Where", &where_to_look(comparison));
    out.push(String::new());
    out.extend(table::wrap(&rule(comparison), width, 0).iter().map(|line| paint.dim(line)));
    out.push(String::new());
    out.join("\n")
}

/// Every scenario, one after another, and what could not be compared.
pub fn comparisons(all: &Comparisons, width: usize, colour: bool) -> String {
    let mut out: Vec<String> = all.comparisons.iter().map(|one| comparison(one, width, colour)).collect();
    if !all.not_compared.is_empty() {
        let lines = all
            .not_compared
            .iter()
            .flat_map(|line| table::wrap(&format!("not compared: {}", text::one_line(line, 300)), width.max(40), 2));
        out.push(lines.map(|line| line + "\n").collect());
    }
    out.join("\n")
}
