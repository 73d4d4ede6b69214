//! Charts as inline SVG: no script, no network, colours by class so that the page's style decides light and dark.

mod area;
mod axis;
mod cdf;
mod downsample;
mod gantt;
mod histogram;
mod markup;
mod scale;

pub(crate) use area::{AreaChart, Layer, Span, TimeMark};
pub(crate) use cdf::{CdfChart, CdfSeries, Domain, LimitMark};
pub(crate) use gantt::{GanttBar, GanttChart, GanttRow};
pub(crate) use histogram::{HistogramChart, HistogramPanel};

/// Series that colour and dash can distinguish; more are not drawn, which the caption says.
pub(crate) const SERIES_MAX: usize = 8;
