//! Text for the terminal: the end of a run, a comparison, and the view while a run goes on.
//!
//! Nothing here looks at the environment: the caller says how wide a line may be (in characters) and whether there is colour.

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
