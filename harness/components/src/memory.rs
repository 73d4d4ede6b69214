//! How much memory new processes can have.

use std::fs;

/// What new processes can have, bytes: the machine's, or less where a control group limits it. `None` where neither can be read.
pub fn available_memory() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
        let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kibibytes * 1024)
    });
    // Inside a container the root of the control group file system is the container's own group.
    let limit = read_number("/sys/fs/cgroup/memory.max");
    let used = read_number("/sys/fs/cgroup/memory.current").unwrap_or(0);
    match (machine, limit) {
        (Some(machine), Some(limit)) => Some(machine.min(limit.saturating_sub(used))),
        (machine, limit) => machine.or(limit),
    }
}

/// The number in a file; `None` when there is none, or it is `max`.
pub(crate) fn read_number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
