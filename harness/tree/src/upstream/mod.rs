//! What Flux's own code builds, and the places that our engine knows of it.
//!
//! Upstream decides what is built. Our engine builds the same to tell where each value is from, and stands in where upstream's program is not
//! there; where the two differ, upstream's value is taken and a note says both.

mod place;
mod protocol;
mod reconcile;

pub use protocol::{
    BuildMode, BuildNote, BuildNoteKind, BuildOutcome, BuildRefusal, BuildStage, BuiltObject, FluxBuildAnswer,
    FluxBuildRequest, ObjectOrigin, RemoteSource, RequestFile,
};
pub(crate) use reconcile::{lacks_some, reconciled};

/// Builds folders of a repository with Flux's own code.
pub trait Upstream {
    /// Says that a build will most likely be asked for, so that it may begin.
    fn begin(&mut self, _request: &FluxBuildRequest) {}

    /// Builds a folder; `None` where nothing is known of it, such as when the program has ended.
    fn build(&mut self, request: &FluxBuildRequest) -> Option<FluxBuildAnswer>;
}
