//! What is known before a build starts: how long it takes and whether the disks have room.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cache::{CacheFolder, folder_bytes, free_bytes, human};
use super::error::{BuildError, io_error};
use harness_catalogue::Module;

/// The machine on which the catalogue's times were measured.
const CATALOGUE_CORES: f64 = 2.0;

/// Share of the catalogue's time that no number of cores shortens: linking and the longest packages.
const SERIAL_SHARE: f64 = 0.2;

/// Linker output and object files in flight, bytes.
const SCRATCH_BYTES: u64 = 1_500_000_000;

/// Room on one file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskNeed {
    /// What for, as part of a sentence.
    pub what: String,
    /// The folder.
    pub folder: PathBuf,
    /// Bytes that a build will write there at most.
    pub need_bytes: u64,
    /// Bytes that are free.
    pub free_bytes: u64,
    /// Environment variable that moves the folder.
    pub variable: &'static str,
}

impl DiskNeed {
    /// # Errors
    /// [`BuildError::NoSpace`] when the room does not suffice.
    pub fn check(&self) -> Result<(), BuildError> {
        if self.free_bytes >= self.need_bytes {
            return Ok(());
        }
        Err(BuildError::NoSpace {
            what: self.what.clone(),
            folder: self.folder.clone(),
            need: human(self.need_bytes),
            free: human(self.free_bytes),
            variable: self.variable,
        })
    }
}

/// Expected time of building `modules` here.
#[must_use]
pub fn expected_build(modules: &[&Module]) -> Duration {
    modules.iter().map(|m| expected_on_this_machine(m)).sum()
}

/// Expected time of one module, seconds scaled from the catalogue's 2 cores to this machine's.
pub(super) fn expected_on_this_machine(module: &Module) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "a number of cores")]
    let cores = std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64);
    Duration::from_secs(module.expected_build_s).mul_f64(scale(cores))
}

fn scale(cores: f64) -> f64 {
    SERIAL_SHARE + (1.0 - SERIAL_SHARE) * CATALOGUE_CORES / cores
}

/// Room that a build of `modules` needs: for the harness's own folder and for Go's downloaded modules,
/// which are one entry when they share a file system.
///
/// What an earlier build has stored (its build cache, modules already downloaded) is not counted again.
///
/// # Errors
/// [`BuildError::Io`] when a file system does not report its free space.
pub fn disk_needs(cache: &CacheFolder, module_cache: &Path, modules: &[&Module]) -> Result<Vec<DiskNeed>, BuildError> {
    if modules.is_empty() {
        return Ok(Vec::new());
    }
    let build: u64 = modules.iter().map(|m| m.build_cache_bytes).sum();
    let binaries: u64 = modules.iter().map(|m| m.binary_bytes()).sum();
    let own = binaries + SCRATCH_BYTES + build.saturating_sub(folder_bytes(&cache.build_cache()));
    let downloads: u64 =
        modules.iter().filter(|module| !downloaded(module_cache, module)).map(|module| module.download_bytes).sum();
    let need = |what: &str, folder: &Path, bytes, variable| -> Result<DiskNeed, BuildError> {
        Ok(DiskNeed {
            what: what.to_owned(),
            folder: folder.to_owned(),
            need_bytes: bytes,
            free_bytes: free_bytes(folder).map_err(io_error("ask for the free space of", folder))?,
            variable,
        })
    };
    let root = cache.root();
    if device(root) == device(module_cache) {
        let what = "building the components";
        return Ok(vec![need(what, root, own + downloads, "HARNESS_CACHE_DIR")?]);
    }
    Ok(vec![
        need("building the components", root, own, "HARNESS_CACHE_DIR")?,
        need("downloaded Go modules", module_cache, downloads, "GOMODCACHE")?,
    ])
}

/// Whether Go has this module already; then it was built here before, or most of what it needs is there.
pub(super) fn downloaded(module_cache: &Path, module: &Module) -> bool {
    module_cache.join(format!("{}@{}", escaped(module.path), module.version())).is_dir()
}

/// Go's form of a module path for file systems that do not distinguish upper from lower case
/// (`golang.org/x/mod/module.EscapePath`).
fn escaped(path: &str) -> String {
    path.chars().fold(String::new(), |mut text, c| {
        if c.is_ascii_uppercase() {
            text.push('!');
        }
        text.push(c.to_ascii_lowercase());
        text
    })
}

fn device(path: &Path) -> Option<u64> {
    let existing = path.ancestors().find(|p| p.exists())?;
    existing.metadata().ok().map(|meta| meta.dev())
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_catalogue::MODULES;

    #[test]
    fn a_cold_build_needs_more_than_a_warm_one() {
        let dir = tempfile::tempdir().unwrap();
        let cache = CacheFolder::inside(dir.path());
        let module_cache = dir.path().join("mod");
        let modules: Vec<&Module> = MODULES.iter().collect();
        let cold = disk_needs(&cache, &module_cache, &modules).unwrap();
        assert_eq!(cold.len(), 1, "both folders are on one file system");
        let path = "github.com/!azure/karpenter-provider-azure@v1.14.0";
        std::fs::create_dir_all(module_cache.join(path)).unwrap();
        let warm = disk_needs(&cache, &module_cache, &modules).unwrap();
        let karpenter = modules.iter().find(|m| m.name == "karpenter").unwrap();
        assert_eq!(cold[0].need_bytes - warm[0].need_bytes, karpenter.download_bytes);
        assert!(disk_needs(&cache, &module_cache, &[]).unwrap().is_empty());
    }

    #[test]
    fn too_little_room_names_the_folder_and_the_variable() {
        let need = DiskNeed {
            what: "building the components".to_owned(),
            folder: PathBuf::from("/cache"),
            need_bytes: 16_000_000_000,
            free_bytes: 3_200_000_000,
            variable: "HARNESS_CACHE_DIR",
        };
        assert_eq!(
            need.check().unwrap_err().to_string(),
            "not enough disk space for building the components in /cache: 16.0 GB needed, 3.2 GB free; \
             free some space, or set HARNESS_CACHE_DIR to a folder on a larger disk"
        );
        let enough = DiskNeed { free_bytes: need.need_bytes, ..need };
        assert!(enough.check().is_ok());
    }

    #[test]
    fn more_cores_are_faster_but_not_without_end() {
        assert!((scale(2.0) - 1.0).abs() < 1e-9);
        assert!(scale(1.0) > 1.5);
        assert!(scale(64.0) > SERIAL_SHARE);
    }
}
