//! Finding built components, in the cache or in a folder from elsewhere.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cache::{CacheFolder, intact};
use super::error::Missing;
use super::key::set_key;
use super::module_build::{finished, missing_modules};
use super::preflight::expected_build;
use super::toolchain::is_executable;
use harness_catalogue::{Component, FLUX_BUILD, MODULES};

/// Locked (shared) by every process that runs binaries of a set, so that a later build does not remove it.
pub(super) const IN_USE: &str = ".in-use";

/// A complete set of binaries and CRDs.
///
/// Holding it (or a clone) keeps the set in the cache: a component that is started again finds its binary.
#[derive(Debug, Clone)]
pub struct BinDir {
    binaries: PathBuf,
    crds: Vec<PathBuf>,
    /// `None` for a folder from elsewhere: it is never removed.
    _in_use: Option<Arc<File>>,
}

impl BinDir {
    /// The executable of `component`.
    #[must_use]
    pub fn path(&self, component: Component) -> PathBuf {
        self.binaries.join(component.binary())
    }

    /// The CRD files (YAML, one CRD each), in the order of the catalogue: Flux, then Karpenter.
    #[must_use]
    pub fn crds(&self) -> &[PathBuf] {
        &self.crds
    }

    /// The folder that holds the binaries.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.binaries
    }
}

/// Finds the components: in `bin_dir` when it is given, else in the user's cache folder.
///
/// A folder from elsewhere holds the executables, directly or in `bin/`, and the CRD files
/// in `crds/`, as a set in the cache does. See [`Component::binary`] and [`harness_catalogue::Module::crds`] for the names.
///
/// # Errors
/// [`Missing`] names everything that is missing at once.
pub fn locate(bin_dir: Option<&Path>) -> Result<BinDir, Missing> {
    match bin_dir {
        Some(folder) => from_elsewhere(folder),
        None => in_cache(&CacheFolder::from_env()?),
    }
}

/// Finds the components in the cache folder `cache`.
///
/// # Errors
/// [`Missing::NotBuilt`].
pub fn in_cache(cache: &CacheFolder) -> Result<BinDir, Missing> {
    let set = cache.set(&set_key());
    // The lock first: from here on no build of another version removes the set.
    let in_use = File::open(set.join(IN_USE)).ok().filter(|file| file.try_lock_shared().is_ok());
    match in_use {
        Some(file) if set_is_complete(cache) => {
            Ok(BinDir { binaries: set.join("bin"), crds: crd_paths(&set.join("crds")), _in_use: Some(Arc::new(file)) })
        }
        _ => Err(not_built(cache)),
    }
}

/// Finds `flux-build`: in `bin_dir` when it is given, else in the user's cache folder.
///
/// # Errors
/// [`Missing`].
pub fn locate_flux_build(bin_dir: Option<&Path>) -> Result<PathBuf, Missing> {
    let Some(folder) = bin_dir else { return flux_build_in_cache(&CacheFolder::from_env()?) };
    let (_, binaries) = binaries_of(folder);
    let path = binaries.join(FLUX_BUILD.name);
    match is_executable(&path) {
        true => Ok(path),
        false => {
            let missing = format!("{} is not an executable file", path.display());
            Err(Missing::Incomplete { folder: folder.to_owned(), missing })
        }
    }
}

/// Finds `flux-build` in the cache folder `cache`.
///
/// # Errors
/// [`Missing::NotBuilt`].
pub fn flux_build_in_cache(cache: &CacheFolder) -> Result<PathBuf, Missing> {
    match finished(cache, &FLUX_BUILD) {
        Some(_) => Ok(cache.module(&FLUX_BUILD).join("bin").join(FLUX_BUILD.name)),
        None => Err(Missing::NotBuilt {
            components: FLUX_BUILD.name.to_owned(),
            minutes: expected_build(&[&FLUX_BUILD]).as_secs().div_ceil(60),
        }),
    }
}

fn not_built(cache: &CacheFolder) -> Missing {
    let missing = missing_modules(cache);
    let names: Vec<&str> = missing.iter().flat_map(|module| module.binaries).map(|binary| binary.name).collect();
    Missing::NotBuilt {
        components: if names.is_empty() {
            "all modules are, the set is not put together".to_owned()
        } else {
            names.join(", ")
        },
        minutes: expected_build(&missing).as_secs().div_ceil(60),
    }
}

/// A folder from elsewhere, and that of its executables.
fn binaries_of(folder: &Path) -> (PathBuf, PathBuf) {
    // Components run with other working folders.
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let nested = folder.join("bin");
    let binaries = if nested.is_dir() { nested } else { folder.clone() };
    (folder, binaries)
}

fn from_elsewhere(folder: &Path) -> Result<BinDir, Missing> {
    let (folder, binaries) = binaries_of(folder);
    let mut missing: Vec<String> = MODULES
        .iter()
        .flat_map(|module| module.binaries)
        .filter_map(|binary| {
            let path = binaries.join(binary.name);
            match (path.exists(), is_executable(&path)) {
                (false, _) => Some(format!("no binary {}", binary.name)),
                (true, false) => Some(format!("{} is not an executable file", binary.name)),
                (true, true) => None,
            }
        })
        .collect();
    let crds = crd_paths(&folder.join("crds"));
    missing.extend(
        crds.iter()
            .filter(|path| !path.is_file())
            .filter_map(|path| path.file_name())
            .map(|name| format!("no CRD file crds/{}", name.to_string_lossy())),
    );
    if !missing.is_empty() {
        return Err(Missing::Incomplete { folder, missing: missing.join("; ") });
    }
    Ok(BinDir { binaries, crds, _in_use: None })
}

fn crd_paths(folder: &Path) -> Vec<PathBuf> {
    let crds = MODULES.iter().flat_map(|module| module.crds);
    crds.map(|crd| folder.join(crd.file)).collect()
}

/// Whether the set of this version is there with every file that it needs, each in its size.
pub(super) fn set_is_complete(cache: &CacheFolder) -> bool {
    let set = cache.set(&set_key());
    set.join(IN_USE).is_file()
        && MODULES.iter().all(|module| {
            intact(&cache.module(module), module).is_some_and(|manifest| {
                manifest.binaries.iter().all(|file| file.is_in(&set.join("bin")))
                    && manifest.crds.iter().all(|file| file.is_in(&set.join("crds")))
            })
        })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn complete_folder(root: &Path) {
        for component in Component::ALL {
            let path = root.join(component.binary());
            std::fs::write(&path, "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::fs::create_dir(root.join("crds")).unwrap();
        for path in crd_paths(&root.join("crds")) {
            std::fs::write(path, "kind: CustomResourceDefinition\n").unwrap();
        }
    }

    #[test]
    fn a_folder_from_elsewhere_is_used_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        complete_folder(dir.path());
        let found = locate(Some(dir.path())).unwrap();
        assert_eq!(found.path(Component::Kwok), dir.path().join("kwok"));
        assert_eq!(found.crds().len(), 17);
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let dir = tempfile::tempdir().unwrap();
        complete_folder(dir.path());
        std::fs::remove_file(dir.path().join("etcd")).unwrap();
        let kwok = dir.path().join("kwok");
        std::fs::set_permissions(&kwok, std::fs::Permissions::from_mode(0o644)).unwrap();
        let crd = dir.path().join("crds/karpenter.sh_nodepools.yaml");
        std::fs::remove_file(crd).unwrap();
        let error = locate(Some(dir.path())).unwrap_err().to_string();
        for expected in [
            "--bin-dir",
            "no binary etcd",
            "kwok is not an executable file",
            "no CRD file crds/karpenter.sh_nodepools.yaml",
        ] {
            assert!(error.contains(expected), "{expected} not in {error}");
        }
    }

    #[test]
    fn an_empty_cache_says_how_to_fill_it() {
        let dir = tempfile::tempdir().unwrap();
        let error = in_cache(&CacheFolder::inside(dir.path())).unwrap_err().to_string();
        assert!(error.contains("harness components build"), "{error}");
        assert!(error.contains("etcd, kube-apiserver"), "{error}");
    }
}
