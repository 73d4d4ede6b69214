//! The timeline of each object as a row of coloured spans over one axis of time.

use super::axis::{self, Plot};
use super::markup::{Anchor, N, Rect, Svg};
use super::scale::TimeScale;

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 172.0;
const RIGHT: f64 = 992.0;
/// Up to this many rows are named at their left.
const NAMED_ROWS: usize = 40;

/// One span of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GanttBar {
    pub(crate) class: &'static str,
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GanttRow {
    pub(crate) name: String,
    /// The tooltip: everything that is known of it.
    pub(crate) title: String,
    pub(crate) bars: Vec<GanttBar>,
    /// Where it failed or was taken away.
    pub(crate) crosses_us: Vec<u64>,
}

/// Rows over one axis from 0 to `end_us`.
#[derive(Clone, Debug)]
pub(crate) struct GanttChart<'a> {
    pub(crate) label: String,
    pub(crate) rows: &'a [GanttRow],
    pub(crate) end_us: u64,
    /// Starts of phases, as lines behind the rows.
    pub(crate) lines_us: &'a [u64],
}

impl GanttChart<'_> {
    pub(crate) fn render(&self) -> String {
        let named = self.rows.len() <= NAMED_ROWS;
        let row_height = if named { 17.0 } else { 7.0 };
        let thickness = if named { 11.0 } else { 5.0 };
        let left = if named { LEFT } else { 24.0 };
        let bottom = 6.0 + row_height * self.rows.len() as f64;
        let plot = Plot { left, right: RIGHT, top: 4.0, bottom };
        let time = TimeScale::linear(self.end_us, left, RIGHT);
        let mut svg = Svg::new("wide gantt", WIDTH, bottom + 36.0, &self.label);
        axis::time(&mut svg, plot, &time, 10, 24.0);
        for us in self.lines_us {
            svg.line("phase", (time.x(*us), plot.top), (time.x(*us), bottom));
        }
        for (index, row) in self.rows.iter().enumerate() {
            let y = 4.0 + row_height * index as f64 + (row_height - thickness) / 2.0;
            svg.titled(&row.title, |svg| {
                if named {
                    svg.text("row-name", (left - 8.0, y + thickness - 1.0), Anchor::End, &row.name);
                }
                for bar in &row.bars {
                    let (x, end) = (time.x(bar.from_us), time.x(bar.to_us));
                    // A span shorter than the picture's resolution is still there.
                    svg.rect(bar.class, Rect { x, y, width: (end - x).max(0.6), height: thickness });
                }
                for us in &row.crosses_us {
                    let r = thickness / 2.0;
                    let (x, top) = (N(time.x(*us) - r), N(y));
                    svg.path("cross", &format!("M{x} {top}l{s} {s}m-{s} 0l{s} -{s}", s = N(thickness)));
                }
            });
        }
        svg.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_draw_is_still_a_picture() {
        let svg = GanttChart { label: "g".to_owned(), rows: &[], end_us: 0, lines_us: &[] }.render();
        assert!(svg.ends_with("</svg>") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn a_short_span_is_still_seen() {
        let row = GanttRow {
            name: "a".to_owned(),
            title: "a".to_owned(),
            bars: vec![GanttBar { class: "c-claimed", from_us: 10, to_us: 11 }],
            crosses_us: vec![500],
        };
        let svg = GanttChart { label: "g".to_owned(), rows: &[row], end_us: 1_000_000, lines_us: &[] }.render();
        assert!(svg.contains(r#"width="0.6""#) && svg.contains(r#"class="cross""#), "{svg}");
    }
}
