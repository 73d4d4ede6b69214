//! `summary.json`: the result for machines. Keys and units are described in `reports/README.md`.

mod hlog;
mod wire;

pub use hlog::{HlogError, HlogRow, read_hlog, write_hlog};
pub use wire::{
    ActionFailure, CostSummary, CrossCheckSummary, LatencySummary, SUMMARY_VERSION, SelfSummary, Summary, SummaryError,
};
