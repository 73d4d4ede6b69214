//! One run: a `harness run` process with a cluster of its own. Interrupts are passed on to it, and it is stopped if it hangs.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use harness_record::summary::Summary;
use harness_record::verdict::Verdict;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::jobs::Job;
use crate::judge::Outcome;

/// How long a run may take beyond the deadlines of its phases: starting its cluster, preparation, cleanup.
const BEYOND_PHASES: Duration = Duration::from_secs(8 * 60);
/// How long an interrupted run may take to clean up: its own limit and a little more.
const GRACE: Duration = Duration::from_secs(4 * 60);
/// How often to check whether a run has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long after its run the processes of a cluster may still be there.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// Starts runs.
pub(crate) struct Processes {
    harness: PathBuf,
    out: PathBuf,
    seed: u64,
    /// The cluster that all runs share, if they do.
    cluster: Option<String>,
    interrupts: Interrupts,
    /// Limits; tests use shorter ones.
    beyond_phases: Duration,
    grace: Duration,
}

impl Processes {
    /// Each run gets a folder below `out`, and a cluster of its own.
    pub(crate) fn new(harness: PathBuf, out: PathBuf, seed: u64, interrupts: Interrupts) -> Self {
        Self { harness, out, seed, cluster: None, interrupts, beyond_phases: BEYOND_PHASES, grace: GRACE }
    }

    /// The runs share the cluster of this name, which is up.
    pub(crate) fn on(mut self, cluster: Option<String>) -> Self {
        self.cluster = cluster;
        self
    }

    /// Runs a job to its end.
    pub(crate) fn run(&self, job: &Job, attempt: u32) -> Outcome {
        let folder = self.out.join(&job.name);
        match self.run_in(job, attempt, &folder) {
            Ok((status, troubles)) => outcome(&folder, status, troubles),
            Err(failure) => Outcome { troubles: vec![failure.to_string()], ..Outcome::default() },
        }
    }

    fn run_in(&self, job: &Job, attempt: u32, folder: &Path) -> Result<(ExitStatus, Vec<String>), Failure> {
        if attempt > 1 {
            self.set_aside(&job.name, folder)?;
        }
        let log = self.out.join("logs").join(format!("{}-{attempt}.log", job.name));
        let log_file = created(&log)?;
        let clusters = self.out.join("clusters");
        let also = log_file.try_clone().map_err(Failure::file("open", &log))?;
        let mut command = Command::new(&self.harness);
        match &self.cluster {
            Some(name) => command.args(["run", "--cluster", name]),
            // No cluster is up there, so the run starts its own.
            None => {
                let clusters = std::path::absolute(&clusters).map_err(Failure::file("find", &clusters))?;
                command.arg("run").env("HARNESS_STATE_DIR", clusters)
            }
        };
        let mut child = command
            .arg(self.scenario(job)?)
            .args(["--profile", job.profile.as_str(), "--seed", &self.seed.to_string(), "--out"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(log_file)
            .stderr(also)
            // A process group of its own: a terminal sends Ctrl-C to the whole foreground group, and a second SIGINT makes a run abandon
            // its cleanup.
            .process_group(0)
            .spawn()
            .map_err(|source| Failure::Spawn { program: self.harness.clone(), source })?;
        let ended = self.wait(&mut child, job.at_most + self.beyond_phases);
        if ended.is_err() {
            // A run that cannot be watched must not go on. If it has ended already, there is nothing to kill.
            let _ = child.kill();
        }
        ended
    }

    /// The argument of `harness run`: a name, or the file of a counter-case.
    fn scenario(&self, job: &Job) -> Result<PathBuf, Failure> {
        let Some((_, broken)) = &job.counter_case else { return Ok(PathBuf::from(&job.name)) };
        let path = self.out.join("counter-cases").join(format!("{}.yaml", job.name));
        // JSON is YAML.
        created(&path)?.write_all(format!("{broken:#}\n").as_bytes()).map_err(Failure::file("write", &path))?;
        Ok(path)
    }

    /// Keeps the folder of the first attempt.
    fn set_aside(&self, name: &str, folder: &Path) -> Result<(), Failure> {
        let first = self.out.join("first-attempts").join(name);
        let parent = first.parent().unwrap_or(&self.out);
        std::fs::create_dir_all(parent).map_err(Failure::file("create", parent))?;
        match std::fs::rename(folder, &first) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            outcome => outcome.map_err(Failure::file("move", folder)),
        }
    }

    /// Waits for the end. Passes interrupts on; interrupts, then kills, a run that exceeds its limit.
    fn wait(&self, child: &mut Child, limit: Duration) -> Result<(ExitStatus, Vec<String>), Failure> {
        let wait_failed = |source| Failure::File { action: "wait for", path: self.harness.clone(), source };
        let pid =
            i32::try_from(child.id()).map(Pid::from_raw).map_err(|error| wait_failed(std::io::Error::other(error)))?;
        let mut troubles = Vec::new();
        let mut passed_on = 0;
        let mut deadline = Instant::now() + limit;
        loop {
            if let Some(status) = child.try_wait().map_err(wait_failed)? {
                return Ok((status, troubles));
            }
            if self.interrupts.count() > passed_on {
                // The first starts the cleanup, which gets its own limit.
                if passed_on == 0 {
                    deadline = Instant::now() + self.grace;
                }
                passed_on += 1;
                kill(pid, Signal::SIGINT).map_err(|error| wait_failed(error.into()))?;
            }
            if Instant::now() >= deadline {
                let first = troubles.is_empty() && passed_on == 0;
                let signal = if first { Signal::SIGINT } else { Signal::SIGKILL };
                let within = if first { limit } else { self.grace };
                troubles.push(format!("it did not end within {} s and was sent {signal}", within.as_secs()));
                kill(pid, signal).map_err(|error| wait_failed(error.into()))?;
                deadline = Instant::now() + self.grace;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

fn created(path: &Path) -> Result<File, Failure> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(Failure::file("create", parent))?;
    }
    File::create(path).map_err(Failure::file("create", path))
}

/// The outcome, from the exit code and `summary.json`.
fn outcome(folder: &Path, status: ExitStatus, mut troubles: Vec<String>) -> Outcome {
    let path = folder.join("summary.json");
    let text = std::fs::read(&path).map_err(|error| error.to_string());
    let summary = text.and_then(|text| Summary::from_json(&text).map_err(|error| error.to_string()));
    let exit_code = status.code();
    match summary {
        Ok(summary) => {
            if exit_code.is_some_and(|code| code != i32::from(u8::from(summary.exit_code))) {
                troubles.push(format!("it ended with {status}, but its report says {}", summary.exit_code));
            }
            let failed = summary.expectations.iter().filter(|one| one.verdict == Verdict::Fail);
            let objects = summary.leaks.iter().map(|leak| format!("{} {}", leak.kind, leak.name));
            Outcome {
                exit_code,
                failed: failed.map(|one| one.name.clone()).collect(),
                left: objects.chain(processes_left(&summary.run.id)).collect(),
                reasons: summary.reasons,
                troubles,
            }
        }
        Err(reason) => {
            troubles.push(format!("{}: {reason}", path.display()));
            Outcome { exit_code, troubles, ..Outcome::default() }
        }
    }
}

/// Processes of the run's own cluster that do not end.
fn processes_left(run: &str) -> Vec<String> {
    let began = Instant::now();
    loop {
        let left = processes_of(run);
        if left.is_empty() || began.elapsed() >= GONE_WITHIN {
            return left;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Processes whose command line names the run's own cluster.
fn processes_of(run: &str) -> Vec<String> {
    let cluster = format!("run-{run}");
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines
        .filter(|line| line.contains(&cluster))
        .filter_map(|line| line.split_whitespace().next().map(|program| format!("process {program}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::tests::taking;
    use std::os::unix::fs::PermissionsExt as _;

    /// A script that takes the place of `harness run NAME ... --out FOLDER`; `$out` is the folder.
    fn processes(folder: &Path, script: &str) -> Processes {
        let program = folder.join("harness");
        let text = format!("#!/bin/sh\nfor last; do out=$last; done\nmkdir -p \"$out\"\n{script}\n");
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Processes::new(program, folder.join("out"), 7, Interrupts::default())
    }

    #[test]
    fn exit_code_0_without_a_report_is_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let outcome = processes(folder.path(), "exit 0").run(&taking("spot", 1), 1);
        assert_eq!(outcome.exit_code, Some(0));
        assert!(outcome.troubles[0].contains("summary.json"), "{outcome:?}");
    }

    #[test]
    fn a_missing_program_is_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Processes::new(folder.path().join("no"), folder.path().join("out"), 7, Interrupts::default());
        let outcome = missing.run(&taking("spot", 1), 1);
        assert!(outcome.exit_code.is_none() && outcome.troubles[0].contains("cannot start"), "{outcome:?}");
    }

    #[test]
    fn the_first_attempt_and_its_log_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let processes = processes(folder.path(), "echo \"$*\"; echo x >\"$out/x\"; exit 1");
        processes.run(&taking("spot", 1), 1);
        processes.run(&taking("spot", 1), 2);
        let out = folder.path().join("out");
        assert!(out.join("first-attempts/spot/x").is_file() && out.join("spot/x").is_file());
        for attempt in [1, 2] {
            let log = std::fs::read_to_string(out.join(format!("logs/spot-{attempt}.log"))).unwrap();
            assert!(log.starts_with("run spot --profile default --seed 7 --out "), "{log}");
        }
    }

    #[test]
    fn runs_can_share_a_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let processes = processes(folder.path(), "echo \"$*\"").on(Some("shared".to_owned()));
        processes.run(&taking("spot", 1), 1);
        let log = std::fs::read_to_string(folder.path().join("out/logs/spot-1.log")).unwrap();
        assert!(log.starts_with("run --cluster shared spot --profile default --seed 7 --out "), "{log}");
    }

    #[test]
    fn every_interrupt_is_passed_on() {
        let folder = tempfile::tempdir().unwrap();
        // Ends at the second SIGINT; `ready` shows that the trap is set.
        let script = "n=0\ntrap 'n=$((n+1)); echo $n >\"$out/seen\"' INT\n: >\"$out/ready\"\nwhile [ $n -lt 2 ]; do sleep 0.05; done\nexit 130";
        let processes = processes(folder.path(), script);
        let out = folder.path().join("out/spot");
        let outcome = std::thread::scope(|scope| {
            let run = scope.spawn(|| processes.run(&taking("spot", 1), 1));
            wait_for(&out.join("ready"));
            processes.interrupts.add();
            wait_for(&out.join("seen"));
            processes.interrupts.add();
            run.join().unwrap()
        });
        assert_eq!(outcome.exit_code, Some(130));
        assert_eq!(std::fs::read_to_string(out.join("seen")).unwrap().trim(), "2");
    }

    #[test]
    fn a_run_that_hangs_is_interrupted_and_then_killed() {
        let folder = tempfile::tempdir().unwrap();
        let mut processes = processes(folder.path(), "trap '' INT\nwhile :; do sleep 0.05; done");
        (processes.beyond_phases, processes.grace) = (Duration::from_millis(300), Duration::from_millis(300));
        let outcome = processes.run(&Job { at_most: Duration::ZERO, ..taking("spot", 1) }, 1);
        assert_eq!(outcome.exit_code, None);
        let troubles = outcome.troubles.join("\n");
        assert!(troubles.contains("SIGINT") && troubles.contains("SIGKILL"), "{troubles}");
    }

    fn wait_for(file: &Path) {
        let limit = Instant::now() + Duration::from_secs(10);
        while !file.is_file() {
            assert!(Instant::now() < limit, "{} was not written", file.display());
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}
