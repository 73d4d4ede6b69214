//! Slower, faster or the same?

use super::differ::{differences, not_one_experiment, usable};
use super::outcome::{Basis, COMPARISON_VERSION, Change, Comparison, Row, Thresholds};
use super::permute::{Adjusted, exchanges, max_t};
use super::rows::{Values, rows};
use super::run::MeasuredRun;
use super::stats::{TwoGroups, t_upper_tail};
use crate::text::count;

/// Compares the runs after with those before. All of them should be of one scenario; where they are not, nothing is judged and the answer says so.
pub fn compare(before: &[MeasuredRun], after: &[MeasuredRun], thresholds: Thresholds) -> Comparison {
    let (before, side_before) = usable(before);
    let (after, side_after) = usable(after);
    let differences = differences(&before, &after);
    let apart = not_one_experiment(&before, &after);
    let basis = match apart {
        Some(_) => Basis::Unknown,
        None => basis(before.len(), after.len(), &thresholds),
    };
    let mut values = rows(&before, &after, &thresholds);
    estimate(&mut values, &thresholds);
    probabilities(&mut values, basis, before.len(), &thresholds);
    for value in values.iter_mut().filter(|value| value.row.gated) {
        let (change, why) = match &apart {
            Some((reason, _)) => (Change::Inconclusive, reason.clone()),
            None => judge(&value.row, basis, &thresholds),
        };
        value.row.change = Some(change);
        value.row.why = why;
    }
    let mut rows: Vec<Row> = values.into_iter().map(|values| values.row).collect();
    // Stable: both parts stay in the order of the reports.
    rows.sort_by_key(|row| !row.gated);
    let change = overall(&rows, basis);
    let (reason, advice) = match apart {
        Some((reason, advice)) => (format!("Not comparable: {reason}."), advice),
        None => in_words(change, basis, [before.len(), after.len()], &rows, &thresholds),
    };
    Comparison {
        version: COMPARISON_VERSION,
        scenario: before.first().or(after.first()).map(|run| run.info.scenario.clone()).unwrap_or_default(),
        before: side_before,
        after: side_after,
        basis,
        thresholds,
        rows,
        differences,
        change,
        reason,
        advice,
        exit_code: change.exit_code(),
    }
}

fn basis(before: usize, after: usize, thresholds: &Thresholds) -> Basis {
    match () {
        () if before == 0 || after == 0 || before + after < 3 => Basis::Unknown,
        () if 1.0 / exchanges(before, after) as f64 <= thresholds.p_max => Basis::Permutation,
        () => Basis::Noise,
    }
}

/// Ratios and their intervals, for every row.
fn estimate(values: &mut [Values], thresholds: &Thresholds) {
    for Values { row, logs } in values {
        let Some([before, after]) = logs else { continue };
        let Some(groups) = TwoGroups::of(before, after) else { continue };
        row.ratio = Some(groups.difference.exp());
        let interval = groups.interval(thresholds.confidence, thresholds.scatter_min);
        row.interval = interval.map(|bounds| bounds.map(f64::exp));
    }
}

/// The `p` of every gated row whose percentile was measured in every run, over all of them together.
fn probabilities(values: &mut [Values], basis: Basis, before: usize, thresholds: &Thresholds) {
    let mut tested: Vec<(&mut Row, &[Vec<f64>; 2])> = values
        .iter_mut()
        .filter(|value| value.row.gated)
        .filter_map(|value| Some((&mut value.row, value.logs.as_ref()?)))
        .collect();
    let adjusted: Vec<Adjusted> = match basis {
        Basis::Unknown => return,
        Basis::Permutation => {
            let rows: Vec<Vec<f64>> = tested.iter().map(|(_, logs)| logs.concat()).collect();
            max_t(&rows, before, thresholds.scatter_min)
        }
        Basis::Noise => {
            let count = tested.len() as f64;
            let of = |[before, after]: &[Vec<f64>; 2]| {
                let groups = TwoGroups::of(before, after)?;
                let t = groups.statistic(thresholds.scatter_min)?;
                let p = |t: f64| (t_upper_tail(t, groups.df) * count).min(1.0);
                Some(Adjusted { slower: p(t), faster: p(-t) })
            };
            let none = Adjusted { slower: 1.0, faster: 1.0 };
            tested.iter().map(|(_, logs)| of(logs).unwrap_or(none)).collect()
        }
    };
    for ((row, _), adjusted) in tested.iter_mut().zip(adjusted) {
        row.p = Some(if row.ratio.unwrap_or(1.0) < 1.0 { adjusted.faster } else { adjusted.slower });
    }
}

/// What a gated row says, and why where its figures do not.
fn judge(row: &Row, basis: Basis, thresholds: &Thresholds) -> (Change, String) {
    if row.before.runs_beyond + row.after.runs_beyond > 0 {
        return judge_bounds(row);
    }
    let (Some(ratio), Some(before), Some(after)) = (row.ratio, row.before.figure, row.after.figure) else {
        return (Change::Inconclusive, "not every run has it".to_owned());
    };
    let (Some(p), Some([low, high])) = (row.p, row.interval) else {
        return (Change::Inconclusive, "one run a side".to_owned());
    };
    let before_ms = before.micros() as f64 / 1e3;
    let difference_ms = (after.micros() as f64 / 1e3 - before_ms).abs();
    let matters = difference_ms >= thresholds.difference_ms_min && ratio.max(1.0 / ratio) >= thresholds.ratio_min;
    let noise = if basis == Basis::Noise { "more than the noise" } else { "" };
    match () {
        () if p <= thresholds.p_max && matters => {
            (if ratio > 1.0 { Change::Regression } else { Change::Better }, noise.to_owned())
        }
        () if p <= thresholds.p_max => (Change::Same, "too small to matter".to_owned()),
        () => {
            let small = |factor: f64| before_ms * (factor - 1.0).abs() < thresholds.difference_ms_min;
            let excluded = thresholds.ratio_excluded;
            if (high <= excluded || small(high)) && (low >= 1.0 / excluded || small(low)) {
                return (Change::Same, String::new());
            }
            (Change::Inconclusive, "too much scatter".to_owned())
        }
    }
}

/// A row whose percentile falls on a sample without an end in some run. It is larger than any measured one by an unknown amount, so it has
/// no ratio. It is a regression in its own right where it was measured in every run before (at least two) and in less than half of those
/// after (of at least two; or in the only one, against at least three), and the other way round better.
///
/// How often that happens by chance, where a run loses the percentile with probability q on both sides: at most 2.7 % for five runs a side
/// (q = 0.35), 0.1 % for q = 0.05; against five runs a single one is called slower in q (1 - q)^5, at most 6.7 % (q = 1/6), 3.9 % for q = 0.05.
fn judge_bounds(row: &Row) -> (Change, String) {
    let (before, after) = (&row.before, &row.after);
    let lost = |kept: &super::RowSide, lost: &super::RowSide| {
        let known = kept.runs >= 2 && (lost.runs >= 2 || kept.runs >= 3);
        known && kept.runs_beyond == 0 && lost.runs_beyond * 2 > lost.runs
    };
    let why = format!(
        "censored in {} of {} runs before, {} of {} after",
        before.runs_beyond, before.runs, after.runs_beyond, after.runs
    );
    match () {
        () if lost(before, after) => (Change::Regression, why),
        () if lost(after, before) => (Change::Better, why),
        () => (Change::Inconclusive, why),
    }
}

/// Where more than half of the figures could not be judged, "the same" would say more than is known. Against the noise of few runs it is
/// what can be said: the question is then whether anything differs by more than that noise.
fn overall(rows: &[Row], basis: Basis) -> Change {
    let count = |change| rows.iter().filter(|row| row.change == Some(change)).count();
    let gated = rows.iter().filter(|row| row.gated).count();
    match () {
        () if count(Change::Regression) > 0 => Change::Regression,
        () if basis == Basis::Permutation && count(Change::Inconclusive) * 2 > gated => Change::Inconclusive,
        () if count(Change::Better) > 0 => Change::Better,
        () if count(Change::Same) > 0 => Change::Same,
        () => Change::Inconclusive,
    }
}

/// The answer in a sentence, and what to do to get a better one.
fn in_words(change: Change, basis: Basis, runs: [usize; 2], rows: &[Row], thresholds: &Thresholds) -> (String, String) {
    let of = |change: Change| rows.iter().filter(|row| row.change == Some(change)).count();
    let gated = rows.iter().filter(|row| row.gated).count();
    let rows_of = |number: usize| count(number, "figure");
    let excluded = (thresholds.ratio_excluded - 1.0) * 100.0;
    let than_noise = if basis == Basis::Noise { " by more than the noise that was seen" } else { "" };
    let reason = match (change, runs) {
        (_, [0, _] | [_, 0]) => "There is no completed run on a side.".to_owned(),
        (Change::Inconclusive, _) if gated == 0 => "The sides have no latency in common.".to_owned(),
        (Change::Inconclusive, _) if basis == Basis::Unknown => {
            "One run a side: no noise is known, so a difference says nothing.".to_owned()
        }
        (Change::Inconclusive, _) => {
            let unclear = rows_of(of(Change::Inconclusive));
            format!(
                "The runs scatter too much: for {unclear} of {gated} a change of {excluded:.0}% cannot be excluded."
            )
        }
        (Change::Regression, _) => format!("{} of {gated} slower{than_noise}.", rows_of(of(Change::Regression))),
        (Change::Better, _) => {
            format!("{} of {gated} faster{than_noise}, none slower.", rows_of(of(Change::Better)))
        }
        (Change::Same, _) if basis == Basis::Noise => {
            format!("No figure of {gated} differs by more than the noise that was seen.")
        }
        (Change::Same, _) => format!("No figure of {gated} changed by more than noise."),
    };
    let unclear = of(Change::Inconclusive);
    let reason = if change != Change::Inconclusive && unclear > 0 {
        format!("{reason} For {} a change of {excluded:.0}% cannot be excluded.", rows_of(unclear))
    } else {
        reason
    };
    let advice = match (change, basis) {
        (Change::Inconclusive, Basis::Unknown) => "Run both sides with --repeat 5.",
        (Change::Inconclusive, Basis::Noise) | (Change::Regression | Change::Better, Basis::Noise) => {
            "To be sure, run both sides with --repeat 5."
        }
        (Change::Inconclusive, Basis::Permutation) => "Use more runs (--repeat 10), or a machine with less else to do.",
        _ => "",
    };
    (reason, advice.to_owned())
}
