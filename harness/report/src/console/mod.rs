//! Text for the terminal: the end of a run, a comparison, and the view of a run in progress.
//!
//! Nothing here looks at the environment: the caller gives the width of a line in characters, and whether there is colour.

pub(crate) mod compared;
mod live;
mod paint;
mod several;
mod summary;
mod table;

pub use compared::{comparison, comparisons};
pub use live::{live_lines, progress_line};
pub use several::{ended, several};
pub use summary::summary;
