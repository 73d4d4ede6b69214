//! The machine: system, cores, memory, ports, limits.

use std::net::{Ipv4Addr, TcpListener};

use nix::sys::resource::{Resource, getrlimit};

use super::check::Check;
use crate::{available_memory, human, read_number};

/// The control plane, NAP and the simulator with a small load, bytes (measured: about 1.0 GB idle).
const MEMORY_LEAST: u64 = 2_000_000_000;

/// Linking the largest binary beside compiling, and 1,000 pods, with room to spare, bytes.
const MEMORY_GOOD: u64 = 4_000_000_000;

/// One cluster listens on about 15 ports.
const PORTS: usize = 24;

/// etcd, the API server and the harness hold a few hundred each in a large run.
const OPEN_FILES: u64 = 4096;

/// Each Go component uses a few for its certificates and files.
const INOTIFY_INSTANCES: u64 = 64;

pub(super) fn all() -> Vec<Check> {
    vec![
        system(std::env::consts::OS),
        cores(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)),
        memory(available_memory()),
        ports(),
        open_files(),
        inotify(read_number("/proc/sys/fs/inotify/max_user_instances")),
    ]
}

fn system(os: &str) -> Check {
    const NAME: &str = "system";
    if os == "linux" {
        return Check::ok(NAME, format!("linux on {}", std::env::consts::ARCH));
    }
    Check::fail(
        NAME,
        format!("{os}: the local cluster needs Linux"),
        "use a Linux machine, a virtual machine or WSL 2, or another --target",
    )
}

fn cores(count: usize) -> Check {
    const NAME: &str = "cores";
    if count >= 2 {
        return Check::ok(NAME, count.to_string());
    }
    Check::warn(
        NAME,
        format!("{count}: latencies will be those of this machine, not of the controllers"),
        "use 2 cores or more",
    )
}

fn memory(available: Option<u64>) -> Check {
    const NAME: &str = "memory";
    let Some(available) = available else {
        return Check::warn(NAME, "/proc/meminfo has no MemAvailable", "make sure that 4 GB are free");
    };
    let detail = format!("{} available", human(available));
    let advice = "end other programs or use a machine with 4 GB free";
    if available < MEMORY_LEAST {
        Check::fail(NAME, detail + ", 2 GB needed", advice)
    } else if available < MEMORY_GOOD {
        let detail = detail + ": enough for a small load; a build or a large load may run out";
        Check::warn(NAME, detail, advice)
    } else {
        Check::ok(NAME, detail)
    }
}

fn ports() -> Check {
    const NAME: &str = "loopback ports";
    let bound: Result<Vec<TcpListener>, _> = (0..PORTS).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    match bound {
        Ok(_) => Check::ok(NAME, format!("{PORTS} free ports on 127.0.0.1 could be bound")),
        Err(error) => Check::fail(
            NAME,
            format!("cannot bind {PORTS} free ports on 127.0.0.1: {error}"),
            "bring the loopback interface up (`ip link set lo up`) and allow listening on it",
        ),
    }
}

fn open_files() -> Check {
    const NAME: &str = "open files";
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, hard)) => judge_open_files(soft, hard),
        Err(error) => Check::warn(NAME, error.to_string(), "check `ulimit -n` by hand"),
    }
}

/// Go programs raise their own soft limit to the hard one; the harness itself keeps the soft one.
fn judge_open_files(soft: u64, hard: u64) -> Check {
    const NAME: &str = "open files";
    let detail = format!("{soft} at once, {hard} at most");
    if hard < OPEN_FILES {
        let advice =
            format!("raise the hard limit to {OPEN_FILES} or more (limits.conf, or --ulimit nofile of a container)");
        Check::fail(NAME, detail, advice)
    } else if soft < 1024 {
        Check::warn(NAME, detail, format!("`ulimit -n {OPEN_FILES}`"))
    } else {
        Check::ok(NAME, detail)
    }
}

fn inotify(instances: Option<u64>) -> Check {
    const NAME: &str = "inotify";
    match instances {
        None => Check::ok(NAME, "no limit found"),
        Some(count) if count >= INOTIFY_INSTANCES => Check::ok(NAME, format!("{count} instances for each user")),
        Some(count) => Check::warn(
            NAME,
            format!("{count} instances for each user: controllers may fail to watch their files"),
            "`sysctl fs.inotify.max_user_instances=512` as root",
        ),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::check::Status;
    use super::*;

    #[rstest]
    #[case(memory(Some(1_000_000_000)), Status::Fail)]
    #[case(memory(Some(3_000_000_000)), Status::Warn)]
    #[case(memory(Some(8_000_000_000)), Status::Ok)]
    #[case(memory(None), Status::Warn)]
    #[case(cores(1), Status::Warn)]
    #[case(cores(2), Status::Ok)]
    #[case(system("linux"), Status::Ok)]
    #[case(system("macos"), Status::Fail)]
    #[case(judge_open_files(256, 1024), Status::Fail)]
    #[case(judge_open_files(256, 8192), Status::Warn)]
    #[case(judge_open_files(1024, 1_048_576), Status::Ok)]
    #[case(inotify(Some(8)), Status::Warn)]
    #[case(inotify(Some(128)), Status::Ok)]
    #[case(inotify(None), Status::Ok)]
    fn judgements(#[case] check: Check, #[case] expected: Status) {
        assert_eq!(check.status, expected, "{check:?}");
        assert_eq!(check.advice.is_none(), expected == Status::Ok, "{check:?}");
    }

    #[test]
    fn this_machine_tells_its_memory() {
        assert!(available_memory().unwrap() > 100_000_000);
    }
}
