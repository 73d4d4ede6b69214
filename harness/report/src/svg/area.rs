//! Stacked areas of counts over time, with the run's phases behind them.

use std::fmt::Write;

use super::axis::{self, Plot};
use super::downsample;
use super::markup::{Anchor, N, Rect, Svg};
use super::scale::{CountScale, TimeScale};

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 270.0;
const PLOT: Plot = Plot { left: 62.0, right: 992.0, top: 30.0, bottom: 232.0 };
/// Columns that can be distinguished: about two units of width each.
const BUCKETS: u64 = 460;

/// One layer, from the bottom up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    pub(crate) class: &'static str,
}

/// A phase.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
    /// Whether it ended without its condition.
    pub(crate) missed: bool,
    pub(crate) title: String,
}

/// Something that was done at a moment.
#[derive(Clone, Debug)]
pub(crate) struct TimeMark {
    pub(crate) at_us: u64,
    pub(crate) title: String,
}

/// Counts of `L` layers over time; each step holds until the next one's time.
#[derive(Clone, Debug)]
pub(crate) struct AreaChart<'a, const L: usize> {
    pub(crate) label: String,
    pub(crate) layers: [Layer; L],
    pub(crate) steps: Vec<(u64, [u32; L])>,
    pub(crate) end_us: u64,
    pub(crate) phases: &'a [Span],
    pub(crate) marks: &'a [TimeMark],
}

impl<const L: usize> AreaChart<'_, L> {
    pub(crate) fn render(&self) -> String {
        let total = |step: &(u64, [u32; L])| step.1.iter().map(|n| u64::from(*n)).sum::<u64>();
        let peak = self.steps.iter().map(total).max().unwrap_or(0);
        let time = TimeScale::linear(self.end_us, PLOT.left, PLOT.right);
        let counts = CountScale::new(peak, PLOT.top + 6.0, PLOT.bottom);
        let mut svg = Svg::new("wide area", WIDTH, HEIGHT, &self.label);

        self.draw_phases(&mut svg, &time);
        axis::counts(&mut svg, PLOT, &counts, 4);
        axis::time(&mut svg, PLOT, &time, 10, 24.0);
        let steps = downsample::steps(&self.steps, self.end_us, BUCKETS, |step| step.0, total);
        // From the back: each layer is drawn with all below it, and those then over it.
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let height = |step: &(u64, [u32; L])| step.1[..=index].iter().map(|n| u64::from(*n)).sum::<u64>();
            let d = outline(&steps, self.end_us, &time, &counts, height);
            svg.titled(layer.name, |svg| svg.path(layer.class, &d));
        }
        self.draw_marks(&mut svg, &time);
        svg.line("axis", (PLOT.left, PLOT.bottom), (PLOT.right, PLOT.bottom));
        svg.finish()
    }

    fn draw_phases(&self, svg: &mut Svg, time: &TimeScale) {
        for (index, phase) in self.phases.iter().enumerate() {
            let (from, to) = (time.x(phase.from_us), time.x(phase.to_us));
            let band = match (phase.missed, index % 2) {
                (true, _) => "band missed",
                (false, 0) => "band even",
                (false, _) => "band odd",
            };
            svg.titled(&phase.title, |svg| {
                svg.rect(band, Rect { x: from, y: 8.0, width: to - from, height: PLOT.bottom - 8.0 });
                svg.line("phase", (from, 8.0), (from, PLOT.bottom));
                // Widths of a label at the desktop's and at the phone's size of letters.
                let letters = phase.name.chars().count() as f64;
                let class = match to - from {
                    room if room > letters * 17.5 + 12.0 => "phase-name",
                    room if room > letters * 7.5 + 8.0 => "phase-name wide-only",
                    _ => return,
                };
                svg.text(class, (from + 5.0, 22.0), Anchor::Start, &phase.name);
            });
        }
    }

    fn draw_marks(&self, svg: &mut Svg, time: &TimeScale) {
        for mark in self.marks {
            let x = time.x(mark.at_us);
            svg.titled(&mark.title, |svg| {
                svg.line("mark", (x, PLOT.top), (x, PLOT.bottom));
                let d = format!("M{} {}l-6 -10h12z", N(x), N(PLOT.top + 10.0));
                svg.path("mark-head", &d);
            });
        }
    }
}

/// The closed outline of a step function down to the base line.
fn outline<T>(
    steps: &[(u64, T)],
    end_us: u64,
    time: &TimeScale,
    counts: &CountScale,
    height: impl Fn(&(u64, T)) -> u64,
) -> String {
    let base = counts.y(0);
    let Some(first) = steps.first() else { return String::new() };
    let mut d = format!("M{} {}", N(time.x(first.0)), N(base));
    let mut last_y = base;
    for step in steps {
        let y = counts.y(height(step));
        if y != last_y {
            let _ = write!(d, "H{}V{}", N(time.x(step.0)), N(y));
            last_y = y;
        }
    }
    let _ = write!(d, "H{}V{}z", N(time.x(end_us)), N(base));
    d
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYERS: [Layer; 2] =
        [Layer { name: "ready", class: "c-ready" }, Layer { name: "pending", class: "c-pending" }];

    fn chart(steps: Vec<(u64, [u32; 2])>, end_us: u64) -> String {
        AreaChart { label: "pods".to_owned(), layers: LAYERS, steps, end_us, phases: &[], marks: &[] }.render()
    }

    #[test]
    fn nothing_to_draw_is_still_a_picture() {
        for svg in [chart(Vec::new(), 0), chart(vec![(0, [0, 0])], 0)] {
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn the_top_layer_reaches_the_peak() {
        let svg = chart(vec![(0, [0, 4]), (500, [4, 0]), (900, [0, 0])], 1000);
        // 4 of 4 is the top of the plot, for the whole stack and later for the lower layer alone.
        assert!(svg.contains(r#"<path class="c-pending" d="M62 232H62V36H899V232H992V232z"/>"#), "{svg}");
        assert!(svg.contains(r#"<path class="c-ready" d="M62 232H527V36H899V232H992V232z"/>"#), "{svg}");
    }

    #[test]
    fn a_million_steps_make_a_small_picture() {
        let steps = (0..1_000_000_u64).map(|i| (i, [(i % 97) as u32, (i % 13) as u32])).collect();
        assert!(chart(steps, 1_000_000).len() < 100_000);
    }
}
