//! The catalogue of components: the upstream processes of a local cluster, and the modules that they are built from. Beside them, the one program
//! that no cluster needs: `flux-build`.
//!
//! This is the only list. Ports, readiness probes, the order of the stop, kubeconfigs, versions, what is built and what a scenario may kill
//! are read from it; `harness-local` adds each component's command line in one exhaustive `match`.

mod component;
mod modules;

pub use component::{Component, Port, Ready, Scheme, Stage, Starts};
pub use modules::{Binary, CrdFile, FLUX_BUILD, GoSource, MODULES, Module, Stamp, all_modules, module_of};
