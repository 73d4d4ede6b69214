//! The executables of the components: how they are built, where the built ones are, what a machine needs for them, and control of those that run.
//!
//! [`build()`] compiles what is missing into the user's cache folder, [`locate()`] finds the result or
//! checks a folder of binaries from elsewhere, [`list()`] says what there is.
//!
//! # What it costs on disk
//!
//! | what | where | size | when it goes |
//! |---|---|---|---|
//! | binaries and CRDs | `<cache>/harness/components/` | about 0.9 GB | another version of the harness replaces them |
//! | Go build cache | the same folder, `gocache/` | about 7 GB | after a successful build, unless asked to stay |
//! | Go module cache | where Go keeps it (`go env GOMODCACHE`) | grows by about 6 GB | never by itself: it is the user's; `go clean -modcache` empties it |
//!
//! With [`BuildOptions::private_module_cache`] the downloaded modules go into the harness's own folder
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

pub use build::{BuildOptions, BuildReport, ModuleReport, build};
pub use cache::{CacheFolder, built_versions, free_bytes, human};
pub use error::{BuildError, Missing};
pub use key::{module_key, set_key};
pub use list::{Listed, list};
pub use locate::{BinDir, in_cache, locate};
use memory::{available_memory, read_number};
pub use module_build::missing_modules;
pub use preflight::{DiskNeed, disk_needs, expected_build};
pub use progress::{Progress, Step};
pub use toolchain::{GoVersion, Tools, find_program, required_go};
