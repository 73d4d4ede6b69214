//! What processes used over time, of those that the plan's expectations ask about.

use std::collections::BTreeMap;

use harness_plan::{Check, Plan};

use crate::event::ProcessUsage;

/// One look at a process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) at_us: u64,
    /// User and system time, milliseconds, over all restarts of the process so far.
    pub(crate) cpu_ms: u64,
    pub(crate) rss_bytes: u64,
}

/// A process over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Curve {
    pub(crate) samples: Vec<Sample>,
    /// When it was seen with less CPU time than before: another process of that name.
    pub(crate) restarts_us: Vec<u64>,
    before_ms: u64,
    last_ms: u64,
}

impl Curve {
    fn push(&mut self, at_us: u64, usage: &ProcessUsage) {
        if usage.cpu_ms < self.last_ms {
            self.before_ms += self.last_ms;
            self.restarts_us.push(at_us);
        }
        self.last_ms = usage.cpu_ms;
        let cpu_ms = self.before_ms + usage.cpu_ms;
        self.samples.push(Sample { at_us, cpu_ms, rss_bytes: usage.rss_bytes });
    }

    /// CPU time used between two moments, milliseconds, and how much of that time the samples cover, microseconds.
    pub(crate) fn cpu_ms(&self, from_us: u64, to_us: u64) -> (f64, u64) {
        let (Some(first), Some(last)) = (self.samples.first(), self.samples.last()) else { return (0.0, 0) };
        let (from_us, to_us) = (from_us.max(first.at_us), to_us.min(last.at_us));
        if from_us >= to_us { (0.0, 0) } else { (self.cpu_at(to_us) - self.cpu_at(from_us), to_us - from_us) }
    }

    /// Between two samples it is taken to have used its CPU evenly.
    fn cpu_at(&self, at_us: u64) -> f64 {
        let next = self.samples.partition_point(|sample| sample.at_us < at_us);
        let Some(after) = self.samples.get(next) else {
            return self.samples.last().map_or(0.0, |last| last.cpu_ms as f64);
        };
        let Some(before) = next.checked_sub(1).and_then(|index| self.samples.get(index)) else {
            return after.cpu_ms as f64;
        };
        let part = (at_us - before.at_us) as f64 / (after.at_us - before.at_us).max(1) as f64;
        before.cpu_ms as f64 + part * (after.cpu_ms as f64 - before.cpu_ms as f64)
    }
}

/// The curves. Memory grows with the length of the run, and only for what is asked about.
#[derive(Clone, Debug, Default)]
pub(crate) struct UsageCurves {
    asked: BTreeMap<String, Curve>,
    /// When the processes were looked at.
    pub(crate) looks_us: Vec<u64>,
}

impl UsageCurves {
    pub(crate) fn of(plan: &Plan) -> Self {
        let asked = plan.expectations.iter().filter_map(|expectation| match &expectation.check {
            Check::Usage(usage) => Some(&usage.processes),
            _ => None,
        });
        Self { asked: asked.flatten().map(|name| (name.clone(), Curve::default())).collect(), looks_us: Vec::new() }
    }

    pub(crate) fn apply(&mut self, at_us: u64, processes: &[ProcessUsage]) {
        if self.asked.is_empty() {
            return;
        }
        self.looks_us.push(at_us);
        for usage in processes {
            if let Some(curve) = self.asked.get_mut(&usage.name) {
                curve.push(at_us, usage);
            }
        }
    }

    /// What is known of a process that an expectation asks about.
    pub(crate) fn named(&self, name: &str) -> Option<&Curve> {
        self.asked.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(samples: &[(u64, u64)]) -> Curve {
        let mut curve = Curve::default();
        for (at_us, cpu_ms) in samples {
            let usage = ProcessUsage { name: String::new(), cpu_ms: *cpu_ms, rss_bytes: 1, rss_max_bytes: 1 };
            curve.push(*at_us, &usage);
        }
        curve
    }

    #[test]
    fn time_between_samples_counts_in_part() {
        let curve = curve(&[(0, 100), (1_000, 200), (2_000, 200)]);
        assert_eq!(curve.cpu_ms(500, 1_500), (50.0, 1_000));
        assert_eq!(curve.cpu_ms(0, 9_000), (100.0, 2_000), "what is not covered is not counted");
        assert_eq!(curve.cpu_ms(5_000, 9_000), (0.0, 0));
    }

    #[test]
    fn a_second_life_adds_to_the_first() {
        let curve = curve(&[(0, 100), (1_000, 300), (2_000, 50), (3_000, 60)]);
        assert_eq!(curve.cpu_ms(0, 3_000), (260.0, 3_000));
        assert_eq!(curve.restarts_us, [2_000]);
    }
}
