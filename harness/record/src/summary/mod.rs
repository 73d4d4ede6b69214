//! `summary.json`: the result for machines. Keys and units are described in `reports/README.md`.

mod convert;
mod figures;
mod hlog;
mod wire;

pub use figures::{Figure, millis};
pub use hlog::{HlogError, HlogRow, read_hlog, write_hlog};
pub use wire::{
    ActionFailure, AzureFailureSummary, CostSummary, CrossCheckSummary, ExpectationSummary, LatencySummary,
    PhaseSummary, PublishedSummary, RunSummary, SUMMARY_VERSION, SelfSummary, Summary, SummaryError, UsageSummary,
};
