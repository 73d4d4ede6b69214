//! What happened: the event log and everything that is computed from it.
//!
//! Pure: timelines, latencies, verdicts and comparisons are functions of a plan and a sequence of events, so that a
//! report can be made again from a run's folder, offline, also after a kill in mid-line.

pub mod compare;
mod cost;
pub mod event;
mod exit_code;
pub mod latency;
pub mod live;
pub mod log;
mod milliseconds;
mod names;
pub mod occurrence;
pub mod result;
mod samples;
mod steps;
pub mod summary;
pub mod text;
pub mod timeline;
pub mod verdict;

pub use cost::Cost;
pub use event::{Event, EventKind};
pub use exit_code::ExitCode;
pub use live::Live;
pub use names::owner;
pub use result::RunResult;
pub use summary::Summary;
pub use timeline::Timelines;
