//! The machine: figures of different machines, or of a busy one, cannot be compared.

use std::path::Path;
use std::process::Command;

/// Describes the machine, its current load, the revision and the binary, as a Markdown list.
pub(crate) fn facts(harness: &Path) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = first_words("/proc/loadavg", 3);
    let mut lines = vec![
        format!("cores: {cores} ({})", value("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown model".into())),
        format!("memory: {}", value("/proc/meminfo", "MemTotal").unwrap_or_else(|| "unknown".into())),
        format!("kernel: {}", first_words("/proc/sys/kernel/osrelease", 1)),
        format!("load average at the start (1, 5, 15 minutes): {load}"),
        format!("revision: {}", revision()),
        format!("binary: {}, {}", output(Command::new(harness).arg("--version")), harness.display()),
        format!("started: {}", jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default()),
    ];
    let busy = load.split(' ').next().and_then(|load| load.parse::<f64>().ok()).unwrap_or_default();
    if busy > 0.5 * cores as f64 {
        lines.push("**the machine was busy: its times say more about the other load**".to_owned());
    }
    lines.iter().map(|line| format!("- {line}\n")).collect()
}

fn revision() -> String {
    let commit = output(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]));
    let changed = output(Command::new("git").args(["status", "--porcelain", "--untracked-files=no"]));
    match (commit.as_str(), changed.as_str()) {
        ("", _) => "unknown".to_owned(),
        (commit, "") => commit.to_owned(),
        (commit, _) => format!("{commit} with uncommitted changes"),
    }
}

/// Returns the output of a command; empty if it fails.
fn output(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

fn first_words(path: &str, count: usize) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().take(count).collect::<Vec<_>>().join(" ")
}

/// Returns a value of a `key: value` file.
fn value(path: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
