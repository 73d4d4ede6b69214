//! Histograms of one latency, one panel a group over one axis.

use super::SERIES_MAX;
use super::axis::{self, Plot};
use super::cdf::{CdfSeries, Domain};
use super::markup::{Anchor, Rect, Svg};
use super::scale::{CountScale, TimeScale, step_us};
use crate::text;

const WIDTH: f64 = 480.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 468.0;
/// Right of it stands the bar of the censored samples, where there are any.
const CENSORED: f64 = 30.0;
const GAP: f64 = 10.0;
/// Characters of a name that leave room for the figures beside it, also at the size of a phone.
const NAME: usize = 28;
/// The most bars of a panel, and the fewest that the axis is divided for.
const BINS_MAX: u64 = 36;
const BINS_MIN: u64 = 12;

/// One group: its samples and the two percentiles that are marked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistogramPanel<'a> {
    pub(crate) series: CdfSeries<'a>,
    pub(crate) p50_us: Option<u64>,
    pub(crate) p95_us: Option<u64>,
}

/// Panels of up to [`SERIES_MAX`] groups.
#[derive(Clone, Debug)]
pub(crate) struct HistogramChart<'a> {
    pub(crate) label: String,
    pub(crate) panels: &'a [HistogramPanel<'a>],
    pub(crate) scale: Domain,
}

/// A bar: from, to (exclusive), how many.
type Bin = (u64, u64, u64);

/// Equal widths of round size; on a logarithmic axis equal factors.
fn bins(measured_us: &[u64], scale: &TimeScale, domain: &Domain, parts: u64) -> Vec<Bin> {
    let mut edges = vec![0_u64];
    if scale.is_logarithmic() {
        let (from, to) = (domain.min_us.max(1) as f64, domain.max_us.max(2) as f64);
        edges = (0..=parts).map(|i| (from * (to / from).powf(i as f64 / parts as f64)) as u64).collect();
        edges.dedup();
        if let Some(last) = edges.last_mut() {
            *last = domain.max_us.saturating_add(1);
        }
    } else {
        let width = step_us(domain.max_us, parts);
        edges.extend((1..=domain.max_us / width + 1).map(|i| i * width));
    }
    let below = |edge: u64| measured_us.partition_point(|us| *us < edge) as u64;
    edges.windows(2).map(|edge| (edge[0], edge[1], below(edge[1]) - below(edge[0]))).collect()
}

impl HistogramChart<'_> {
    pub(crate) fn render(&self) -> String {
        let panels = &self.panels[..self.panels.len().min(SERIES_MAX)];
        // As high as the CDF beside it, where there is room for each.
        let height = (230.0 / panels.len().max(1) as f64).clamp(64.0, 230.0);
        let bottom = 22.0 + height * panels.len().max(1) as f64;
        // Few samples in many bars are a comb, not a shape.
        let most = panels.iter().map(|panel| panel.series.measured_us.len()).max().unwrap_or(0);
        let parts = ((most as f64).sqrt() as u64 * 3).clamp(BINS_MIN, BINS_MAX);
        let any_censored = panels.iter().any(|panel| panel.series.censored > 0);
        let right = if any_censored { RIGHT - CENSORED - 16.0 } else { RIGHT };
        let scale = self.scale.scale(LEFT, right);
        let mut svg = Svg::new("half histogram", WIDTH, bottom + 48.0, &self.label);

        let plot = Plot { left: LEFT, right, top: 22.0, bottom };
        axis::time(&mut svg, plot, &scale, 8, 18.0);
        for (index, panel) in panels.iter().enumerate() {
            let top = 22.0 + height * index as f64;
            // The gap keeps a name off the base line above it.
            let gap = if index > 0 { GAP } else { 0.0 };
            self.draw_panel(
                &mut svg,
                index,
                panel,
                &scale,
                parts,
                Plot { left: LEFT, right, top: top + gap, bottom: top + height },
            );
        }
        let axis_name = if scale.is_logarithmic() { "latency (logarithmic)" } else { "latency" };
        svg.text("axis-name", (right, bottom + 40.0), Anchor::End, axis_name);
        svg.text("axis-name", (LEFT, bottom + 40.0), Anchor::Start, "samples a bin");
        if any_censored {
            svg.text("tick", (RIGHT - CENSORED / 2.0, bottom + 18.0), Anchor::Middle, "never");
        }
        svg.finish()
    }

    fn draw_panel(
        &self,
        svg: &mut Svg,
        index: usize,
        panel: &HistogramPanel<'_>,
        scale: &TimeScale,
        parts: u64,
        plot: Plot,
    ) {
        let bins = bins(panel.series.measured_us, scale, &self.scale, parts);
        let censored = panel.series.censored;
        let peak = bins.iter().map(|bin| bin.2).chain([censored]).max().unwrap_or(0);
        let counts = CountScale::new(peak, plot.top + 20.0, plot.bottom);
        svg.line("axis", (plot.left, plot.bottom), (plot.right, plot.bottom));
        svg.text("tick", (plot.left - 8.0, counts.y(peak) + 4.0), Anchor::End, &text::count(peak));
        for (from, to, n) in bins.iter().filter(|bin| bin.2 > 0) {
            let (x, end) = (scale.x(*from), scale.x(*to));
            let y = counts.y(*n);
            let title = format!("{} to {}: {}", text::tick(*from), text::tick(*to), text::counted(*n, "sample"));
            svg.titled(&title, |svg| {
                let width = (end - x - 1.0).max(1.0);
                svg.rect(&format!("bar f{index}"), Rect { x, y, width, height: plot.bottom - y });
            });
        }
        if censored > 0 {
            let y = counts.y(censored);
            svg.titled(&format!("{}: {} censored", panel.series.name, text::count(censored)), |svg| {
                svg.rect("bar never", Rect { x: RIGHT - CENSORED, y, width: CENSORED, height: plot.bottom - y });
                svg.text("tick", (RIGHT - CENSORED / 2.0, y - 4.0), Anchor::Middle, &text::count(censored));
            });
        }
        for (name, us) in [("p50", panel.p50_us), ("p95", panel.p95_us)] {
            let Some(us) = us else { continue };
            let x = scale.x(us);
            svg.titled(&format!("{}: {name} {}", panel.series.name, text::duration(us)), |svg| {
                svg.line("quantile", (x, plot.top + 16.0), (x, plot.bottom));
            });
        }
        svg.text(
            "panel-name",
            (plot.left + 2.0, plot.top + 12.0),
            Anchor::Start,
            &text::one_line(panel.series.name, NAME),
        );
        let figures = match (panel.p50_us, panel.p95_us) {
            (Some(p50), Some(p95)) => format!("p50 {}, p95 {}", text::duration(p50), text::duration(p95)),
            (Some(p50), None) => format!("p50 {}", text::duration(p50)),
            _ => String::new(),
        };
        svg.text("panel-figures", (plot.right, plot.top + 12.0), Anchor::End, &figures);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn panel<'a>(measured_us: &'a [u64], censored: u64) -> HistogramPanel<'a> {
        HistogramPanel {
            series: CdfSeries { name: "a", measured_us, censored },
            p50_us: measured_us.first().copied(),
            p95_us: None,
        }
    }

    fn domain(measured_us: &[u64]) -> Domain {
        Domain::of(&[CdfSeries { name: "a", measured_us, censored: 0 }], &[])
    }

    #[test]
    fn nothing_measured_is_still_a_picture() {
        for panels in [vec![], vec![panel(&[], 0)], vec![panel(&[], 4)], vec![panel(&[0], 0)]] {
            let svg = HistogramChart { label: "h".to_owned(), panels: &panels, scale: Domain::default() }.render();
            assert!(svg.ends_with("</svg>") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    proptest! {
        #[test]
        fn every_sample_is_in_one_bin(mut measured_us in proptest::collection::vec(0_u64..1 << 40, 1..200)) {
            measured_us.sort_unstable();
            let domain = domain(&measured_us);
            let bins = bins(&measured_us, &domain.scale(LEFT, RIGHT), &domain, BINS_MAX);
            prop_assert_eq!(bins.iter().map(|bin| bin.2).sum::<u64>(), measured_us.len() as u64);
            prop_assert!(bins.len() as u64 <= BINS_MAX + 1);
        }
    }
}
