//! Figures beside their targets.

use std::fmt::Write as _;

use crate::args::Item;
use crate::failure::Failure;

/// The unit of a figure, and its significant digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
    Percent,
    /// 10^6 bytes.
    Megabytes,
    Count,
    PerSecond,
    Ratio,
}

impl Unit {
    fn text(self, value: f64) -> String {
        match self {
            Self::Seconds => format!("{value:.1} s"),
            Self::Milliseconds => format!("{value:.1} ms"),
            Self::Percent => format!("{value:.1} %"),
            Self::Megabytes => format!("{value:.0} MB"),
            Self::Count => format!("{value:.0}"),
            Self::PerSecond => format!("{value:.1} /s"),
            Self::Ratio => format!("{value:.2}"),
        }
    }
}

struct Row {
    item: Item,
    what: String,
    unit: Unit,
    target: Option<f64>,
    values: Vec<f64>,
}

/// The table. The values of repetitions share one row.
#[derive(Default)]
pub(crate) struct Sheet {
    rows: Vec<Row>,
    failures: Vec<(Item, String)>,
}

impl Sheet {
    /// Adds a figure that has a target, an upper bound.
    pub(crate) fn target(&mut self, item: Item, what: &str, unit: Unit, value: f64, target: f64) {
        self.add(item, what, unit, value, Some(target));
    }

    /// Adds a figure that explains others.
    pub(crate) fn figure(&mut self, item: Item, what: &str, unit: Unit, value: f64) {
        self.add(item, what, unit, value, None);
    }

    fn add(&mut self, item: Item, what: &str, unit: Unit, value: f64, target: Option<f64>) {
        match self.rows.iter_mut().find(|row| row.item == item && row.what == what) {
            Some(row) => row.values.push(value),
            None => self.rows.push(Row { item, what: what.to_owned(), unit, target, values: vec![value] }),
        }
    }

    /// Notes that an item could not be measured.
    pub(crate) fn failed(&mut self, item: Item, failure: &Failure) {
        self.failures.push((item, failure.to_string()));
    }

    /// The table and what failed.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        if !self.rows.is_empty() {
            text.push_str("| item | figure | measured | target | measured / target | |\n|---|---|--:|--:|--:|---|\n");
        }
        for row in &self.rows {
            let value = median(&row.values);
            let measured = format!("{}{}", row.unit.text(value), range(&row.values, |value| row.unit.text(value)));
            let (target, ratio, met) = match row.target {
                Some(target) => (
                    row.unit.text(target),
                    format!("{:.2}", value / target),
                    if value <= target { "met" } else { "**not met**" },
                ),
                None => Default::default(),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {} | {} | {measured} | {target} | {ratio} | {met} |", row.item, row.what);
        }
        for (item, failure) in &self.failures {
            let _ = writeln!(text, "\n**Not measured: {item}:** {failure}");
        }
        text
    }
}

/// Returns the median; 0 for no values.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = |index: usize| sorted.get(index).copied().unwrap_or_default();
    let half = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { (middle(half.saturating_sub(1)) + middle(half)) / 2.0 } else { middle(half) }
}

/// Returns ` (min to max)` if there are several values.
pub(crate) fn range(values: &[f64], text: impl Fn(f64) -> String) -> String {
    if values.len() < 2 {
        return String::new();
    }
    let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!(" ({} to {})", text(smallest), text(largest))
}
