//! Finding `flux-build`, and building it at first use.

use std::path::{Path, PathBuf};

use harness_components::{self as components, BuildOptions, BuildScope, Missing, Tools};

use super::client::{FluxBuilder, Setup, Stop};
use super::error::FluxBuildUnavailable;
use super::pool::FluxBuildPool;
use crate::input::repository::TreeRepository;
use crate::local_cluster::build_components;
use crate::progress::{ProgressListener, Update};

/// Where `flux-build` may come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FluxBuildSource {
    /// A folder with the components' executables, which is used instead of what was built.
    pub bin_dir: Option<PathBuf>,
    /// Whether it is built where that has not been done.
    pub may_build: bool,
}

/// An executable `flux-build`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FluxBuildProgram {
    path: PathBuf,
}

impl FluxBuildProgram {
    /// Finds the program: in `bin_dir` when it is given, else where it was built.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn locate(bin_dir: Option<&Path>) -> Result<Self, Missing> {
        Ok(Self { path: components::locate_flux_build(bin_dir)? })
    }

    /// Finds the program, and builds it if that has not been done and may be.
    ///
    /// # Errors
    /// [`FluxBuildUnavailable`], which is one line: a tree is checked without it then.
    pub async fn find(source: &FluxBuildSource, progress: &dyn ProgressListener) -> Result<Self, FluxBuildUnavailable> {
        let missing = match Self::locate(source.bin_dir.as_deref()) {
            Ok(program) => return Ok(program),
            Err(missing) => missing,
        };
        if source.bin_dir.is_some() {
            return Err(FluxBuildUnavailable::Missing(missing));
        }
        if !source.may_build {
            return Err(FluxBuildUnavailable::NotBuilt);
        }
        let options = BuildOptions::from_env().map_err(FluxBuildUnavailable::Build)?;
        let options = BuildOptions { scope: BuildScope::FluxBuild, ..options };
        // A build that cannot start is not announced.
        Tools::find(&options.search_path).await.map_err(FluxBuildUnavailable::Build)?;
        progress.update(Update::FluxBuildMissing);
        build_components(&options, progress).await.map_err(FluxBuildUnavailable::Build)?;
        Self::locate(None).map_err(FluxBuildUnavailable::Missing)
    }

    /// Returns a client for the files of a repository, as they are on the disk when the process starts, which it does with its first build.
    #[must_use]
    pub fn for_tree(&self, repository: &TreeRepository) -> FluxBuilder {
        FluxBuilder::new(Setup::new(&self.path, Some(repository)), Stop::default())
    }

    /// Returns the same for many builds, of which some run at the same time. `printed` asks for the text of each object too.
    #[must_use]
    pub fn pool(&self, repository: &TreeRepository, printed: bool) -> FluxBuildPool {
        FluxBuildPool::new(Setup::new(&self.path, Some(repository)).printing(printed))
    }

    /// Returns a client for trees that are in the requests, whose answers have the text of each object too.
    #[must_use]
    pub fn for_files(&self) -> FluxBuilder {
        FluxBuilder::new(Setup::new(&self.path, None).printing(true), Stop::default())
    }
}
