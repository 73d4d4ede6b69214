//! What people read: one module a format, each a pure function from a plan and a result to text.
//!
//! [`write_all`] is the only place that touches the disk. Figures are rounded in one place ([`text`]), so that every format says
//! the same.

pub mod comparison;
pub mod console;
mod extra;
pub mod findings;
pub mod html;
pub mod index;
pub mod junit;
pub mod markdown;
mod outcome;
pub mod several;
mod svg;
pub mod text;
mod write;

pub use write::{ReportError, write_all};
