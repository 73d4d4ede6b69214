//! How Go is called: flags and environment.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::memory::available_memory;
use super::toolchain::{FIXED_ENVIRONMENT, Tools};
use harness_catalogue::{Module, Stamp};

/// Go's name of this operating system.
pub(super) fn goos() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// Go's name of this architecture.
pub(super) fn goarch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Flags of `go build` for `module`, without `-o` and the packages.
pub(super) fn flags(module: &Module) -> Vec<String> {
    vec![
        "-trimpath".to_owned(),
        "-buildvcs=false".to_owned(),
        // Kubernetes ships no profile; this keeps a `default.pgo` of any module from doubling the build.
        "-pgo=off".to_owned(),
        // Nobody debugs these binaries, and debug information is a good part of compiling.
        "-gcflags=all=-dwarf=false".to_owned(),
        "-ldflags".to_owned(),
        ldflags(module),
    ]
}

fn ldflags(module: &Module) -> String {
    let version = module.version();
    let plain = version.trim_start_matches('v');
    let mut parts = plain.split('.');
    let major = parts.next().unwrap_or_default();
    let minor = parts.next().unwrap_or_default();
    let mut words = vec!["-s -w".to_owned()];
    for stamp in module.stamps {
        match stamp {
            Stamp::Kubernetes(package) => {
                for (variable, value) in
                    [("gitVersion", version), ("gitMajor", major), ("gitMinor", minor), ("gitTreeState", "clean")]
                {
                    words.push(format!("-X {package}.{variable}={value}"));
                }
            }
            Stamp::Plain(variable) => words.push(format!("-X {variable}={plain}")),
        }
    }
    words.join(" ")
}

/// Memory for each core from which Go's tools may use more of it, bytes. With the setting below a compiler
/// takes about 1 GB for the largest packages, and as many run as there are cores.
const ROOMY_MEMORY_PER_CORE: u64 = 2_000_000_000;

/// Go's tools collect garbage four times less often: 20 % less CPU time, measured on k8s.io/api. The
/// binaries are the same.
const ROOMY_GOGC: &str = "400";

/// Whether there is memory enough to save CPU time with it.
pub(super) fn memory_is_roomy() -> bool {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    available_memory().is_some_and(|bytes| bytes / cores >= ROOMY_MEMORY_PER_CORE)
}

/// Folders and memory of one build.
#[derive(Debug, Clone)]
pub(super) struct GoFolders<'a> {
    /// See [`memory_is_roomy`].
    pub(super) roomy: bool,
    /// `GOCACHE`.
    pub(super) build_cache: &'a Path,
    /// `GOTMPDIR`: beside the cache, because `/tmp` is often small or in memory.
    pub(super) scratch: &'a Path,
    /// `GOMODCACHE`, when it is not the user's own.
    pub(super) module_cache: Option<&'a Path>,
}

/// A `go` command without input that runs in `folder` and dies with the future that waits for it.
pub(super) fn go<I, S>(tools: &Tools, folders: &GoFolders<'_>, folder: &Path, args: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(&tools.go);
    command
        .args(args)
        .current_dir(folder)
        .envs(FIXED_ENVIRONMENT)
        .env("GOOS", goos())
        .env("GOARCH", goarch())
        .env("GOCACHE", folders.build_cache)
        .env("GOTMPDIR", folders.scratch)
        .env("PATH", &tools.search_path)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    // Somebody who has set it knows why.
    if folders.roomy && std::env::var_os("GOGC").is_none() {
        command.env("GOGC", ROOMY_GOGC);
    }
    if let Some(module_cache) = folders.module_cache {
        command.env("GOMODCACHE", module_cache);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_catalogue::module_of;

    #[test]
    fn kubernetes_knows_its_version() {
        let flags = ldflags(module_of("kube-apiserver"));
        for expected in [
            "-s -w ",
            "-X k8s.io/component-base/version.gitVersion=v1.36.3",
            "-X k8s.io/component-base/version.gitMajor=1",
            "-X k8s.io/component-base/version.gitMinor=36",
            "-X k8s.io/client-go/pkg/version.gitTreeState=clean",
        ] {
            assert!(flags.contains(expected), "{expected} not in {flags}");
        }
    }

    #[test]
    fn other_modules_are_only_stripped_or_stamped_once() {
        assert_eq!(ldflags(module_of("etcd")), "-s -w");
        assert_eq!(ldflags(module_of("karpenter")), "-s -w -X sigs.k8s.io/karpenter/pkg/operator.Version=1.14.0");
    }
}
