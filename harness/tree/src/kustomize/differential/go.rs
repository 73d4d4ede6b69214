//! Go programs that use kustomize from the module cache, without a network.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The module that kustomize-controller is built with.
pub(super) const MODULE: &str = "sigs.k8s.io/kustomize/api";
pub(super) const VERSION: &str = "v0.21.1";
/// The go.mod and go.sum by which kustomize-controller is built: what it needs is in the cache when that was built.
const GO_MOD: &str = include_str!("../../../../catalogue/kustomize-controller/go.mod");
const GO_SUM: &str = include_str!("../../../../catalogue/kustomize-controller/go.sum");

/// A folder of this run, which is gone with it.
pub(super) struct Work {
    pub(super) folder: PathBuf,
    /// The module, as the cache has it.
    pub(super) module: PathBuf,
}

impl Drop for Work {
    fn drop(&mut self) {
        // What is left in a folder for temporary files goes with the others.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Work {
    /// A folder for a test, or why kustomize cannot be had.
    pub(super) fn new(name: &str) -> Result<Self, String> {
        let output =
            Command::new("go").args(["env", "GOMODCACHE"]).output().map_err(|_| "there is no `go`".to_owned())?;
        let cache = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        let module = cache.join(format!("{MODULE}@{VERSION}"));
        if !module.join("krusty").is_dir() {
            return Err(format!("{MODULE} {VERSION} is not in the Go module cache: build kustomize-controller first"));
        }
        let folder = std::env::temp_dir().join(format!("harness-{name}-{}", std::process::id()));
        Ok(Self { folder, module })
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes the module of a program, with kustomize from the cache or from a copy of it.
    pub(super) fn write_module(&self, kustomize: &str) {
        let pinned = format!("replace {MODULE} => {MODULE} {VERSION}");
        assert!(GO_MOD.contains(&pinned), "kustomize-controller is built with another {MODULE}");
        self.write("main/go.mod", &GO_MOD.replace(&pinned, &format!("replace {MODULE} => {kustomize}")));
        self.write("main/go.sum", GO_SUM);
    }

    pub(super) fn go(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("go");
        command.args(arguments).current_dir(self.folder.join("main"));
        command.envs([("GOFLAGS", "-mod=mod"), ("GOPROXY", "off"), ("GOSUMDB", "off"), ("GOWORK", "off")]);
        command
    }
}

/// The last line of what a program said.
pub(super) fn said(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    said.lines().last().unwrap_or_default().to_owned()
}

/// Copies a module, whose files cannot be written, with each text changed.
pub(super) fn copy(from: &Path, to: &Path, change: &dyn Fn(&str, String) -> Option<String>) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            copy(&path, &to.join(&name), change);
            continue;
        }
        match String::from_utf8(std::fs::read(&path).unwrap()) {
            Ok(text) => {
                if let Some(text) = change(&name, text) {
                    std::fs::write(to.join(&name), text).unwrap();
                }
            }
            Err(error) => std::fs::write(to.join(&name), error.as_bytes()).unwrap(),
        }
    }
}
