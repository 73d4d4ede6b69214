//! Upstream's suites: found in the controller's module, built with the component's own `go.mod`, and asked by a dry run for their specs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use harness_catalogue::{Module, module_of};

use crate::failure::Failure;
use crate::ginkgo::Report;
use crate::interrupts::Interrupts;
use crate::process;
use crate::spec::Spec;

/// Where the suites are in the module.
const FOLDER: &str = "test/suites";
/// A first build downloads what only tests need and compiles half of the controller: seven minutes on two busy cores.
const BUILD_LIMIT: Duration = Duration::from_secs(60 * 60);
/// A dry run takes a second.
const LIST_LIMIT: Duration = Duration::from_secs(60);

/// The suites of one version of the controller.
#[derive(Debug)]
pub(crate) struct Suites {
    module: &'static Module,
    /// A folder for this version, with `go.mod`, the suites' programs and what lists their specs.
    folder: PathBuf,
    interrupts: Interrupts,
}

impl Suites {
    /// Those of the version that the component has, built below `out`.
    pub(crate) fn new(out: &Path, interrupts: Interrupts) -> Result<Self, Failure> {
        let module = module_of("karpenter");
        let suites = Self { module, folder: out.join(format!("suites-{}", module.version())), interrupts };
        std::fs::create_dir_all(&suites.folder).map_err(Failure::file("create", &suites.folder))?;
        Ok(suites)
    }

    /// The version of the controller's module.
    pub(crate) fn version(&self) -> &'static str {
        self.module.version()
    }

    /// Builds the suites of these names that are not built yet, all if none is named, and returns their names.
    pub(crate) fn build(&self, asked: &[String]) -> Result<Vec<String>, Failure> {
        for (name, text) in [("go.mod", self.module.go_mod), ("go.sum", self.module.go_sum)] {
            let path = self.folder.join(name);
            std::fs::write(&path, text).map_err(Failure::file("write", path))?;
        }
        let names = chosen(asked, self.known()?)?;
        let missing: Vec<String> = names.iter().filter(|name| !self.program(name).is_file()).cloned().collect();
        if !missing.is_empty() {
            eprintln!("building {} of {} {}", missing.join(", "), self.module.path, self.version());
            let packages = missing.iter().map(|name| format!("{}/{FOLDER}/{name}", self.module.path));
            // `go test -c` names a program after its package's folder. Nobody debugs it.
            let mut command = self.go(&["test", "-c", "-ldflags", "-s -w", "-o", "."]);
            self.succeed(command.args(packages), "build.log", BUILD_LIMIT)?;
        }
        Ok(names)
    }

    /// The specs of a suite that is built.
    pub(crate) fn specs(&self, suite: &str) -> Result<Vec<Spec>, Failure> {
        let report = self.folder.join(format!("{suite}.json"));
        let mut command = Command::new(absolute(&self.program(suite))?);
        command.arg("-ginkgo.dry-run").arg(format!("-ginkgo.json-report={suite}.json")).current_dir(&self.folder);
        // The suite `machine` lists nothing where no Machines are asked for (`test/suites/machine/suite_test.go`). Whether they are is
        // for `harness env` to say when the spec runs.
        command.env("PROVISION_MODE", "aksmachineapi");
        self.succeed(&mut command, &format!("{suite}.log"), LIST_LIMIT)?;
        let text = std::fs::read(&report).map_err(Failure::file("read", &report))?;
        Ok(Report::parse(&text).map_err(Failure::unreadable("a report of Ginkgo", report))?.specs(suite))
    }

    /// The program of a suite.
    pub(crate) fn program(&self, suite: &str) -> PathBuf {
        self.folder.join(format!("{suite}.test"))
    }

    fn known(&self) -> Result<Vec<String>, Failure> {
        let mut command = self.go(&["list", "-f", "suite {{.ImportPath}}"]);
        let log = self.succeed(command.arg(format!("{}/{FOLDER}/...", self.module.path)), "suites.log", BUILD_LIMIT)?;
        let text = std::fs::read_to_string(&log).map_err(Failure::file("read", log))?;
        // Between them are the lines about downloads.
        let packages = text.lines().filter_map(|line| line.strip_prefix("suite "));
        Ok(packages.filter_map(|package| package.rsplit('/').next()).map(str::to_owned).collect())
    }

    /// Runs a command that must succeed, and returns its log.
    fn succeed(&self, command: &mut Command, log: &str, limit: Duration) -> Result<PathBuf, Failure> {
        let log = self.folder.join(log);
        process::succeed(command, &log, limit, || self.interrupts.count() > 0)?;
        Ok(log)
    }

    /// Go as the components are built with it, but for one thing: what only tests need is not in the component's `go.sum`, so Go may add it
    /// to this copy.
    fn go(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("go");
        let environment = [("CGO_ENABLED", "0"), ("GOTOOLCHAIN", "local"), ("GOWORK", "off"), ("GOFLAGS", "-mod=mod")];
        command.args(arguments).envs(environment).current_dir(&self.folder);
        command
    }
}

/// The suites that were asked for, in that order; all where none was.
fn chosen(asked: &[String], known: Vec<String>) -> Result<Vec<String>, Failure> {
    match asked.iter().find(|name| !known.contains(name)) {
        Some(name) => Err(Failure::UnknownSuite { name: name.clone(), known: known.join(", ") }),
        None if asked.is_empty() => Ok(known),
        None => Ok(asked.to_vec()),
    }
}

/// A path that holds in any folder.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(Failure::file("find", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_run_in_the_order_that_is_asked_for() {
        let known = || ["acr", "chaos", "drift"].map(str::to_owned).to_vec();
        assert_eq!(chosen(&[], known()).unwrap(), known());
        let asked = ["drift", "acr"].map(str::to_owned);
        assert_eq!(chosen(&asked, known()).unwrap(), asked);
        let error = chosen(&["dirft".to_owned()], known()).unwrap_err().to_string();
        assert_eq!(error, "there is no suite `dirft`; there are acr, chaos, drift");
    }
}
