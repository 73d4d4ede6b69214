//! Two runs beside each other.

use harness_record::compare::{Change, ComparedLatency, Comparison};
use harness_record::summary::Figure;
use harness_record::verdict::Verdict;

use super::paint::Paint;
use super::table::{self, Align};
use crate::text;

fn verdict(change: Change) -> Verdict {
    match change {
        Change::Regression => Verdict::Fail,
        Change::Inconclusive => Verdict::Inconclusive,
        Change::Same | Change::Better => Verdict::Pass,
    }
}

fn figure(figure: Option<Figure>) -> String {
    match figure {
        None => text::NONE.to_owned(),
        Some(Figure::Measured(_)) => figure.map_or_else(String::new, |it| text::duration(it.micros())),
        Some(Figure::Beyond { .. }) => {
            figure.map_or_else(String::new, |it| format!("> {}", text::duration(it.micros())))
        }
    }
}

fn row(latency: &ComparedLatency) -> Vec<String> {
    let group: Vec<&str> = latency.labels.values().map(String::as_str).collect();
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| text::NONE.to_owned(), |ratio| format!("{ratio:.2}"));
    vec![
        latency.change.as_str().to_owned(),
        latency.name.clone(),
        group.join(", "),
        format!("{} / {}", text::count(latency.count[0]), text::count(latency.count[1])),
        figure(latency.p50[0]),
        figure(latency.p50[1]),
        ratio(latency.ratio_p50),
        figure(latency.p95[0]),
        figure(latency.p95[1]),
        ratio(latency.ratio_p95),
    ]
}

/// The comparison in lines of at most `width` characters: the verdict, what differs between the runs, and every latency whose
/// group is all samples or that changed. With a newline at its end.
pub fn comparison(comparison: &Comparison, width: usize, colour: bool) -> String {
    let paint = Paint { colour };
    let width = width.max(40);
    let mut out = vec![format!(
        "{}  A {}  B {}",
        paint.badge(verdict(comparison.change), &comparison.change.as_str().to_uppercase()),
        text::one_line(&comparison.before, 60),
        text::one_line(&comparison.after, 60)
    )];
    for difference in &comparison.differences {
        out.extend(table::wrap(&format!("  - {}", text::one_line(difference, 400)), width, 4));
    }
    let changed = |latency: &&ComparedLatency| {
        latency.labels.is_empty() || matches!(latency.change, Change::Regression | Change::Better)
    };
    let shown: Vec<&ComparedLatency> = comparison.latencies.iter().filter(changed).collect();
    if !shown.is_empty() {
        out.push(String::new());
        let header = ["CHANGE", "LATENCY", "GROUP", "COUNT A / B", "P50 A", "P50 B", "B/A", "P95 A", "P95 B", "B/A"];
        let mut align = [Align::Right; 10];
        align[..3].fill(Align::Left);
        let rows: Vec<Vec<String>> = shown.iter().map(|latency| row(latency)).collect();
        for (index, line) in table::lines(&header, &align, &rows, width).into_iter().enumerate() {
            let change = index.checked_sub(1).and_then(|row| shown.get(row)).map(|latency| latency.change);
            out.push(match change {
                None => paint.bold(&line),
                Some(Change::Same) => line,
                Some(change) => paint.verdict(verdict(change), &line),
            });
        }
    }
    out.push(String::new());
    let thresholds = &comparison.thresholds;
    let rule = format!(
        "A change is called one when chance is ruled out (Mann-Whitney, p < {} over all tests), the effect is at least {}, and p50 or p95 differ by a factor of {} or more; at least {} a side.",
        thresholds.p_max,
        thresholds.effect_min,
        thresholds.ratio_min,
        text::counted(thresholds.samples_min, "sample")
    );
    out.extend(table::wrap(&rule, width, 0).iter().map(|line| paint.dim(line)));
    out.push(String::new());
    out.join("\n")
}
