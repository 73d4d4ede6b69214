//! A delay of the watch itself must not count as Azure's: it shows in the self-audit and in every report.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::signal::Signal;

use crate::binary::{Ran, harness, scenario};
use crate::shared::SharedCluster;

/// Boots take 2 s, so the Nodes become Ready in the middle.
const STOPPED: Duration = Duration::from_secs(4);

/// A harness that was stopped while VMs booted reports how late it saw them Ready.
pub(crate) fn a_delayed_watch_shows_in_the_self_audit(shared: &SharedCluster) {
    let started = shared.start(&[&scenario("delayed-watch"), "--seed", "11"]);
    started.wait_for_event("", "the first VM", |event| event["azure"]["what"] == "vm_accepted");
    // The harness alone: cluster, controllers and simulated Azure are other processes and continue.
    started.signal(Signal::SIGSTOP);
    let stopped = Timestamp::now();
    let until = Instant::now() + STOPPED;
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
    let continued = Timestamp::now();
    started.signal(Signal::SIGCONT);
    let ran = started.ended();
    // Late is not wrong: the run still passes.
    assert_eq!(ran.code, 0, "{}", ran.report());

    let late_ms = at_least_ms(&ran, stopped, continued);
    assert!(late_ms > 1_000.0, "no Node became Ready well before the end of the stop ({late_ms} ms)\n{}", ran.report());
    let check = &ran.summary["crossCheck"];
    for figure in ["readySeenAfterMsMax", "provisioningDifferenceMsMax"] {
        let shown_ms = check[figure].as_f64().unwrap();
        // Histograms keep three digits.
        assert!(shown_ms >= late_ms * 0.99, "{figure} is {shown_ms}, expected {late_ms}\n{}", ran.report());
    }

    let warns =
        |text: &str| text.lines().any(|line| line.contains("Ready was seen up to") && line.contains("too long"));
    let run = ran.run();
    let warned = ran.summary["warnings"].as_array().unwrap().iter().any(|it| warns(it.as_str().unwrap()));
    assert!(warned, "{:#}\n{}", ran.summary["warnings"], ran.report());
    assert!(warns(&std::fs::read_to_string(run.join("report.md")).unwrap()), "{}", ran.report());
    let console = harness().args(["report", run.to_str().unwrap()]).output().unwrap();
    let console = String::from_utf8_lossy(&console.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(warns(&console), "{console}");
    ran.assert_nothing_left();
}

/// How long the Node that became Ready first during the stop had to wait for its end, milliseconds: the simulated Azure's record
/// against this test's clock, without anything that the harness saw.
fn at_least_ms(ran: &Ran, stopped: Timestamp, continued: Timestamp) -> f64 {
    let started: Timestamp = ran.summary["run"]["startedAt"].as_str().unwrap().parse().unwrap();
    let since_start_us = |moment: Timestamp| moment.duration_since(started).as_micros() as u64;
    let (stopped_us, continued_us) = (since_start_us(stopped), since_start_us(continued));
    let events = ran.events();
    let made_ready = events.iter().filter(|event| event["e"]["azure"]["what"] == "node_ready");
    let made_ready_us = made_ready.map(|event| event["e"]["azure"]["occurred_us"].as_u64().unwrap());
    let first_us = made_ready_us.filter(|us| (stopped_us..continued_us).contains(us)).min();
    first_us.map_or(0.0, |us| (continued_us - us) as f64 / 1e3)
}
