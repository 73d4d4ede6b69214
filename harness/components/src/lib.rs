//! The executables of the components: how they are built, where they are found, what a machine needs for them, and the interface to running ones.
//!
//! [`build()`] compiles the missing modules of the catalogue into the user's cache folder: `toolchain` finds Go, `preflight` checks disk and
//! memory, `lock` admits one build at a time, `module_build` compiles each module, and `cache` puts the binaries of all modules into a *set*,
//! a folder named by the key of its content (`key`). `flux-build`, which no cluster needs, is in no set. [`locate()`] finds the set of this version, or checks a folder of binaries from
//! elsewhere; [`list()`] lists the modules and whether they are built; [`doctor`] checks the machine. [`control`] is what every target with
//! components offers to a run: status, usage, kill, restart.
//!
//! # What it costs on disk
//!
//! | what | where | size | when it is deleted |
//! |---|---|---|---|
//! | binaries and CRDs | `<cache>/harness/components/` | about 0.9 GB | another version of the harness replaces them |
//! | Go build cache | the same folder, `gocache/` | about 7 GB | after a successful build, unless asked to stay |
//! | Go module cache | where Go keeps it (`go env GOMODCACHE`) | grows by about 6 GB | never by itself: it is the user's; `go clean -modcache` empties it |
//!
//! With [`BuildOptions::private_module_cache`] the downloaded modules are stored in the harness's own folder
//! instead, and are removed with the build cache.

mod build;
mod cache;
pub mod control;
pub mod doctor;
mod error;
mod go_command;
mod key;
mod list;
mod locate;
mod lock;
mod memory;
mod module_build;
mod preflight;
mod progress;
mod toolchain;

pub use build::{BuildOptions, BuildReport, BuildScope, ModuleReport, build};
pub use cache::{CacheFolder, built_versions, free_bytes, human};
pub use error::{BuildError, Missing};
pub use key::{module_key, set_key};
pub use list::{Listed, list};
pub use locate::{BinDir, flux_build_in_cache, in_cache, locate, locate_flux_build};
pub use memory::available_memory;
use memory::read_number;
pub use module_build::missing_modules;
pub use preflight::{DiskNeed, disk_needs, expected_build};
pub use progress::{Progress, Step};
pub use toolchain::{GoVersion, Tools, find_program, required_go};
