//! CPU time and memory of processes, from `/proc`.

use nix::unistd::{SysconfVar, sysconf};
use serde::{Deserialize, Serialize};

/// What one process of the cluster has used so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentUsage {
    /// The component; `supervisor` is the harness's own process with the simulated Azure and the Git server in it.
    pub name: String,
    /// Its process id.
    pub pid: u32,
    /// User and system CPU time since it started, in milliseconds (resolution 10 ms on Linux).
    pub cpu_ms: u64,
    /// Resident memory now, in bytes.
    pub rss_bytes: u64,
    /// The highest resident memory since it started, in bytes.
    pub rss_peak_bytes: u64,
}

/// Reads the usage of `pid`; `None` when it has ended.
pub fn read_usage(name: &str, pid: u32) -> Option<ComponentUsage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let fields = stat_fields(&stat);
    let ticks = field(&fields, UTIME)? + field(&fields, STIME)?;
    Some(ComponentUsage {
        name: name.to_owned(),
        pid,
        cpu_ms: ticks * 1000 / ticks_per_second(),
        rss_bytes: status_bytes(&status, "VmRSS:"),
        rss_peak_bytes: status_bytes(&status, "VmHWM:"),
    })
}

/// The usage of this process, under the name `harness`.
pub fn own_usage() -> Option<ComponentUsage> {
    read_usage("harness", std::process::id())
}

/// When `pid` started, in clock ticks since boot; with the id it names a process for good, where an id alone may be
/// given to another process later. `None` when it has ended, reaped or not.
pub fn start_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = stat_fields(&stat);
    if matches!(fields.first(), Some(&"Z" | &"X")) {
        return None;
    }
    field(&fields, START)
}

// Positions of proc(5) fields 14, 15 and 22, counted from field 3: the name before it may contain spaces.
const UTIME: usize = 11;
const STIME: usize = 12;
const START: usize = 19;

fn stat_fields(stat: &str) -> Vec<&str> {
    stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default()
}

fn field(fields: &[&str], index: usize) -> Option<u64> {
    fields.get(index)?.parse().ok()
}

fn status_bytes(status: &str, key: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

fn ticks_per_second() -> u64 {
    match sysconf(SysconfVar::CLK_TCK) {
        Ok(Some(ticks)) if ticks > 0 => u64::try_from(ticks).unwrap_or(100),
        _ => 100,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_spaces_and_brackets_do_not_shift_the_fields() {
        let stat = "12 (a ) b) S 1 12 12 0 -1 4194560 1 0 0 0 7 5 0 0 20 0 1 0 99 0 0";
        let fields = stat_fields(stat);
        assert_eq!(field(&fields, UTIME), Some(7));
        assert_eq!(field(&fields, STIME), Some(5));
        assert_eq!(field(&fields, START), Some(99));
    }

    #[test]
    fn this_process_uses_memory() {
        let usage = read_usage("me", std::process::id()).unwrap();
        assert!(usage.rss_bytes > 0 && usage.rss_peak_bytes >= usage.rss_bytes, "{usage:?}");
        assert!(start_ticks(std::process::id()).is_some());
        assert!(read_usage("nobody", u32::MAX).is_none());
    }
}
