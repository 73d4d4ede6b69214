//! What happened, against what a scenario asks about: the same count for the run that waits for something and for the verdict
//! about it afterwards.

mod counter;
mod occurrence;
mod zone;

pub use counter::Counter;
pub use occurrence::Occurrence;
