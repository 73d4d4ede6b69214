//! All checks together.

use std::ffi::OsString;
use std::path::PathBuf;

use super::check::Diagnosis;
use super::{build_checks, machine, optional_tools, sandbox};
use crate::components::{BuildError, CacheFolder};

/// What to examine.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the components are or will be built.
    pub cache: CacheFolder,
    /// `PATH` on which programs are looked for.
    pub search_path: OsString,
    /// Binaries from elsewhere: then no toolchain is needed.
    pub bin_dir: Option<PathBuf>,
}

impl Options {
    /// The user's own cache folder and search path.
    ///
    /// # Errors
    /// [`BuildError::NoCacheFolder`].
    pub fn from_env() -> Result<Self, BuildError> {
        Ok(Self {
            cache: CacheFolder::from_env()?,
            search_path: std::env::var_os("PATH").unwrap_or_default(),
            bin_dir: None,
        })
    }
}

/// Looks at everything, changes nothing (but makes the cache folder), and takes a second or two.
pub async fn examine(options: &Options) -> Diagnosis {
    let mut checks = build_checks::all(options).await;
    checks.extend(machine::all());
    checks.push(sandbox::private_mounts(&options.search_path).await);
    checks.extend(optional_tools::all(&options.search_path));
    Diagnosis { checks }
}
