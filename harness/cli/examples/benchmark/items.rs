//! The items: what is run, and which of its figures have a target.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness_plan::Group;
use harness_record::compare::MeasuredRun;
use harness_suite::{FluxBuildProgram, read_measured_run};
use serde::Deserialize;

use crate::aa;
use crate::args::{Args, DEFAULT_POD_CPU, Item};
use crate::bursts::{Burst, summary};
use crate::curve::Curve;
use crate::decisions::Decisions;
use crate::failure::Failure;
use crate::process::{Ran, Runner, Task};
use crate::rates::Rates;
use crate::repository;
use crate::sheet::{Sheet, Unit};

/// The pods of [`Item::Burst`].
const BURST_PODS: u32 = 1_000;
/// The targets: the number of pods, each of the default size, and the seconds until all of them are Ready.
const ALL_READY_S: [(u32, f64); 3] = [(BURST_PODS, 25.0), (3_000, 90.0), (10_000, 480.0)];
/// The events of [`Item::Report`].
const REPORT_EVENTS: u32 = 1_000_000;
/// How many files the repositories of [`Item::Validate`] have at least, fewest first.
const VALIDATED_FILES: [usize; 2] = [350, 5_000];
/// The group whose scenarios are about Flux. The target of [`Item::Catalogue`] is for the others, which are about nodes.
const GITOPS: Group = Group::Gitops;
/// The seed of every run.
const SEED: &str = "1";
/// Beyond the scenarios' own deadlines (10 minutes up, 10 down), start and cleanup.
const RUN_LIMIT: Duration = Duration::from_secs(30 * 60);
const CATALOGUE_LIMIT: Duration = Duration::from_secs(90 * 60);
const SHORT_LIMIT: Duration = Duration::from_secs(5 * 60);

/// What the items share.
pub(crate) struct Bench<'a> {
    pub(crate) args: &'a Args,
    pub(crate) runner: &'a Runner,
    /// Where runs' folders are made.
    pub(crate) out: &'a Path,
    pub(crate) sheet: Sheet,
    pub(crate) curve: Curve,
}

/// The part of `harness status --format json` that is used.
#[derive(Deserialize)]
struct Status {
    timings: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    step: String,
    from_ms: u64,
    to_ms: u64,
}

/// The part of `index.json` that is used.
#[derive(Deserialize)]
struct Index {
    scenarios: Vec<One>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct One {
    group: Group,
    duration_ms: f64,
}

impl Bench<'_> {
    /// `harness run scale-burst --profile smoke`.
    pub(crate) async fn smoke(&mut self, repeat: u32) -> Result<(), Failure> {
        let name = format!("smoke-{repeat}");
        let task = self.run_task(&name, SHORT_LIMIT).args(["scale-burst", "--profile", "smoke"]);
        let ran = self.runner.run(task).await?;
        let (path, summary) = summary(&self.out.join(&name))?;
        self.sheet.target(Item::Smoke, "start to exit", Unit::Seconds, ran.wall.as_secs_f64(), 90.0);
        for phase in &summary.phases {
            let (Some(began_us), Some(ended_us)) = (phase.began_us, phase.ended_us) else {
                return Err(Failure::Missing { path, figure: "phase" });
            };
            let what = format!("of it: {}", phase.name);
            self.sheet.figure(Item::Smoke, &what, Unit::Seconds, (ended_us - began_us) as f64 / 1e6);
        }
        let rest_s = ran.wall.as_secs_f64() - summary.run.duration_us as f64 / 1e6;
        self.sheet.figure(Item::Smoke, "of it: the cluster's start and end, reports", Unit::Seconds, rest_s);
        Ok(())
    }

    /// `harness up`, with its steps, and `harness down`.
    pub(crate) async fn warm(&mut self, repeat: u32) -> Result<(), Failure> {
        let cluster = cluster();
        let task = |name: &str| Task::harness(format!("{name}-{repeat}"), SHORT_LIMIT);
        let up = self.runner.run(task("up").args(["up", "--cluster"]).arg(&cluster)).await;
        let status =
            self.runner.run(task("status").args(["status", "--format", "json", "--cluster"]).arg(&cluster)).await;
        // Nothing may stay up, even after a start that failed.
        let down = self.runner.run(task("down").args(["down", "--cluster"]).arg(&cluster).always()).await;
        let (up, status, down) = (up?, status?, down?);
        self.sheet.target(Item::Warm, "`up` until it is usable", Unit::Seconds, up.wall.as_secs_f64(), 12.0);
        let json = std::fs::read(&status.stdout).map_err(|source| Failure::file("read", &status.stdout, source))?;
        let status: Status = serde_json::from_slice(&json).map_err(Failure::Status)?;
        for Step { step, from_ms, to_ms } in status.timings {
            let took_s = to_ms.saturating_sub(from_ms) as f64 / 1e3;
            self.sheet.figure(Item::Warm, &format!("step: {step}"), Unit::Seconds, took_s);
        }
        self.sheet.figure(Item::Warm, "`down`", Unit::Seconds, down.wall.as_secs_f64());
        Ok(())
    }

    /// The burst with its own number of pods, or the growth curve. Where both are asked for, the burst is a point of the curve
    /// and not run on its own.
    pub(crate) async fn bursts(&mut self, item: Item, repeat: u32) -> Result<(), Failure> {
        let counts = match item {
            Item::Burst => vec![BURST_PODS],
            _ => self.args.growth(),
        };
        let (items, growth) = (self.args.items(), self.args.growth());
        let shared = items.contains(&Item::Burst) && items.contains(&Item::Growth) && growth.contains(&BURST_PODS);
        let mut failed = None;
        for pods in counts {
            if shared && item == Item::Burst {
                continue;
            }
            let burst = match self.burst(pods, repeat).await {
                Ok(burst) => burst,
                Err(Failure::Interrupted) => return Err(Failure::Interrupted),
                // The other points of the curve are useful without this one.
                Err(failure) => {
                    eprintln!("{pods} pods: {failure}");
                    failed.get_or_insert(failure);
                    continue;
                }
            };
            if pods == BURST_PODS {
                self.burst_rows(&burst);
            } else {
                self.all_ready(Item::Growth, &burst);
            }
            self.curve.add(burst);
        }
        failed.map_or(Ok(()), Err)
    }

    async fn burst(&self, pods: u32, repeat: u32) -> Result<Burst, Failure> {
        let name = format!("burst-{pods}-{repeat}");
        let (pods_set, cpu_set) = (format!("pods={pods}"), format!("podCpu={}", self.args.pod_cpu));
        let set = ["--set", pods_set.as_str(), "--set", cpu_set.as_str()];
        let ran = self.scenario(&name, &self.burst_file()?, &set).await?;
        Burst::read(pods, &self.out.join(&name), &ran)
    }

    /// The scenario of the burst on the cluster that was asked for.
    fn burst_file(&self) -> Result<PathBuf, Failure> {
        let (written, parts) = (self.args.scenarios.join("burst.yaml"), &self.args.azure_cluster);
        let text = std::fs::read_to_string(&written).map_err(|source| Failure::file("read", &written, source))?;
        let file = self.out.join(format!("burst-{parts}.yaml"));
        let text = text.replace("cluster: bare", &format!("cluster: {parts}"));
        std::fs::write(&file, text).map_err(|source| Failure::file("write", &file, source))?;
        Ok(file)
    }

    /// How long it took until every pod was Ready, beside the target where there is one.
    fn all_ready(&mut self, item: Item, burst: &Burst) {
        let Args { pod_cpu, azure_cluster, .. } = &self.args;
        let what = format!("{} pods of {pod_cpu} all Ready, cluster {azure_cluster}", burst.pods);
        let target = ALL_READY_S.iter().find(|(pods, _)| *pods == burst.pods && *pod_cpu == DEFAULT_POD_CPU);
        match target {
            Some((_, target_s)) => self.sheet.target(item, &what, Unit::Seconds, burst.all_ready_s, *target_s),
            None => self.sheet.figure(item, &what, Unit::Seconds, burst.all_ready_s),
        }
    }

    fn burst_rows(&mut self, burst: &Burst) {
        self.all_ready(Item::Burst, burst);
        let sheet = &mut self.sheet;
        sheet.figure(Item::Burst, "nodes", Unit::Count, burst.nodes);
        let Rates { pods_scheduled, nodes_provisioned } = burst.rates;
        let pods = "pods scheduled, first pod seen to last one bound";
        sheet.figure(Item::Burst, pods, Unit::PerSecond, pods_scheduled.mean);
        sheet.figure(Item::Burst, "pods scheduled in the best second", Unit::Count, pods_scheduled.most);
        let nodes = "nodes provisioned, first NodeClaim to last Ready";
        sheet.figure(Item::Burst, nodes, Unit::PerSecond, nodes_provisioned.mean);
        sheet.figure(Item::Burst, "nodes Ready in the best second", Unit::Count, nodes_provisioned.most);
        let share = "harness and supervisor, part of all CPU time";
        sheet.target(Item::Burst, share, Unit::Percent, burst.own_share_percent(), 5.0);
        sheet.target(Item::Burst, "harness and supervisor, peak memory", Unit::Megabytes, burst.own_rss_mb(), 150.0);
        sheet.target(Item::Burst, "p99 watch lag", Unit::Milliseconds, burst.watch_lag_p99_ms, 50.0);
        sheet.target(Item::Burst, "p99 send lag", Unit::Milliseconds, burst.send_lag_p99_ms, 20.0);
    }

    /// Constant and lognormal boots.
    pub(crate) async fn accuracy(&mut self, repeat: u32) -> Result<(), Failure> {
        for boot in ["constant", "lognormal"] {
            let name = format!("accuracy-{boot}-{repeat}");
            self.scenario(&name, &self.args.scenarios.join(format!("accuracy-{boot}.yaml")), &[]).await?;
            let (path, summary) = summary(&self.out.join(&name))?;
            let check = summary.cross_check.filter(|check| check.count > 0);
            let check = check.ok_or(Failure::Missing { path, figure: "crossCheck" })?;
            let what = |figure: &str| format!("{boot} boot: {figure}");
            let sheet = &mut self.sheet;
            sheet.target(
                Item::Accuracy,
                &what("p99 of the difference in provisioning"),
                Unit::Milliseconds,
                check.provisioning_difference_ms_p99,
                150.0,
            );
            let mut figure = |text: &str, ms: f64| {
                sheet.figure(Item::Accuracy, &what(text), Unit::Milliseconds, ms);
            };
            figure("its median", check.provisioning_difference_ms_p50);
            figure("its largest", check.provisioning_difference_ms_max);
            figure("p99 of Node made Ready to seen Ready", check.ready_seen_after_ms_p99);
            figure("median measured, NodeClaim seen to Node Ready seen", check.measured_ms_p50);
            figure("median of Azure's record, PUT accepted to Node made Ready", check.recorded_ms_p50);
            // The controller's own time: it belongs to both intervals.
            figure("median of NodeClaim seen to PUT accepted", check.request_ms_p50.unwrap_or_default());
            figure("p99 of NodeClaim seen to PUT accepted", check.request_ms_p99.unwrap_or_default());
            figure("latest NodeClaim seen after its PUT", check.late_begin_ms_max.unwrap_or_default());
            sheet.figure(
                Item::Accuracy,
                &what("NodeClaims seen after their PUT"),
                Unit::Count,
                check.late_begins as f64,
            );
            sheet.figure(Item::Accuracy, &what("nodes with both records"), Unit::Count, check.count as f64);
        }
        Ok(())
    }

    /// The scenario `consolidation`: how long the provisioner takes for each of its decisions.
    pub(crate) async fn consolidation(&mut self, repeat: u32) -> Result<(), Failure> {
        let name = format!("consolidation-{repeat}");
        self.runner.run(self.run_task(&name, RUN_LIMIT).arg("consolidation")).await?;
        let decisions = Decisions::read(&self.out.join(&name))?;
        let mut figure = |text: &str, unit, value| self.sheet.figure(Item::Consolidation, text, unit, value);
        figure("last scale-down acknowledged to the first decision", Unit::Seconds, decisions.first_s);
        figure("from one decision to the next, mean", Unit::Seconds, decisions.between_s);
        figure("decisions", Unit::Count, decisions.count as f64);
        figure("NodeClaims that they took", Unit::Count, decisions.nodeclaims as f64);
        Ok(())
    }

    /// `harness run --all` on one cluster, and the share of each group.
    pub(crate) async fn catalogue(&mut self, repeat: u32) -> Result<(), Failure> {
        let name = format!("catalogue-{repeat}");
        let ran = self.runner.run(self.run_task(&name, CATALOGUE_LIMIT).arg("--all")).await?;
        let path = self.out.join(&name).join("index.json");
        let json = std::fs::read(&path).map_err(|source| Failure::file("read", &path, source))?;
        let index: Index = serde_json::from_slice(&json).map_err(|source| Failure::Index { path, source })?;
        let mut groups: BTreeMap<Group, f64> = BTreeMap::new();
        for one in &index.scenarios {
            *groups.entry(one.group).or_default() += one.duration_ms / 1e3;
        }
        let provisioning_s: f64 = groups.iter().filter(|(group, _)| **group != GITOPS).map(|(_, took_s)| took_s).sum();
        self.sheet.target(Item::Catalogue, "node auto-provisioning", Unit::Seconds, provisioning_s, 30.0 * 60.0);
        for (group, took_s) in groups {
            self.sheet.figure(Item::Catalogue, &format!("group {}", group.as_str()), Unit::Seconds, took_s);
        }
        self.sheet.figure(Item::Catalogue, "start to exit", Unit::Seconds, ran.wall.as_secs_f64());
        Ok(())
    }

    /// `harness report` over a synthetic log.
    pub(crate) async fn report(&mut self, repeat: u32) -> Result<(), Failure> {
        let folder = self.out.join("report");
        if repeat == 1 {
            let make = Task::other("synthesize", self.args.synthesize(), SHORT_LIMIT);
            self.runner.run(make.arg(&folder).arg(REPORT_EVENTS.to_string()).arg(SEED)).await?;
        }
        let task = Task::harness(format!("report-{repeat}"), SHORT_LIMIT).arg("report").arg(&folder).closely();
        let ran = self.runner.run(task).await?;
        let what = |figure: &str| format!("{REPORT_EVENTS} events: {figure}");
        self.sheet.target(Item::Report, &what("start to exit"), Unit::Seconds, ran.wall.as_secs_f64(), 5.0);
        let memory_mb = ran.rss_max_bytes as f64 / 1e6;
        self.sheet.target(Item::Report, &what("peak memory"), Unit::Megabytes, memory_mb, 300.0);
        Ok(())
    }

    /// `harness validate --offline` over a generated repository, and over a small one: the time grows with the files and no faster.
    pub(crate) async fn validate(&mut self, repeat: u32) -> Result<(), Failure> {
        let nothing = self.out.join("no-components");
        std::fs::create_dir_all(&nothing).map_err(|source| Failure::file("create", &nothing, source))?;
        let mut repositories = Vec::new();
        for size in VALIDATED_FILES {
            let folder = self.out.join(format!("repository-{size}"));
            repositories.push((repository::write(&folder, size)?, folder));
        }
        let validate = |name: &str, size: usize, folder: &Path| {
            let task = Task::harness(format!("validate-{name}-{size}-{repeat}"), SHORT_LIMIT).closely();
            task.args(["validate", "--offline"]).arg(folder)
        };
        let mut cpu_us_per_file = Vec::new();
        for (files, folder) in &repositories {
            let task = validate("own", *files, folder).arg("--bin-dir").arg(&nothing);
            let ran = self.runner.run(task).await?;
            self.validate_rows("the engine of the harness", *files, &ran);
            cpu_us_per_file.push(ran.cpu.as_secs_f64() * 1e6 / *files as f64);
        }
        if let [few, many] = cpu_us_per_file.as_slice() {
            let what = "the engine of the harness: CPU time per file, of the large repository to the small one";
            self.sheet.target(Item::Validate, what, Unit::Ratio, many / few, 1.5);
        }
        let Some((files, folder)) = repositories.first() else { return Ok(()) };
        // Built at its first use, which is not measured. Where it cannot be, there is nothing to measure.
        self.runner.run(validate("first", *files, folder)).await?;
        if FluxBuildProgram::locate(None).is_err() {
            return Ok(());
        }
        for (files, folder) in &repositories {
            let ran = self.runner.run(validate("flux", *files, folder).arg("--no-build")).await?;
            self.validate_rows("with Flux's own code", *files, &ran);
            let what = format!("with Flux's own code: {files} files: peak memory of flux-build");
            self.sheet.figure(Item::Validate, &what, Unit::Megabytes, ran.child_rss_max_bytes as f64 / 1e6);
        }
        Ok(())
    }

    fn validate_rows(&mut self, by: &str, files: usize, ran: &Ran) {
        let what = |figure: &str| format!("{by}: {files} files: {figure}");
        let sheet = &mut self.sheet;
        sheet.target(Item::Validate, &what("start to exit"), Unit::Seconds, ran.wall.as_secs_f64(), 5.0);
        sheet.target(Item::Validate, &what("peak memory"), Unit::Megabytes, ran.rss_max_bytes as f64 / 1e6, 150.0);
        sheet.figure(Item::Validate, &what("CPU time, without children"), Unit::Seconds, ran.cpu.as_secs_f64());
    }

    /// Equal runs against each other, and against runs with a slower phase. The targets are those of twenty pairs.
    pub(crate) async fn aa(&mut self, repeat: u32) -> Result<(), Failure> {
        self.aa_rows("made-up runs, 5 a side", aa::model(5));
        let mut runs: Vec<MeasuredRun> =
            self.args.aa_from.iter().map(|folder| read_measured_run(folder)).collect::<Result<_, _>>()?;
        if runs.is_empty() && self.args.aa_runs > 0 {
            let name = format!("aa-{repeat}");
            let words = ["scale-burst", "--profile", "smoke", "--repeat"];
            // One folder for all of them where there are several.
            let task = self.run_task(&name, CATALOGUE_LIMIT).args(words).arg(self.args.aa_runs.to_string());
            self.runner.run(task).await?;
            let out = self.out.join(&name);
            for number in 1..=self.args.aa_runs {
                let folder = match (self.args.aa_runs, number) {
                    (1, _) => out.clone(),
                    (_, 1) => out.join("scale-burst"),
                    _ => out.join(format!("scale-burst.{number}")),
                };
                runs.push(read_measured_run(&folder)?);
            }
        }
        if runs.len() < 2 {
            return Ok(());
        }
        let half = runs.len() / 2;
        self.aa_rows(&format!("real runs, {half} and {} a side", runs.len() - half), aa::real(&runs));
        for (latency, percent) in aa::scatter(&runs) {
            let what = format!("real runs: scatter of the p50 of {latency} from run to run");
            self.sheet.figure(Item::Aa, &what, Unit::Percent, percent);
        }
        Ok(())
    }

    fn aa_rows(&mut self, which: &str, outcome: aa::Outcome) {
        let aa::Outcome { false_regressions, inconclusive, missed } = outcome;
        let what = |text: &str| format!("{which}: {text}, of 20 pairs");
        let sheet = &mut self.sheet;
        sheet.target(Item::Aa, &what("equal and called slower"), Unit::Count, f64::from(false_regressions), 1.0);
        sheet.target(Item::Aa, &what("a phase 20 % slower and not found"), Unit::Count, f64::from(missed), 2.0);
        sheet.figure(Item::Aa, &what("equal and inconclusive"), Unit::Count, f64::from(inconclusive));
    }

    /// Runs a scenario of the benchmark on the benchmark's own tree.
    async fn scenario(&self, name: &str, file: &Path, further: &[&str]) -> Result<Ran, Failure> {
        let task = self.run_task(name, RUN_LIMIT).arg(file);
        let task = task.arg("--node-config").arg(self.args.scenarios.join("tree"));
        self.runner.run(task.args(further.iter().copied())).await
    }

    /// `harness run` on a cluster of its own, so that the processes are used by this run only.
    fn run_task(&self, name: &str, limit: Duration) -> Task {
        let task = Task::harness(name, limit).args(["run", "--seed", SEED]);
        task.arg("--out").arg(self.out.join(name))
    }
}

/// A name that no other cluster has.
fn cluster() -> String {
    format!("benchmark-{}", std::process::id())
}
