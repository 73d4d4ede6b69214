//! The growth curve: what more pods cost.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::bursts::{Burst, Cost};
use crate::sheet::{median, range};

/// Every burst that was run, by its number of pods, in the order of the first run.
#[derive(Default)]
pub(crate) struct Curve {
    columns: Vec<(u32, Vec<Burst>)>,
}

impl Curve {
    /// Adds a run.
    pub(crate) fn add(&mut self, burst: Burst) {
        match self.columns.iter_mut().find(|(pods, _)| *pods == burst.pods) {
            Some((_, runs)) => runs.push(burst),
            None => self.columns.push((burst.pods, vec![burst])),
        }
    }

    /// Three tables: figures, CPU and memory by process; a column for each number of pods.
    pub(crate) fn markdown(&self) -> String {
        if self.columns.is_empty() {
            return String::new();
        }
        let mut text = String::new();
        self.head(&mut text, "growth");
        let spread = |of: fn(&Burst) -> f64, digits: usize| {
            move |runs: &[Burst]| {
                let values: Vec<f64> = runs.iter().map(of).collect();
                let shown = |value: f64| format!("{value:.digits$}");
                format!("{}{}", shown(median(&values)), range(&values, shown))
            }
        };
        self.row(&mut text, "nodes", spread(|run| run.nodes, 0));
        self.row(&mut text, "all Ready, s", spread(|run| run.all_ready_s, 1));
        self.row(&mut text, "all Ready per pod, relative to the first", self.relative(|run| run.all_ready_s));
        self.row(&mut text, "pods scheduled per second", spread(|run| run.rates.pods_scheduled.mean, 1));
        self.row(&mut text, "pods scheduled in the best second", spread(|run| run.rates.pods_scheduled.most, 0));
        self.row(&mut text, "nodes provisioned per second", spread(|run| run.rates.nodes_provisioned.mean, 1));
        self.row(&mut text, "nodes Ready in the best second", spread(|run| run.rates.nodes_provisioned.most, 0));
        self.row(&mut text, "whole run, s", spread(|run| run.wall_s, 1));
        self.row(&mut text, "p99 watch lag, ms", spread(|run| run.watch_lag_p99_ms, 1));
        self.row(&mut text, "p99 send lag, ms", spread(|run| run.send_lag_p99_ms, 1));
        self.row(&mut text, "harness and supervisor, % of the CPU time", spread(Burst::own_share_percent, 1));
        self.row(&mut text, "harness and supervisor, peak memory, MB", spread(Burst::own_rss_mb, 0));

        self.head(&mut text, "CPU time of the run, s");
        self.processes(&mut text, 1, |cost| cost.cpu_s);
        self.row(&mut text, "all", spread(Burst::cpu_s, 1));
        self.row(&mut text, "all, ms per pod", spread(|run| run.cpu_s() * 1e3 / f64::from(run.pods), 0));
        self.row(&mut text, "all per pod, relative to the first", self.relative(Burst::cpu_s));

        self.head(&mut text, "peak memory, MB");
        self.processes(&mut text, 0, |cost| cost.rss_mb);
        let memory = |run: &Burst| run.costs.values().map(|cost| cost.rss_mb).sum();
        self.row(&mut text, "all", spread(memory, 0));
        self.row(&mut text, "all per pod, relative to the first", self.relative(memory));
        text
    }

    fn head(&self, text: &mut String, what: &str) {
        let _ = write!(text, "\n| {what} |");
        for (pods, runs) in &self.columns {
            let runs = if runs.len() > 1 { format!(" ({} runs)", runs.len()) } else { String::new() };
            let _ = write!(text, " {pods} pods{runs} |");
        }
        let _ = writeln!(text, "\n|---|{}", "--:|".repeat(self.columns.len()));
    }

    fn row(&self, text: &mut String, what: &str, cell: impl Fn(&[Burst]) -> String) {
        let _ = write!(text, "| {what} |");
        for (_, runs) in &self.columns {
            let _ = write!(text, " {} |", cell(runs));
        }
        text.push('\n');
    }

    /// Adds a row for each process, sorted by the last column, most expensive first.
    fn processes(&self, text: &mut String, digits: usize, of: fn(&Cost) -> f64) {
        let names: BTreeSet<&String> =
            self.columns.iter().flat_map(|(_, runs)| runs).flat_map(|run| run.costs.keys()).collect();
        let value = |runs: &[Burst], name: &str| {
            let values: Vec<f64> = runs.iter().filter_map(|run| run.costs.get(name)).map(of).collect();
            median(&values)
        };
        let last: BTreeMap<&String, f64> =
            names.iter().map(|name| (*name, self.columns.last().map_or(0.0, |(_, runs)| value(runs, name)))).collect();
        let mut names: Vec<&String> = names.into_iter().collect();
        names.sort_by(|a, b| last[b].total_cmp(&last[a]));
        for name in names {
            self.row(text, name, |runs| format!("{:.digits$}", value(runs, name)));
        }
    }

    /// A value for each pod, as a multiple of that of the first column: 1 is linear growth, more is worse.
    fn relative(&self, of: fn(&Burst) -> f64) -> impl Fn(&[Burst]) -> String {
        let per_pod = move |runs: &[Burst]| {
            let values: Vec<f64> = runs.iter().map(|run| of(run) / f64::from(run.pods)).collect();
            median(&values)
        };
        let first = self.columns.first().map_or(0.0, |(_, runs)| per_pod(runs));
        move |runs| format!("{:.2}", per_pod(runs) / first)
    }
}
