//! The table of components.

use std::path::PathBuf;

use super::cache::CacheFolder;
use super::locate::in_cache;
use super::toolchain::is_executable;
use harness_catalogue::{Component, FLUX_BUILD, Module};

/// One component, for people and for `--format json`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Process name.
    pub name: &'static str,
    /// What it is for.
    pub role: &'static str,
    /// Upstream Go module.
    pub module: &'static str,
    /// Pinned version of the module.
    pub version: &'static str,
    /// SPDX identifier of the upstream licence.
    pub licence: &'static str,
    /// The address of the source.
    pub origin: &'static str,
    /// Whether it is built.
    pub built: bool,
    /// Where its binary is, or will be.
    pub path: PathBuf,
    /// Size of the binary, bytes; absent when it is not built.
    pub bytes: Option<u64>,
}

/// Every component, and then `flux-build`, with its pin, its origin, and whether it is built in `cache`.
#[must_use]
pub fn list(cache: &CacheFolder) -> Vec<Listed> {
    let set = in_cache(cache).ok();
    let components = Component::ALL.iter().map(|component| {
        let module = component.module();
        let path = set.as_ref().map_or_else(
            // Before the set is complete a module may be built already.
            || cache.module(module).join("bin").join(component.binary()),
            |set| set.path(*component),
        );
        listed(component.name(), component.role(), module, path)
    });
    let flux_build = listed(
        FLUX_BUILD.name,
        "builds a tree as Flux does, for `validate`",
        &FLUX_BUILD,
        cache.module(&FLUX_BUILD).join("bin").join(FLUX_BUILD.name),
    );
    components.chain([flux_build]).collect()
}

fn listed(name: &'static str, role: &'static str, module: &Module, path: PathBuf) -> Listed {
    let built = is_executable(&path);
    Listed {
        name,
        role,
        module: module.path,
        version: module.version(),
        licence: module.licence,
        origin: module.origin,
        built,
        bytes: path.metadata().ok().filter(|_| built).map(|m| m.len()),
        path,
    }
}
