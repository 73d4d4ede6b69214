//! Building the set: lock, checks, the modules in a pipeline, the set's folder, cleaning up.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{AcquireError, Semaphore};

use super::cache::{CacheFolder, SetManifest, write_manifest};
use super::error::{BuildError, io_error};
use super::go_command::{GoFolders, go, memory_is_roomy};
use super::key::{module_key, set_key};
use super::locate::{IN_USE, set_is_complete};
use super::lock::BuildLock;
use super::module_build::{Shared, build_module, finished, prefetch};
use super::preflight::{disk_needs, downloaded};
use super::progress::{Progress, Step, Tracker};
use super::toolchain::Tools;
use harness_catalogue::{FLUX_BUILD, MODULES, Module, all_modules};

/// Modules that are worked on at once: one compiles while the one before it links.
const MODULES_AT_ONCE: usize = 2;

/// A disk filled to the last byte harms others, bytes.
const DISK_RESERVE_BYTES: u64 = 500_000_000;

/// Which modules a build is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildScope {
    /// Every module.
    Everything,
    /// What a local cluster needs.
    Cluster,
    /// `flux-build` alone, which takes a minute.
    FluxBuild,
}

impl BuildScope {
    /// Its modules in build order.
    fn modules(self) -> Vec<&'static Module> {
        match self {
            Self::Everything => all_modules().collect(),
            Self::Cluster => MODULES.iter().collect(),
            Self::FluxBuild => vec![&FLUX_BUILD],
        }
    }

    /// Whether the set of a cluster belongs to it.
    fn has_set(self) -> bool {
        match self {
            Self::Everything | Self::Cluster => true,
            Self::FluxBuild => false,
        }
    }

    fn missing(self, cache: &CacheFolder) -> Vec<&'static Module> {
        self.modules().into_iter().filter(|module| finished(cache, module).is_none()).collect()
    }

    fn is_built(self, cache: &CacheFolder) -> bool {
        self.missing(cache).is_empty() && (!self.has_set() || set_is_complete(cache))
    }
}

/// What to build, with what, where.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// Which modules.
    pub scope: BuildScope,
    /// The cache folder of the result.
    pub cache: CacheFolder,
    /// `PATH` on which Go and Git are looked for.
    pub search_path: OsString,
    /// Keep Go's build cache after success: the next change of a pin builds faster, at about 6 GB.
    pub keep_build_cache: bool,
    /// Download modules into the harness's own folder and remove them after success, instead of using the
    /// user's Go module cache.
    pub private_module_cache: bool,
    /// Room that must stay free beyond what the build needs, bytes; `None` builds without looking at the disks.
    pub disk_reserve_bytes: Option<u64>,
    /// Longest time for one module.
    pub module_limit: Duration,
    /// Longest time to wait for another build.
    pub lock_limit: Duration,
}

impl BuildOptions {
    /// What a cluster needs, in the user's cache folder with their search path, and everything removed that is not needed afterwards.
    ///
    /// # Errors
    /// [`BuildError::NoCacheFolder`].
    pub fn from_env() -> Result<Self, BuildError> {
        let search_path = std::env::var_os("PATH").unwrap_or_default();
        Ok(Self::new(CacheFolder::from_env()?, search_path))
    }

    /// The defaults for a cache folder and a search path.
    #[must_use]
    pub fn new(cache: CacheFolder, search_path: OsString) -> Self {
        Self {
            scope: BuildScope::Cluster,
            cache,
            search_path,
            keep_build_cache: false,
            private_module_cache: false,
            disk_reserve_bytes: Some(DISK_RESERVE_BYTES),
            module_limit: Duration::from_secs(60 * 60),
            lock_limit: Duration::from_secs(2 * 60 * 60),
        }
    }
}

/// What a build did.
#[derive(Debug, Clone)]
pub struct BuildReport {
    /// The folder of the set, or of the one module that was to be built.
    pub folder: PathBuf,
    /// Time of the whole build, waiting for the lock not counted.
    pub took: Duration,
    /// Each module in catalogue order.
    pub modules: Vec<ModuleReport>,
}

/// What became of one module.
#[derive(Debug, Clone)]
pub struct ModuleReport {
    /// Folder name of the module.
    pub module: &'static str,
    /// Time of its build; absent when it was there already.
    pub took: Option<Duration>,
    /// Size of its binaries, bytes.
    pub bytes: u64,
}

/// Builds what is missing of the scope; does nothing, and needs no Go, when nothing is.
///
/// A second build in the same cache folder waits for the first, and then finds everything built. Each module
/// that succeeds is kept, so a build that failed resumes at the module where it did. Dropping the future
/// ends the build.
///
/// # Errors
/// [`BuildError`], which names what to install or to do.
pub async fn build(options: &BuildOptions, progress: impl Fn(&Progress)) -> Result<BuildReport, BuildError> {
    let cache = &options.cache;
    if options.scope.is_built(cache) {
        return report(options, Instant::now(), &[]);
    }
    cache.check_writable()?;
    let tools = Tools::find(&options.search_path).await?;
    let _lock = BuildLock::acquire(&cache.lock(), options.lock_limit, |holder| {
        let holder = holder.to_owned();
        Tracker::new(&progress, Vec::new()).whole(Step::Waiting { holder });
    })
    .await?;
    let started = Instant::now();
    let missing = options.scope.missing(cache);
    let private = cache.private_module_cache();
    let module_cache = if options.private_module_cache { &private } else { &tools.module_cache };
    if let Some(reserve) = options.disk_reserve_bytes {
        for mut need in disk_needs(cache, module_cache, &missing)? {
            need.need_bytes = need.need_bytes.saturating_add(reserve);
            need.check()?;
        }
    }
    let tracker = Tracker::new(&progress, missing.clone());
    tracker.whole(Step::Planned { reused: options.scope.modules().len() - missing.len() });
    let (build_cache, scratch) = (cache.build_cache(), cache.scratch());
    for folder in [&build_cache, &scratch] {
        std::fs::create_dir_all(folder).map_err(io_error("create", folder))?;
    }
    let shared = Shared {
        cache,
        tools: &tools,
        folders: GoFolders {
            roomy: memory_is_roomy(),
            build_cache: &build_cache,
            scratch: &scratch,
            module_cache: options.private_module_cache.then_some(private.as_path()),
        },
        limit: options.module_limit,
        tracker: &tracker,
    };
    build_all(&shared, &missing, module_cache).await?;
    if options.scope.has_set() && !set_is_complete(cache) {
        assemble(cache)?;
    }
    tracker.whole(Step::Cleaning);
    clean(&shared, options).await?;
    remove_unused_sets(cache);
    report(options, started, &missing)
}

async fn build_all<F: Fn(&Progress)>(
    shared: &Shared<'_, F>,
    missing: &[&'static Module],
    module_cache: &Path,
) -> Result<(), BuildError> {
    let at_once = Arc::new(Semaphore::new(MODULES_AT_ONCE));
    let compiler = Arc::new(Semaphore::new(1));
    // Semaphores are fair: modules pass in catalogue order.
    let builds = missing.iter().map(|module| {
        let (at_once, compiler) = (at_once.clone(), compiler.clone());
        async move {
            let _slot = at_once.acquire_owned().await.map_err(closed)?;
            let compiling = compiler.acquire_owned().await.map_err(closed)?;
            build_module(shared, module, compiling).await.map(drop)
        }
    });
    let ahead: Vec<&'static Module> =
        missing.iter().skip(1).copied().filter(|module| !downloaded(module_cache, module)).collect();
    let builds = futures::future::try_join_all(builds);
    let prefetch = async {
        prefetch(shared, &ahead).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        built = builds => built.map(drop),
        () = prefetch => Ok(()),
    }
}

fn closed(error: AcquireError) -> BuildError {
    BuildError::Start { command: "go build".to_owned(), source: std::io::Error::other(error) }
}

/// Makes the set's folder of hard links, under a name of its own first.
fn assemble(cache: &CacheFolder) -> Result<(), BuildError> {
    let key = set_key();
    let staged = cache.work().join("set");
    if staged.exists() {
        std::fs::remove_dir_all(&staged).map_err(io_error("remove the leftovers of", &staged))?;
    }
    let mut modules = Vec::new();
    for module in &MODULES {
        let manifest = finished(cache, module).ok_or_else(|| absent(cache, module))?;
        let from = cache.module(module);
        for (kind, files) in [("bin", &manifest.binaries), ("crds", &manifest.crds)] {
            let folder = staged.join(kind);
            std::fs::create_dir_all(&folder).map_err(io_error("create", &folder))?;
            for file in files {
                let (from, to) = (from.join(kind).join(&file.name), folder.join(&file.name));
                // Some file systems have no hard links; then it costs the space twice.
                std::fs::hard_link(&from, &to)
                    .or_else(|_| std::fs::copy(&from, &to).map(drop))
                    .map_err(io_error("link", to))?;
            }
        }
        modules.push(manifest);
    }
    let manifest = SetManifest { version: 1, key: key.clone(), modules };
    write_manifest(&staged, &manifest)?;
    let in_use = staged.join(IN_USE);
    File::create(&in_use).map_err(io_error("create", in_use))?;
    let folder = cache.set(&key);
    if folder.exists() {
        // Damaged, or the build would not have been started.
        std::fs::remove_dir_all(&folder).map_err(io_error("remove the damaged", &folder))?;
    }
    std::fs::rename(&staged, &folder).map_err(io_error("move the finished set to", folder))
}

/// Removes what only the build needed.
async fn clean<F>(shared: &Shared<'_, F>, options: &BuildOptions) -> Result<(), BuildError> {
    let cache = shared.cache;
    if options.private_module_cache {
        // Go's module cache is read-only on purpose; Go itself knows how to remove it.
        let mut clean = go(shared.tools, &shared.folders, cache.root(), ["clean", "-modcache"]);
        let status = clean.stdout(Stdio::null()).stderr(Stdio::null()).status();
        let status = tokio::time::timeout(shared.limit, status).await;
        let failed = match status {
            Ok(Ok(status)) if status.success() => None,
            Ok(Ok(status)) => Some(std::io::Error::other(format!("`go clean -modcache` ended with {status}"))),
            Ok(Err(error)) => Some(error),
            Err(_) => {
                let limit_s = shared.limit.as_secs();
                Some(std::io::Error::other(format!("`go clean -modcache` took longer than {limit_s} s")))
            }
        };
        if let Some(source) = failed {
            return Err(io_error("empty", cache.private_module_cache())(source));
        }
    }
    let mut folders = vec![cache.scratch(), cache.work()];
    if options.private_module_cache {
        folders.push(cache.private_module_cache());
    }
    if !options.keep_build_cache {
        folders.push(cache.build_cache());
    }
    for folder in folders {
        remove_folder(folder).await?;
    }
    Ok(())
}

/// Off the async threads: a build cache is tens of thousands of files.
async fn remove_folder(folder: PathBuf) -> Result<(), BuildError> {
    let path = folder.clone();
    let removed = tokio::task::spawn_blocking(move || match std::fs::remove_dir_all(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    });
    removed.await.map_err(std::io::Error::other).and_then(|result| result).map_err(io_error("remove", folder))
}

/// Removes sets of other keys that no running cluster holds, then modules that no set contains.
///
/// What cannot be removed stays: an old set costs room, not correctness.
fn remove_unused_sets(cache: &CacheFolder) {
    let current = set_key();
    // By their keys: another version may have modules that this one does not know by name.
    let mut used: BTreeSet<String> = all_modules().map(module_key).collect();
    for set in sub_folders(cache.root()) {
        let in_use = set.join(IN_USE);
        if !in_use.exists() || set.ends_with(&current) {
            continue;
        }
        // Held until the set is removed, so that no process starts to use it meanwhile.
        let free = File::open(&in_use).ok().filter(|f| f.try_lock().is_ok());
        if free.is_some() {
            if let Err(error) = std::fs::remove_dir_all(&set) {
                tracing::warn!(folder = %set.display(), %error, "cannot remove an old set");
            }
        } else {
            used.extend(keys_of(&set));
        }
    }
    for module in sub_folders(&cache.modules()) {
        let name = module.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.rsplit_once('-').is_some_and(|(_, key)| used.contains(key)) {
            continue;
        }
        if let Err(error) = std::fs::remove_dir_all(&module) {
            tracing::warn!(folder = %module.display(), %error, "cannot remove an old module");
        }
    }
}

fn sub_folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// The keys of the modules of a set.
fn keys_of(set: &Path) -> Vec<String> {
    let manifest = std::fs::read(set.join("manifest.json")).ok();
    let manifest = manifest.and_then(|text| serde_json::from_slice::<SetManifest>(&text).ok());
    manifest.into_iter().flat_map(|set| set.modules).map(|module| module.key).collect()
}

fn absent(cache: &CacheFolder, module: &Module) -> BuildError {
    BuildError::Absent { module: module.name, missing: cache.module(module).display().to_string() }
}

fn report(options: &BuildOptions, started: Instant, built: &[&'static Module]) -> Result<BuildReport, BuildError> {
    let BuildOptions { cache, scope, .. } = options;
    let modules = scope
        .modules()
        .into_iter()
        .map(|module| {
            let manifest = finished(cache, module).ok_or_else(|| absent(cache, module))?;
            let fresh = built.iter().any(|b| b.name == module.name);
            Ok(ModuleReport {
                module: module.name,
                took: fresh.then(|| Duration::from_millis(manifest.build_ms)),
                bytes: manifest.binaries.iter().map(|file| file.bytes).sum(),
            })
        })
        .collect::<Result<_, BuildError>>()?;
    let folder = if scope.has_set() { cache.set(&set_key()) } else { cache.module(&FLUX_BUILD) };
    Ok(BuildReport { folder, took: started.elapsed(), modules })
}
