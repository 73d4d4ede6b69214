//! The result of a run: the one model that every report renders.

mod audit;
mod counts;
mod nodes;
mod run;
mod series;

pub use audit::{ComponentUsage, CrossCheck, Distribution, SelfAudit};
pub use counts::{AzureFailure, Counts, LeakedObject, ReasonCount};
pub use nodes::{Interval, NodeRow, VmRow};
pub use run::{ActionRow, Latency, PhaseRow, RunInfo, RunResult};
pub use series::{NodeStep, PodStep};
