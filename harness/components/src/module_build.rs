//! Building one module, from its embedded `go.mod` to a finished folder.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::OwnedSemaphorePermit;

use super::cache::{BuiltFile, CacheFolder, ModuleManifest, intact, write_manifest};
use super::error::{BuildError, io_error};
use super::go_command::{self, GoFolders, go};
use super::key::module_key;
use super::progress::{Progress, Step, Tracker};
use super::toolchain::Tools;
use harness_catalogue::{MODULES, Module};

/// Lines of Go's output that an error shows.
const TAIL_LINES: usize = 15;

/// Everything that the builds of all modules share.
pub(super) struct Shared<'a, F> {
    pub(super) cache: &'a CacheFolder,
    pub(super) tools: &'a Tools,
    pub(super) folders: GoFolders<'a>,
    pub(super) limit: Duration,
    pub(super) tracker: &'a Tracker<'a, F>,
}

/// Builds `module` and moves the result into the cache in one step.
///
/// `compiling` is given back as soon as the module only waits for the linker, which keeps one core busy
/// at most: the next module compiles meanwhile.
pub(super) async fn build_module<F: Fn(&Progress)>(
    shared: &Shared<'_, F>,
    module: &'static Module,
    compiling: OwnedSemaphorePermit,
) -> Result<ModuleManifest, BuildError> {
    let started = Instant::now();
    shared.tracker.module(module, Step::Started);
    let work = prepare(shared.cache, module)?;
    let staged = work.join("out");
    compile(shared, module, &work, &staged, compiling).await?;
    copy_crds(shared, module, &work, &staged).await?;
    let took = started.elapsed();
    let manifest = describe(shared.tools, module, &staged, took)?;
    write_manifest(&staged, &manifest)?;
    let folder = shared.cache.module(module);
    if folder.exists() {
        // Damaged, or it would have been reused.
        std::fs::remove_dir_all(&folder).map_err(io_error("remove the damaged", &folder))?;
    }
    std::fs::create_dir_all(shared.cache.modules()).map_err(io_error("create", shared.cache.modules()))?;
    std::fs::rename(&staged, &folder).map_err(io_error("move the finished binaries to", &folder))?;
    std::fs::remove_dir_all(&work).map_err(io_error("remove", &work))?;
    let bytes = manifest.binaries.iter().map(|file| file.bytes).sum();
    shared.tracker.module(module, Step::Finished { took, bytes });
    Ok(manifest)
}

/// A fresh work folder with the module's Go files.
fn prepare(cache: &CacheFolder, module: &Module) -> Result<PathBuf, BuildError> {
    let work = cache.work().join(module.name);
    if work.exists() {
        std::fs::remove_dir_all(&work).map_err(io_error("remove the leftovers of", &work))?;
    }
    for folder in ["out/bin", "out/crds"] {
        let path = work.join(folder);
        std::fs::create_dir_all(&path).map_err(io_error("create", path))?;
    }
    write_go_files(module, &work)?;
    Ok(work)
}

fn write_go_files(module: &Module, folder: &Path) -> Result<(), BuildError> {
    let sources = module.sources.iter().map(|source| (source.name, source.text));
    for (name, text) in sources.chain([("go.mod", module.go_mod), ("go.sum", module.go_sum)]) {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(io_error("write", path))?;
    }
    Ok(())
}

async fn compile<F: Fn(&Progress)>(
    shared: &Shared<'_, F>,
    module: &'static Module,
    work: &Path,
    staged: &Path,
    compiling: OwnedSemaphorePermit,
) -> Result<(), BuildError> {
    let output = match module.binaries {
        // The package's last element is not always the process's name.
        [only] => staged.join("bin").join(only.name),
        _ => staged.join("bin"),
    };
    // -v names each package as it is compiled: progress, and the sign that only linking remains.
    let mut arguments = vec!["build".to_owned(), "-v".to_owned()];
    arguments.extend(go_command::flags(module));
    arguments.push("-o".to_owned());
    arguments.push(output.display().to_string());
    arguments.extend(module.binaries.iter().map(|b| b.package.to_owned()));
    let mut child = go(shared.tools, &shared.folders, work, &arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| start_error(shared.tools, "build", source))?;
    let mut watch = Watch::new(shared, module, compiling);
    let done = async {
        if let Some(stderr) = child.stderr.take() {
            watch.read(stderr).await;
        }
        child.wait().await
    };
    let status = match tokio::time::timeout(shared.limit, done).await {
        Err(_) => {
            return Err(BuildError::TooSlow {
                module: module.name,
                limit: shared.limit,
                last: watch.tail.pop_back().unwrap_or_else(|| "none".to_owned()),
            });
        }
        Ok(status) => status.map_err(|source| start_error(shared.tools, "build", source))?,
    };
    if !status.success() {
        return Err(BuildError::Failed {
            module: module.name,
            status: status.to_string(),
            tail: Vec::from(watch.tail).join("\n"),
        });
    }
    Ok(())
}

fn start_error(tools: &Tools, verb: &str, source: std::io::Error) -> BuildError {
    BuildError::Start { command: format!("{} {verb}", tools.go.display()), source }
}

/// Follows the output of `go build -v`.
struct Watch<'a, F> {
    shared: &'a Shared<'a, F>,
    module: &'static Module,
    compiling: Option<OwnedSemaphorePermit>,
    mains: BTreeSet<&'static str>,
    packages: u64,
    tail: VecDeque<String>,
}

impl<'a, F: Fn(&Progress)> Watch<'a, F> {
    fn new(shared: &'a Shared<'a, F>, module: &'static Module, compiling: OwnedSemaphorePermit) -> Self {
        Self {
            shared,
            module,
            compiling: Some(compiling),
            mains: module.binaries.iter().map(|b| b.package).collect(),
            packages: 0,
            tail: VecDeque::with_capacity(TAIL_LINES),
        }
    }

    async fn read(&mut self, output: impl AsyncRead + Unpin) {
        let mut lines = BufReader::new(output);
        let mut line = Vec::new();
        // A read error means that Go has ended; its exit status says why.
        while lines.read_until(b'\n', &mut line).await.is_ok_and(|n| n > 0) {
            self.line(String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
    }

    fn line(&mut self, line: &str) {
        if let Some(what) = line.strip_prefix("go: downloading ") {
            let what = without_credentials(what);
            self.shared.tracker.module(self.module, Step::Downloading { what });
        } else if is_package(line) {
            self.packages += 1;
            self.mains.remove(line);
            let step = Step::Compiling { packages: self.packages };
            self.shared.tracker.module(self.module, step);
            if self.mains.is_empty() && self.compiling.take().is_some() {
                self.shared.tracker.module(self.module, Step::Linking);
            }
        } else if !line.trim().is_empty() {
            if self.tail.len() == TAIL_LINES {
                self.tail.pop_front();
            }
            self.tail.push_back(without_credentials(line));
        }
    }
}

/// Whether a line of `go build -v` is the import path of a package rather than a message.
fn is_package(line: &str) -> bool {
    !line.is_empty() && line.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+~".contains(c))
}

/// `line` without `user:password@` in URLs: a proxy's address may carry them.
fn without_credentials(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after.find(|c: char| c == '/' || c == '"' || c.is_whitespace()).unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(sign) => &after[sign + 1..],
            None => after,
        };
    }
    clean.push_str(rest);
    clean
}

/// Copies the module's CRD files out of the Go module cache.
async fn copy_crds<F>(
    shared: &Shared<'_, F>,
    module: &'static Module,
    work: &Path,
    staged: &Path,
) -> Result<(), BuildError> {
    if module.crds.is_empty() {
        return Ok(());
    }
    let arguments = ["list", "-m", "-f", "{{.Dir}}", module.path];
    let output = go(shared.tools, &shared.folders, work, arguments).output();
    let output = tokio::time::timeout(shared.limit, output)
        .await
        .map_err(|_| BuildError::TooSlow {
            module: module.name,
            limit: shared.limit,
            last: format!("go list -m {}", module.path),
        })?
        .map_err(|source| start_error(shared.tools, "list", source))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(BuildError::Failed {
            module: module.name,
            status: output.status.to_string(),
            tail: without_credentials(text.trim()),
        });
    }
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    for crd in module.crds {
        let from = folder.join(crd.folder).join(crd.file);
        let text = std::fs::read(&from).map_err(io_error("read the CRD", &from))?;
        // Written, not copied: files of the module cache are read-only.
        let to = staged.join("crds").join(crd.file);
        std::fs::write(&to, text).map_err(io_error("write the CRD", to))?;
    }
    Ok(())
}

fn describe(
    tools: &Tools,
    module: &'static Module,
    staged: &Path,
    took: Duration,
) -> Result<ModuleManifest, BuildError> {
    let files = |kind: &str, names: Vec<&str>| -> Result<Vec<BuiltFile>, BuildError> {
        names
            .into_iter()
            .map(|name| {
                let path = staged.join(kind).join(name);
                let content = std::fs::read(&path)
                    .map_err(|_| BuildError::Absent { module: module.name, missing: path.display().to_string() })?;
                Ok(BuiltFile {
                    name: name.to_owned(),
                    bytes: content.len() as u64,
                    sha256: format!("{:x}", Sha256::digest(&content)),
                })
            })
            .collect()
    };
    let binaries = module.binaries.iter().map(|b| b.name);
    Ok(ModuleManifest {
        module: module.path.to_owned(),
        version: module.version().to_owned(),
        key: module_key(module),
        go_version: tools.go_version_text.clone(),
        goos: go_command::goos().to_owned(),
        goarch: go_command::goarch().to_owned(),
        flags: go_command::flags(module),
        built_at: jiff::Timestamp::now().to_string(),
        build_ms: took.as_millis() as u64,
        binaries: files("bin", binaries.collect())?,
        crds: files("crds", module.crds.iter().map(|crd| crd.file).collect())?,
    })
}

/// Fetches the sources of `modules` ahead of their builds, so that the network works while the cores do.
///
/// A failure is ignored: the build itself fails for the same reason and reports it.
pub(super) async fn prefetch<F>(shared: &Shared<'_, F>, modules: &[&'static Module]) {
    for module in modules {
        let work = shared.cache.work().join(format!("{}-prefetch", module.name));
        let written = std::fs::create_dir_all(&work).map_err(io_error("create", &work));
        let written = written.and_then(|()| write_go_files(module, &work));
        if let Err(error) = written {
            tracing::debug!(module = module.name, %error, "cannot prepare fetching ahead");
            return;
        }
        let mut arguments = vec!["list", "-deps"];
        arguments.extend(module.binaries.iter().map(|b| b.package));
        let status =
            go(shared.tools, &shared.folders, &work, arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
        match tokio::time::timeout(shared.limit, status).await {
            Ok(Ok(status)) if status.success() => {}
            outcome => {
                tracing::debug!(module = module.name, ?outcome, "fetching ahead failed");
            }
        }
    }
}

/// The finished folder of `module`, when there is one.
pub(super) fn finished(cache: &CacheFolder, module: &Module) -> Option<ModuleManifest> {
    intact(&cache.module(module), module)
}

/// The modules of a cluster that are not built yet in `cache`, in build order.
#[must_use]
pub fn missing_modules(cache: &CacheFolder) -> Vec<&'static Module> {
    let modules = MODULES.iter();
    modules.filter(|m| finished(cache, m).is_none()).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("k8s.io/kubernetes/cmd/kube-apiserver", true)]
    #[case("crypto/internal/fips140/aes/gcm", true)]
    #[case("gopkg.in/yaml.v3", true)]
    #[case("# k8s.io/api", false)]
    #[case("main.go:3:2: undefined: x", false)]
    #[case("go: module lookup disabled", false)]
    #[case("", false)]
    fn tells_packages_from_messages(#[case] line: &str, #[case] expected: bool) {
        assert_eq!(is_package(line), expected);
    }

    #[rstest]
    #[case("Get \"https://me:secret@proxy.test/x\": denied", "Get \"https://proxy.test/x\": denied")]
    #[case("https://a:b@c and http://d:e@f/g@h", "https://c and http://f/g@h")]
    #[case("go: example.com@v1.2.3: no such version", "go: example.com@v1.2.3: no such version")]
    #[case("https://proxy.test/x@v1/list", "https://proxy.test/x@v1/list")]
    fn hides_credentials(#[case] line: &str, #[case] expected: &str) {
        assert_eq!(without_credentials(line), expected);
    }
}
