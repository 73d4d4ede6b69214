//! One spec on a cluster of its own: start, run, judge, take down, whatever happens in between.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::ginkgo::{Judgement, Report};
use crate::interrupts::Interrupts;
use crate::process::{self, Ended};
use crate::record::{Files, Outcome};
use crate::spec::Spec;

/// `harness up`, `env` and `down` have limits of their own, which are shorter.
const HARNESS_LIMIT: Duration = Duration::from_secs(10 * 60);
/// How long Ginkgo may take to end after the limit of a spec: it runs what comes after each spec, with a grace period of 30 s for each node.
const GRACE: Duration = Duration::from_secs(3 * 60);
/// A spec that takes this long starts to report where it is.
const REPORT_PROGRESS_AFTER: &str = "5m";
/// The suites want the name of a container registry before they start (`test/pkg/environment/azure/environment.go`). There is none.
const REGISTRY: (&str, &str) = ("AZURE_ACR_NAME", "harness");

/// Runs specs.
#[derive(Debug)]
pub(crate) struct Trials {
    pub(crate) harness: PathBuf,
    /// The name of the clusters, one after another.
    pub(crate) cluster: String,
    /// How long a spec may take.
    pub(crate) limit: Duration,
    pub(crate) interrupts: Interrupts,
}

impl Trials {
    /// Runs a spec with the program of its suite, on a fresh cluster. The cluster is taken down in any case; if the spec failed, the logs of
    /// its components are kept.
    pub(crate) fn run(&self, program: &Path, spec: &Spec, files: &Files) -> Result<Judgement, Failure> {
        if self.interrupted() {
            return Err(Failure::Interrupted);
        }
        files.clear()?;
        let judgement = self.up(files).and_then(|()| self.judge(program, spec, files));
        let failed = !matches!(&judgement, Ok(judgement) if judgement.outcome != Outcome::Failed);
        match (judgement, self.down(files, failed)) {
            // A cluster that stays behind is worse news than an interrupt.
            (Ok(_) | Err(Failure::Interrupted), Err(failure)) => Err(failure),
            (judgement, _) => judgement,
        }
    }

    /// Whether there was an interrupt.
    pub(crate) fn interrupted(&self) -> bool {
        self.interrupts.count() > 0
    }

    fn up(&self, files: &Files) -> Result<(), Failure> {
        uninterrupted(&mut self.harness(&["up", "--quiet"]), &files.log())
    }

    fn judge(&self, program: &Path, spec: &Spec, files: &Files) -> Result<Judgement, Failure> {
        let mut command = Command::new(program);
        command
            .args(["-test.v", "-ginkgo.v", "-ginkgo.no-color"])
            .args(spec.focus())
            .arg(format!("-ginkgo.json-report={}", files.report().display()))
            // Ginkgo says where a spec was that it ends.
            .arg(format!("-ginkgo.timeout={}s", self.limit.as_secs()))
            .arg(format!("-ginkgo.poll-progress-after={REPORT_PROGRESS_AFTER}"))
            .env(REGISTRY.0, REGISTRY.1)
            .envs(self.environment(files)?);
        let log = files.log();
        let began = Instant::now();
        let ended = process::run(&mut command, &log, self.limit + GRACE, || self.interrupted())?;
        let without_report = |outcome, why: String| {
            let reason = Some(format!("{why}: {}", process::end_of(&log)));
            Ok(Judgement { outcome, seconds: began.elapsed().as_secs_f64(), reason })
        };
        match ended {
            Ended::Interrupted => Err(Failure::Interrupted),
            Ended::TooSlow => {
                let limit_s = (self.limit + GRACE).as_secs();
                without_report(Outcome::Failed, format!("it did not end within {limit_s} s and was killed"))
            }
            Ended::With(status) => match std::fs::read(files.report()) {
                Ok(text) => {
                    let report = Report::parse(&text);
                    let report = report.map_err(Failure::unreadable("a report of Ginkgo", files.report()))?;
                    report.judge(spec).map_or_else(
                        || without_report(Outcome::Failed, "Ginkgo's report does not have it".to_owned()),
                        Ok,
                    )
                }
                // A suite that skips itself before it starts (`machine`) ends well and writes no report.
                Err(_) if status.success() => without_report(Outcome::Skipped, "the suite skips itself".to_owned()),
                Err(_) => without_report(Outcome::Failed, format!("the suite ended with {status}")),
            },
        }
    }

    /// What `harness env` says, and the way to the public cloud: some clients of the suites look nowhere else.
    fn environment(&self, files: &Files) -> Result<BTreeMap<String, String>, Failure> {
        let path = files.environment();
        uninterrupted(&mut self.harness(&["env", "--format", "json"]), &path)?;
        let text = std::fs::read(&path).map_err(Failure::file("read", &path))?;
        // It has a token.
        std::fs::remove_file(&path).map_err(Failure::file("remove", &path))?;
        let parsed = serde_json::from_slice(&text);
        let mut variables: BTreeMap<String, String> =
            parsed.map_err(Failure::unreadable("what `harness env` prints", path))?;
        if let Some(proxy) = variables.get("HARNESS_AZURE_PROXY").cloned() {
            variables.insert("HTTPS_PROXY".to_owned(), proxy);
        }
        Ok(variables)
    }

    fn down(&self, files: &Files, keep_logs: bool) -> Result<(), Failure> {
        let mut command = self.harness(&["down", "--quiet"]);
        if keep_logs {
            command.arg("--logs").arg(files.cluster_logs());
        }
        uninterrupted(&mut command, &files.down_log())?;
        std::fs::remove_file(files.down_log()).map_err(Failure::file("remove", files.down_log()))
    }

    fn harness(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.harness);
        command.args(arguments).args(["--cluster", &self.cluster]);
        command
    }
}

/// Runs a command of the harness: a cluster that is half up or half down would be worse than a wait.
fn uninterrupted(command: &mut Command, log: &Path) -> Result<(), Failure> {
    process::succeed(command, log, HARNESS_LIMIT, || false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ginkgo::tests::{listed, report};
    use crate::spec::tests::spec;
    use std::os::unix::fs::PermissionsExt as _;

    struct Fixture {
        folder: tempfile::TempDir,
        trials: Trials,
        files: Files,
    }

    /// A harness that notes its verbs, and fails at `fails`.
    fn fixture(fails: &str) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let script = "echo $1 >>$0.verbs; [ $1 = env ] && echo '{\"KUBECONFIG\": \"/k\"}'; [ $1 != FAILS ]";
        let harness = program(folder.path(), "harness", &script.replace("FAILS", fails));
        let interrupts = Interrupts::default();
        let trials = Trials { harness, cluster: "c".to_owned(), limit: Duration::from_secs(60), interrupts };
        let files = Files::new(folder.path(), "drift", "a-94");
        Fixture { folder, trials, files }
    }

    fn program(folder: &Path, name: &str, script: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    impl Fixture {
        fn run(&self, script: &str) -> (Result<Judgement, Failure>, String) {
            let suite = program(self.folder.path(), "suite", script);
            let outcome = self.trials.run(&suite, &spec("Drift Budgets respects them", 94), &self.files);
            (outcome, std::fs::read_to_string(self.folder.path().join("harness.verbs")).unwrap_or_default())
        }
    }

    #[test]
    fn a_spec_has_a_cluster_of_its_own_and_its_environment() {
        let fixture = fixture("none");
        let report = report(&[listed("respects them")]);
        let (judgement, verbs) = fixture.run(&format!(
            "[ $KUBECONFIG = /k ] || exit 1\nfor one; do case $one in -ginkgo.json-report=*) out=${{one#*=}};; esac; done\necho '{report}' >\"$out\""
        ));
        assert_eq!(judgement.unwrap().outcome, Outcome::Passed);
        assert_eq!(verbs, "up\nenv\ndown\n");
        assert!(!fixture.files.environment().exists() && !fixture.files.down_log().exists());
    }

    #[test]
    fn without_a_report_the_end_of_the_log_says_why() {
        let (judgement, _) = fixture("none").run("echo 'Skipping machine suite'");
        let judgement = judgement.unwrap();
        assert_eq!(judgement.outcome, Outcome::Skipped);
        assert_eq!(judgement.reason.unwrap(), "the suite skips itself: Skipping machine suite");
        let (judgement, _) = fixture("none").run("echo panic; exit 2");
        let judgement = judgement.unwrap();
        assert_eq!(judgement.outcome, Outcome::Failed);
        assert_eq!(judgement.reason.unwrap(), "the suite ended with exit status: 2: panic");
    }

    #[test]
    fn no_cluster_stays_behind() {
        let (failed, verbs) = fixture("up").run("true");
        assert!(matches!(failed, Err(Failure::Ended { .. })));
        assert_eq!(verbs, "up\ndown\n");

        let interrupted = fixture("none");
        interrupted.trials.interrupts.add();
        // Before it starts.
        assert!(matches!(interrupted.run("true"), (Err(Failure::Interrupted), verbs) if verbs.is_empty()));

        let mut later = fixture("none");
        later.trials.limit = Duration::from_secs(600);
        let (ended, verbs) = std::thread::scope(|scope| {
            let run = scope.spawn(|| later.run(": >$0.ready; exec sleep 600"));
            let ready = later.folder.path().join("suite.ready");
            let limit = std::time::Instant::now() + Duration::from_secs(10);
            while !ready.exists() && std::time::Instant::now() < limit {
                std::thread::park_timeout(Duration::from_millis(10));
            }
            later.trials.interrupts.add();
            run.join().unwrap()
        });
        assert!(matches!(ended, Err(Failure::Interrupted)), "{ended:?}");
        assert_eq!(verbs, "up\nenv\ndown\n");
    }

    #[test]
    fn a_cluster_that_does_not_end_is_an_error() {
        let (failed, _) = fixture("down").run("true");
        assert!(failed.unwrap_err().to_string().contains("down"));
    }
}
