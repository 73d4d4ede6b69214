//! Cumulative distributions of a latency: the share of all samples up to each duration. Samples without an end keep a
//! curve below 100 %.

use std::fmt::Write;

use super::SERIES_MAX;
use super::axis::{self, Plot};
use super::downsample;
use super::markup::{Anchor, N, Svg};
use super::scale::TimeScale;
use crate::text;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 300.0;
const PLOT: Plot = Plot { left: 52.0, right: 468.0, top: 16.0, bottom: 252.0 };
/// Points of a curve that a screen can show, and slowest samples that are drawn one by one.
const POINTS: usize = 240;
const TAIL: usize = 20;

/// The samples of one group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CdfSeries<'a> {
    pub(crate) name: &'a str,
    /// Ascending, microseconds.
    pub(crate) measured_us: &'a [u64],
    pub(crate) censored: u64,
}

/// A limit that the scenario sets: this percentile, that duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LimitMark {
    pub(crate) percentile: u8,
    pub(crate) limit_us: u64,
}

/// Curves of up to [`SERIES_MAX`] groups over one axis.
#[derive(Clone, Debug)]
pub(crate) struct CdfChart<'a> {
    pub(crate) label: String,
    pub(crate) series: &'a [CdfSeries<'a>],
    pub(crate) limits: &'a [LimitMark],
    pub(crate) scale: Domain,
}

/// The span of the samples, shared by the CDF and the histogram beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Domain {
    pub(crate) min_us: u64,
    pub(crate) median_us: u64,
    pub(crate) max_us: u64,
}

impl Domain {
    /// Over all series. Limits within one and a half times the slowest sample are on the axis too.
    pub(crate) fn of(series: &[CdfSeries<'_>], limits: &[LimitMark]) -> Self {
        let min_us = series.iter().filter_map(|s| s.measured_us.first()).min().copied().unwrap_or(0);
        let max_us = series.iter().filter_map(|s| s.measured_us.last()).max().copied().unwrap_or(0);
        let median = |s: &CdfSeries<'_>| s.measured_us.get(s.measured_us.len() / 2).copied();
        let median_us = series.iter().filter_map(median).max().unwrap_or(0);
        let near = limits.iter().map(|l| l.limit_us).filter(|us| *us <= max_us.saturating_add(max_us / 2));
        let max_us = near.max().unwrap_or(0).max(max_us);
        Self { min_us, median_us, max_us: max_us.saturating_add(max_us / 40) }
    }

    pub(crate) fn scale(&self, left: f64, right: f64) -> TimeScale {
        TimeScale::for_latencies(self.min_us, self.median_us, self.max_us, left, right)
    }
}

fn y(share: f64) -> f64 {
    PLOT.bottom - share * (PLOT.bottom - PLOT.top)
}

impl CdfChart<'_> {
    pub(crate) fn render(&self) -> String {
        let scale = self.scale.scale(PLOT.left, PLOT.right);
        let mut svg = Svg::new("half cdf", WIDTH, HEIGHT, &self.label);
        for percent in [0_u32, 25, 50, 75, 90, 100] {
            let at = y(f64::from(percent) / 100.0);
            svg.line("grid", (PLOT.left, at), (PLOT.right, at));
            svg.text("tick", (PLOT.left - 8.0, at + 4.0), Anchor::End, &format!("{percent}%"));
        }
        axis::time(&mut svg, PLOT, &scale, 8, 18.0);
        let axis_name = if scale.is_logarithmic() { "latency (logarithmic)" } else { "latency" };
        svg.text("axis-name", (PLOT.right, HEIGHT - 8.0), Anchor::End, axis_name);
        svg.text("axis-name", (PLOT.left, HEIGHT - 8.0), Anchor::Start, "share of all samples");

        for (index, series) in self.series.iter().take(SERIES_MAX).enumerate() {
            draw_series(&mut svg, index, series, &scale);
        }
        for mark in self.limits.iter().filter(|mark| mark.limit_us <= scale.end_us()) {
            let at = (scale.x(mark.limit_us), y(f64::from(mark.percentile.min(100)) / 100.0));
            let name = if mark.percentile >= 100 { "max".to_owned() } else { format!("p{}", mark.percentile) };
            let limit = text::tick(mark.limit_us);
            svg.titled(&format!("limit: {name} at most {limit}"), |svg| {
                svg.line("limit", (at.0, at.1), (at.0, PLOT.bottom));
                svg.path("limit-head", &format!("M{} {}m-5 0l5 -5l5 5l-5 5z", N(at.0), N(at.1)));
                let (x, anchor) =
                    if at.0 > PLOT.right - 90.0 { (at.0 - 7.0, Anchor::End) } else { (at.0 + 7.0, Anchor::Start) };
                svg.text("limit-name", (x, PLOT.bottom - 8.0), anchor, &format!("{name} \u{2264} {limit}"));
            });
        }
        svg.finish()
    }

    /// Limits that are too far out to be on the axis.
    pub(crate) fn limits_beyond(&self) -> Vec<LimitMark> {
        self.limits.iter().filter(|mark| mark.limit_us > self.scale.max_us.max(1)).copied().collect()
    }
}

fn draw_series(svg: &mut Svg, index: usize, series: &CdfSeries<'_>, scale: &TimeScale) {
    let measured = series.measured_us.len();
    let all = measured as u64 + series.censored;
    let Some(first) = series.measured_us.first() else {
        if series.censored > 0 {
            let title = format!("{}: all of {} censored", series.name, text::counted(series.censored, "sample"));
            let class = format!("curve censored s{index}");
            svg.titled(&title, |svg| svg.line(&class, (PLOT.left, y(0.0)), (PLOT.right, y(0.0))));
        }
        return;
    };
    let share = |rank: usize| rank as f64 / all as f64;
    let mut d = format!("M{} {}", N(scale.x(*first)), N(y(0.0)));
    for at in downsample::ranks(measured, POINTS, TAIL) {
        let us = series.measured_us.get(at).copied().unwrap_or(*first);
        let _ = write!(d, "H{}V{}", N(scale.x(us)), N(y(share(at + 1))));
    }
    if series.censored == 0 {
        // No sample is censored: nothing is to the right of the slowest.
        let _ = write!(d, "H{}", N(PLOT.right));
    }
    let title = format!("{}: {}, {} censored", series.name, text::counted(all, "sample"), text::count(series.censored));
    svg.titled(&title, |svg| {
        svg.path(&format!("curve s{index}"), &d);
        if series.censored > 0 {
            let end = series.measured_us.last().copied().unwrap_or(*first);
            let level = y(share(measured));
            svg.line(&format!("curve censored s{index}"), (scale.x(end), level), (PLOT.right, level));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(series: &[CdfSeries<'_>], limits: &[LimitMark]) -> String {
        CdfChart { label: "cdf".to_owned(), series, limits, scale: Domain::of(series, limits) }.render()
    }

    #[test]
    fn nothing_measured_is_still_a_picture() {
        let nothing = CdfSeries { name: "a", measured_us: &[], censored: 3 };
        let zero = CdfSeries { name: "b", measured_us: &[0], censored: 0 };
        for svg in [chart(&[], &[]), chart(&[nothing], &[]), chart(&[nothing, zero], &[])] {
            assert!(svg.ends_with("</svg>") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
        assert!(chart(&[nothing], &[]).contains("curve censored"), "samples without an end are drawn at 0 %");
    }

    #[test]
    fn censored_samples_keep_the_curve_below_the_top() {
        let series = CdfSeries { name: "a", measured_us: &[1_000_000], censored: 1 };
        let svg = chart(&[series], &[]);
        // Half of two samples: the middle of the plot, and dashed from there.
        assert!(svg.contains("V134\""), "{svg}");
        assert!(svg.contains(r#"class="curve censored s0""#), "{svg}");
    }

    #[test]
    fn a_far_limit_does_not_squeeze_the_curve() {
        let series = [CdfSeries { name: "a", measured_us: &[1_000_000, 2_000_000], censored: 0 }];
        let far = [LimitMark { percentile: 99, limit_us: 60_000_000 }];
        let chart = CdfChart { label: String::new(), series: &series, limits: &far, scale: Domain::of(&series, &far) };
        assert!(!chart.render().contains("limit-head"));
        assert_eq!(chart.limits_beyond(), far);
    }

    #[test]
    fn a_million_samples_make_a_small_picture() {
        let measured_us: Vec<u64> = (0..1_000_000).collect();
        let series = CdfSeries { name: "a", measured_us: &measured_us, censored: 5 };
        assert!(chart(&[series], &[]).len() < 20_000);
    }
}
