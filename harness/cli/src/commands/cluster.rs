//! `harness up`, `down`, `status` and `env`: local clusters that stay.

use std::collections::BTreeMap;
use std::time::Instant;

use harness_cluster::local::{self, ClusterParts, Phase};
use harness_record::text::duration;
use harness_suite::{ClusterContents, ClusterRow, DEFAULT_CLUSTER, ExitCode, TargetError, list_clusters, shell_quoted};
use harness_units::count;

use crate::args::{Down, Named, Status, Up};
use crate::console::Console;
use crate::error::CliError;
use crate::progress::ConsoleProgress;

pub(super) async fn up(args: &Up, console: &Console) -> Result<ExitCode, CliError> {
    let target = args.local.target();
    let name = target.name();
    let region = args.azure.region.unwrap_or_default();
    let config = target.config(name, region, &ConsoleProgress::new(console)).await?.with_parts(args.azure_cluster);
    console.say(&format!("starting the local cluster `{name}` in {region}{}", in_words(args.azure_cluster)));
    let started = Instant::now();
    let cluster = local::up(config).await?;
    let took = started.elapsed().as_secs_f64();
    ready(name, took).iter().for_each(|line| console.say(line));
    if console.json() {
        console.json_data(&cluster.status().await?)?;
    }
    Ok(ExitCode::Passed)
}

fn in_words(parts: ClusterParts) -> &'static str {
    match parts {
        ClusterParts::Aks => ", with the system pool, the DaemonSets and the storage classes of AKS",
        ClusterParts::AksDefaults => {
            ", with the DaemonSets and the storage classes of AKS, and a system pool without a taint and in no zone"
        }
        ClusterParts::Bare => ", without anything of AKS's own",
    }
}

/// What is said about a cluster that is up: how to use it, and how to end it.
fn ready(name: &str, took_s: f64) -> [String; 2] {
    let option = cluster_option(name);
    [
        format!("`{name}` is ready after {took_s:.1} s; it stays until `harness down{option}`"),
        format!(
            "to use it from a shell: eval \"$(harness env{option})\"; to run a scenario on it: harness run scale-burst{option}"
        ),
    ]
}

/// The option that names a cluster in a command; nothing for the one that every command means without it.
fn cluster_option(name: &str) -> String {
    if name == DEFAULT_CLUSTER { String::new() } else { format!(" --cluster {name}") }
}

pub(super) async fn down(args: &Down, console: &Console) -> Result<ExitCode, CliError> {
    let root = local::default_state_root();
    let name = args.cluster.as_deref().unwrap_or(DEFAULT_CLUSTER);
    let Some(report) = local::down(&root, name, args.logs.as_deref()).await? else {
        // Without a name this says "whatever may be up", and a script may say it twice.
        return match (&args.cluster, local::list(&root).as_slice()) {
            (Some(_), _) => Err(TargetError::not_up(name).into()),
            (None, []) => {
                console.say("no cluster is up");
                Ok(ExitCode::Passed)
            }
            (None, others) => {
                console
                    .say(&format!("`{name}` is not up; to take another one down: --cluster {}", others.join(" or ")));
                Ok(ExitCode::Passed)
            }
        };
    };
    if console.json() {
        console.json_data(&report)?;
    }
    if report.left.is_empty() {
        let took = report.duration_ms as f64 / 1e3;
        console.say(&format!("`{name}` is down after {took:.1} s; nothing was left behind"));
        return Ok(ExitCode::Passed);
    }
    console.error(&format!("left behind: {}", report.left.join(", ")));
    Ok(ExitCode::LeftBehind)
}

pub(super) async fn status(args: &Status, console: &Console) -> Result<ExitCode, CliError> {
    let Some(name) = &args.cluster else { return status_of_all(console).await };
    let status = local::status(&local::default_state_root(), name).await?;
    let status = status.ok_or_else(|| TargetError::not_up(name))?;
    if console.json() {
        console.json_data(&status)?;
    } else {
        console.data(&describe(&status))?;
    }
    Ok(if status.phase == Phase::Failed { ExitCode::TargetFailed } else { ExitCode::Passed })
}

async fn status_of_all(console: &Console) -> Result<ExitCode, CliError> {
    let rows = list_clusters().await;
    if console.json() {
        console.json_data(&rows)?;
    } else if rows.is_empty() {
        console.say("no cluster is up");
    } else {
        console.data(&table(&rows))?;
    }
    let failed = rows.iter().any(|row| row.phase == Some(Phase::Failed));
    Ok(if failed { ExitCode::TargetFailed } else { ExitCode::Passed })
}

/// The clusters, a line each, with what is wrong on a line of its own.
fn table(rows: &[ClusterRow]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max("CLUSTER".len());
    let mut lines = vec![format!("{:<width$}  {:<13}  {:>7}  ON IT", "CLUSTER", "STATE", "AGE")];
    for row in rows {
        let state = row.phase.map_or("not answering".to_owned(), |phase| phase.to_string());
        let age = row.age_s.map_or(String::new(), |seconds| duration(seconds * 1_000_000));
        let on_it = row.contents.as_ref().map(describe_contents);
        let run = row.run.as_ref().map(|run| format!("in use by {run}"));
        let on_it: Vec<String> = on_it.into_iter().chain(run).collect();
        let line = format!("{:<width$}  {state:<13}  {age:>7}  {}", row.name, on_it.join("; "));
        lines.push(line.trim_end().to_owned());
        lines.extend(row.problem.iter().map(|problem| format!("  {problem}")));
    }
    lines.join("\n")
}

fn describe_contents(contents: &ClusterContents) -> String {
    let ClusterContents { node_pools, node_claims, nodes, vms } = contents;
    let all = [(node_pools, "NodePool"), (node_claims, "NodeClaim"), (nodes, "Node"), (vms, "VM")];
    all.map(|(number, noun)| count(*number, noun)).join(", ")
}

fn describe(status: &local::Status) -> String {
    let mut lines = vec![format!("{}: {}, since {}", status.name, status.phase, status.started_at)];
    lines.push(String::new());
    for component in &status.components {
        let state = match (&component.process, &component.last_exit) {
            (Some(process), _) => format!("running, pid {}", process.pid),
            (None, Some(exit)) => format!("stopped: {exit}"),
            (None, None) => "not started".to_owned(),
        };
        lines.push(format!("  {:<26} {state}", component.name));
    }
    lines.push(String::new());
    lines.extend(status.endpoints.iter().map(|(name, address)| format!("  {name:<26} {address}")));
    if let Some(failure) = &status.failure {
        lines.push(format!("\nfailed: {failure}"));
    }
    lines.join("\n")
}

/// Prints what `eval "$(harness env)"` needs to use the cluster with any client.
pub(super) async fn env(args: &Named, console: &Console) -> Result<ExitCode, CliError> {
    let variables: Vec<(String, String)> = harness_suite::attach(&args.cluster).await?.env();
    if console.json() {
        console.json_data(&variables.into_iter().collect::<BTreeMap<_, _>>())?;
    } else {
        let exports = variables.iter().map(|(name, value)| format!("export {name}={}", shell_quoted(value)));
        console.data(&exports.collect::<Vec<_>>().join("\n"))?;
    }
    Ok(ExitCode::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Before, the commands were those for the unnamed cluster, whatever the name of the one that had been started.
    #[test]
    fn the_commands_for_a_cluster_that_is_up_are_about_that_one() {
        let [ends, uses] = ready("spring", 21.34);
        assert_eq!(ends, "`spring` is ready after 21.3 s; it stays until `harness down --cluster spring`");
        assert!(uses.contains("eval \"$(harness env --cluster spring)\"; "), "{uses}");
        assert!(uses.ends_with(": harness run scale-burst --cluster spring"), "{uses}");
        let [ends, uses] = ready(DEFAULT_CLUSTER, 20.0);
        assert!(ends.ends_with("until `harness down`"), "{ends}");
        assert!(uses.contains("$(harness env)") && uses.ends_with("harness run scale-burst"), "{uses}");
    }

    #[test]
    fn each_cluster_is_a_line_with_what_is_on_it_and_what_is_wrong() {
        let row = |name: &str, phase| ClusterRow {
            name: name.to_owned(),
            phase,
            started_at: None,
            age_s: Some(192),
            contents: None,
            run: None,
            problem: None,
        };
        let contents = Some(ClusterContents { node_pools: 2, node_claims: 1, nodes: 1, vms: 1 });
        let run = Some("run r1 (process 7 on here)".to_owned());
        let rows = [
            ClusterRow { contents, run, ..row("harness", Some(Phase::Ready)) },
            ClusterRow { problem: Some("etcd: it died".to_owned()), ..row("spring", Some(Phase::Failed)) },
            ClusterRow { age_s: None, ..row("s", None) },
        ];
        let expected = "CLUSTER  STATE              AGE  ON IT\n\
            harness  ready            3m12s  2 NodePools, 1 NodeClaim, 1 Node, 1 VM; in use by run r1 (process 7 on here)\n\
            spring   failed           3m12s\n  etcd: it died\n\
            s        not answering";
        assert_eq!(table(&rows), expected);
    }
}
