//! One cluster for all runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

/// A local cluster that stays up between the runs. It is taken down with this value.
pub(crate) struct SharedCluster {
    harness: PathBuf,
    pub(crate) name: String,
}

impl SharedCluster {
    /// Starts it.
    pub(crate) fn up(harness: &Path) -> Result<Self, Failure> {
        // Taken down also where it does not come up entirely.
        let cluster = Self { harness: harness.to_owned(), name: format!("catalogue-{}", std::process::id()) };
        cluster.command("up")?;
        Ok(cluster)
    }

    /// Takes it down.
    pub(crate) fn down(self) -> Result<(), Failure> {
        let outcome = self.command("down");
        if outcome.is_ok() {
            std::mem::forget(self);
        }
        outcome
    }

    /// Takes it down and starts it again.
    pub(crate) fn replace(&self) -> Result<(), Failure> {
        // A fresh one is started whatever the failed one leaves behind.
        let _ = self.command("down");
        self.command("up")
    }

    fn command(&self, verb: &str) -> Result<(), Failure> {
        let status = Command::new(&self.harness).args([verb, "--cluster", &self.name]).status();
        let status = status.map_err(|source| Failure::Spawn { program: self.harness.clone(), source })?;
        let what = format!("harness {verb} --cluster {}", self.name);
        if status.success() { Ok(()) } else { Err(Failure::Ended { what, status: status.to_string() }) }
    }
}

impl Drop for SharedCluster {
    fn drop(&mut self) {
        if let Err(failure) = self.command("down") {
            eprintln!("error: {failure}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_was_started_is_taken_down_also_after_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("harness");
        let log = folder.path().join("log");
        let script = format!("#!/bin/sh\necho \"$1\" >>{}\n[ \"$1\" != \"$fails\" ]\n", log.display());
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        SharedCluster::up(&program).unwrap().down().unwrap();
        let replaced = SharedCluster::up(&program).unwrap();
        replaced.replace().unwrap();
        drop(replaced);
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "up\ndown\nup\ndown\nup\ndown\n");
        assert!(SharedCluster::up(&folder.path().join("missing")).is_err());
    }
}
