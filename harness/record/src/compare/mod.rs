//! Comparison of two runs.

mod rank;
mod side;
mod verdict;

pub use rank::{RankTest, rank_test};
pub use side::{Side, SideLatency};
pub use verdict::{Change, ComparedLatency, Comparison, Thresholds, compare};
