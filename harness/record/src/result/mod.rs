//! The result of a run: the one model that every report renders.

mod audit;
mod build;
mod counts;
mod cross_check;
mod inventory;
mod ledger;
mod nodes;
mod rows;
mod run;
mod system;
mod tally;
mod warnings;

pub use crate::timeline::{NodeStep, PodStep};
pub(crate) use audit::rounded;
pub use audit::{ComponentUsage, Distribution, SelfAudit};
pub use counts::{AzureFailure, Counts, LeakedObject, ReasonCount};
pub use cross_check::CrossCheck;
pub use inventory::{Became, Difference};
pub use nodes::{Interval, NodeRow, VmRow};
pub use run::{ActionRow, Latency, PhaseRow, PublishedFigure, RunInfo, RunResult};
pub use system::SystemShare;
