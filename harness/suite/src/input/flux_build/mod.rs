//! What Flux builds of a tree, by Flux's own code: the program `flux-build` and its clients.
//!
//! It is here because it is input: of a folder on the disk it makes the objects that are checked. `tree` does no IO, `components` knows where the
//! program is and not what it is asked, and `local` starts the components of a cluster, of which it is none.

mod client;
mod error;
mod pool;
mod program;

pub use client::FluxBuilder;
pub use error::{FluxBuildError, FluxBuildUnavailable};
pub use pool::FluxBuildPool;
pub use program::{FluxBuildProgram, FluxBuildSource};
