//! Axes and their grid. Classes `axis`, `grid`, `tick` are styled by the page; `alt` labels are left out on a phone.

use super::markup::{Anchor, Svg};
use super::scale::{CountScale, TimeScale};
use crate::text;

/// Where a chart draws inside its picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plot {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

/// Vertical grid lines, the base line and the labels below.
pub(crate) fn time(svg: &mut Svg, plot: Plot, scale: &TimeScale, parts: u64, label_dy: f64) {
    for (index, us) in scale.ticks_us(parts).into_iter().enumerate() {
        let x = scale.x(us);
        svg.line("grid", (x, plot.top), (x, plot.bottom));
        let class = if index % 2 == 1 { "tick alt" } else { "tick" };
        let anchor = if x > plot.right - 12.0 { Anchor::End } else { Anchor::Middle };
        svg.text(class, (x, plot.bottom + label_dy), anchor, &text::tick(us));
    }
    svg.line("axis", (plot.left, plot.bottom), (plot.right, plot.bottom));
}

/// Horizontal grid lines and the labels at the left.
pub(crate) fn counts(svg: &mut Svg, plot: Plot, scale: &CountScale, parts: u64) {
    for value in scale.ticks(parts) {
        let y = scale.y(value);
        svg.line("grid", (plot.left, y), (plot.right, y));
        svg.text("tick", (plot.left - 8.0, y + 4.0), Anchor::End, &text::count(value));
    }
}
