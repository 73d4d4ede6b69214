//! `harness up`, `down`, `status` and `env`: local clusters that stay.

use std::collections::BTreeMap;
use std::time::Instant;

use harness_cluster::local::{self, Phase};
use harness_suite::{DEFAULT_CLUSTER, ExitCode, TargetError, shell_quoted};

use crate::args::{Down, Named, Up};
use crate::console::Console;
use crate::error::CliError;
use crate::progress::ConsoleProgress;

pub(super) async fn up(args: &Up, console: &Console) -> Result<ExitCode, CliError> {
    let target = args.local.target();
    let name = target.name();
    let region = args.azure.region.unwrap_or_default();
    let config = target.config(name, region, &ConsoleProgress::new(console)).await?;
    console.say(&format!("starting the local cluster `{name}` in {region}"));
    let started = Instant::now();
    let cluster = local::up(config).await?;
    let took = started.elapsed().as_secs_f64();
    ready(name, took).iter().for_each(|line| console.say(line));
    if console.json() {
        console.json_data(&cluster.status().await?)?;
    }
    Ok(ExitCode::Passed)
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

pub(super) async fn status(args: &Named, console: &Console) -> Result<ExitCode, CliError> {
    let status = local::status(&local::default_state_root(), &args.cluster).await?;
    let status = status.ok_or_else(|| TargetError::not_up(&args.cluster))?;
    if console.json() {
        console.json_data(&status)?;
    } else {
        console.data(&describe(&status))?;
    }
    Ok(if status.phase == Phase::Failed { ExitCode::TargetFailed } else { ExitCode::Passed })
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
}
