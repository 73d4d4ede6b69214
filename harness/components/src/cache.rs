//! The folder in which built components live, and how much room its disk has.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{BuildError, io_error};
use super::key::module_key;
use harness_catalogue::Module;

/// The folder of the components inside the user's cache folder.
///
/// ```text
/// <cache>/harness/components/
///   <set key>/{bin/*,crds/*.yaml,manifest.json}        complete sets: hard links to the modules below
///   modules/<name>-<key>/{bin/*,crds/*.yaml,manifest.json}
///   gocache/ gotmp/ work/ gomodcache/                  only while building, or after a failure
///   lock                                               who is building
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheFolder {
    root: PathBuf,
}

impl CacheFolder {
    /// The folder that the environment names: `HARNESS_CACHE_DIR` (relative to the working folder if it is
    /// relative), else `XDG_CACHE_HOME`, else `HOME/.cache`.
    ///
    /// # Errors
    /// [`BuildError::NoCacheFolder`] when none of them is an absolute path.
    pub fn from_env() -> Result<Self, BuildError> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    fn from_variables(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, BuildError> {
        // The XDG base directory specification says that relative paths are to be ignored.
        let absolute = |name: &str| get(name).map(PathBuf::from).filter(|p| p.is_absolute());
        get("HARNESS_CACHE_DIR")
            // Fails for an empty path only.
            .and_then(|own| std::path::absolute(own).ok())
            .or_else(|| absolute("XDG_CACHE_HOME"))
            .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
            .map(|cache| Self::inside(&cache))
            .ok_or(BuildError::NoCacheFolder)
    }

    /// The folder inside the cache folder `cache`.
    #[must_use]
    pub fn inside(cache: &Path) -> Self {
        Self { root: cache.join("harness/components") }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the complete set of `key`, whether it exists or not.
    #[must_use]
    pub fn set(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    pub(super) fn modules(&self) -> PathBuf {
        self.root.join("modules")
    }

    pub(super) fn module(&self, module: &Module) -> PathBuf {
        self.modules().join(format!("{}-{}", module.name, module_key(module)))
    }

    pub(super) fn build_cache(&self) -> PathBuf {
        self.root.join("gocache")
    }

    pub(super) fn private_module_cache(&self) -> PathBuf {
        self.root.join("gomodcache")
    }

    pub(super) fn scratch(&self) -> PathBuf {
        self.root.join("gotmp")
    }

    pub(super) fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Makes the folder and proves that files can be written there.
    ///
    /// # Errors
    /// [`BuildError::NotWritable`].
    pub fn check_writable(&self) -> Result<(), BuildError> {
        let probe = || -> io::Result<()> {
            std::fs::create_dir_all(&self.root)?;
            tempfile::tempfile_in(&self.root).map(drop)
        };
        probe().map_err(|source| BuildError::NotWritable { folder: self.root.clone(), source })
    }
}

/// Free bytes for an ordinary user on the file system of `path`, or of its nearest ancestor that exists.
///
/// # Errors
/// The result of `statvfs`.
#[allow(clippy::useless_conversion, reason = "narrower on 32-bit systems")]
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let existing = path.ancestors().find(|p| p.exists()).unwrap_or_else(|| Path::new("/"));
    let stat = nix::sys::statvfs::statvfs(existing)?;
    Ok(u64::from(stat.blocks_available()).saturating_mul(u64::from(stat.fragment_size())))
}

/// Sum of the sizes of the files under `folder`, bytes; what cannot be read counts as nothing.
pub(super) fn folder_bytes(folder: &Path) -> u64 {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_map(Result::ok)
        .filter_map(|entry| entry.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|meta| meta.len())
        .sum()
}

/// One file of a built module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BuiltFile {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl BuiltFile {
    /// Whether the file is in `folder`, in its size.
    pub(super) fn is_in(&self, folder: &Path) -> bool {
        folder.join(&self.name).metadata().is_ok_and(|meta| meta.len() == self.bytes)
    }
}

/// What was built, by what, when: `manifest.json` of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModuleManifest {
    pub(super) module: String,
    pub(super) version: String,
    pub(super) key: String,
    pub(super) go_version: String,
    pub(super) goos: String,
    pub(super) goarch: String,
    pub(super) flags: Vec<String>,
    pub(super) built_at: String,
    pub(super) build_ms: u64,
    pub(super) binaries: Vec<BuiltFile>,
    pub(super) crds: Vec<BuiltFile>,
}

/// `manifest.json` of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SetManifest {
    pub(super) version: u32,
    pub(super) key: String,
    pub(super) modules: Vec<ModuleManifest>,
}

/// The manifest of `module` in `folder`, when every file that it names is there with its size.
pub(super) fn intact(folder: &Path, module: &Module) -> Option<ModuleManifest> {
    let text = std::fs::read(folder.join("manifest.json")).ok()?;
    let manifest: ModuleManifest = serde_json::from_slice(&text).ok()?;
    let whole = |kind: &str, files: &[BuiltFile], expected: &[&str]| {
        let folder = folder.join(kind);
        files.iter().all(|file| file.is_in(&folder))
            && expected.iter().all(|name| files.iter().any(|file| file.name == *name))
    };
    let binaries: Vec<&str> = module.binaries.iter().map(|b| b.name).collect();
    let crds: Vec<&str> = module.crds.iter().map(|crd| crd.file).collect();
    let good = manifest.key == module_key(module)
        && whole("bin", &manifest.binaries, &binaries)
        && whole("crds", &manifest.crds, &crds);
    good.then_some(manifest)
}

/// The version that each binary beside the manifest of its set was built from, by the binary's name. Empty where there is no such
/// manifest; a binary of another size than the manifest's is another one and left out.
pub fn built_versions(binaries: &Path) -> BTreeMap<String, String> {
    let manifest = binaries.parent().and_then(|set| std::fs::read(set.join("manifest.json")).ok());
    let manifest = manifest.and_then(|text| serde_json::from_slice::<SetManifest>(&text).ok());
    let modules = manifest.into_iter().flat_map(|set| set.modules);
    modules
        .flat_map(|module| module.binaries.into_iter().map(move |binary| (binary, module.version.clone())))
        .filter(|(binary, _)| binary.is_in(binaries))
        .map(|(binary, version)| (binary.name, version))
        .collect()
}

/// Writes `manifest` into `folder`.
pub(super) fn write_manifest(folder: &Path, manifest: &impl Serialize) -> Result<(), BuildError> {
    let path = folder.join("manifest.json");
    let text = serde_json::to_vec_pretty(manifest).map_err(io::Error::other);
    text.and_then(|text| std::fs::write(&path, text)).map_err(io_error("write", path))
}

/// `bytes` for people: `7.3 GB`.
pub fn human(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let gigabytes = bytes as f64 / 1e9;
    if gigabytes < 1.0 { format!("{} MB", bytes / 1_000_000) } else { format!("{gigabytes:.1} GB") }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[("HARNESS_CACHE_DIR", "/a"), ("XDG_CACHE_HOME", "/b"), ("HOME", "/c")], Some("/a"))]
    #[case(&[("XDG_CACHE_HOME", "/b"), ("HOME", "/c")], Some("/b"))]
    #[case(&[("XDG_CACHE_HOME", "relative"), ("HOME", "/c")], Some("/c/.cache"))]
    #[case(&[("HARNESS_CACHE_DIR", ""), ("HOME", "/c")], Some("/c/.cache"))]
    #[case(&[("HARNESS_CACHE_DIR", "own")], Some(concat!(env!("CARGO_MANIFEST_DIR"), "/own")))]
    #[case(&[], None)]
    fn follows_the_environment(#[case] variables: &[(&str, &str)], #[case] expected: Option<&str>) {
        let get = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let found = CacheFolder::from_variables(get).ok();
        let expected = expected.map(|path| CacheFolder::inside(Path::new(path)));
        assert_eq!(found, expected);
    }

    #[test]
    fn free_space_of_a_folder_that_does_not_exist_yet() {
        let dir = tempfile::tempdir().unwrap();
        let inside = free_bytes(&dir.path().join("not/yet")).unwrap();
        assert!(inside > 0);
    }

    #[test]
    fn a_file_in_the_way_is_not_writable() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("harness"), "").unwrap();
        let error = CacheFolder::inside(dir.path()).check_writable().unwrap_err();
        assert!(error.to_string().contains("HARNESS_CACHE_DIR"), "{error}");
    }
}
