//! The view of a run in progress. Plain text: the caller draws it.

use harness_record::latency::LatencyStats;
use harness_record::live::{Live, LivePhase, LiveView};

use crate::text;

/// The view as a few lines of at most `width` characters: phase and deadline, pods, nodes, latencies so far. Asks [`Live::view`], so
/// call it a few times a second, not at each event.
pub fn live_lines(live: &Live, width: usize) -> Vec<String> {
    view_lines(&live.view(), width)
}

/// One line of the same, for logs and pipelines.
pub fn progress_line(live: &Live) -> String {
    view_line(&live.view())
}

fn view_lines(view: &LiveView, width: usize) -> Vec<String> {
    let nodes = &view.nodes;
    let pods = &view.pods;
    let mut lines = vec![
        format!("{:>7}  {}", clock(view.at_us), phase(view)),
        format!(
            "   pods  {} of {} ready, {} pending, {} scheduled, {} deleting{}",
            pods.ready,
            view.pods_wanted,
            pods.pending,
            pods.scheduled,
            pods.deleting,
            latency(&view.pod_ready, "pod_ready")
        ),
        format!(
            "  nodes  {} ready, {} claimed, {} launched, {} deleting{}",
            nodes.ready,
            nodes.claimed,
            nodes.launched,
            nodes.deleting,
            latency(&view.node_provisioning, "node_provisioning")
        ),
    ];
    if view.vms_failed > 0 {
        lines.push(format!("  azure  {} failed", text::counted(view.vms_failed, "VM creation")));
    }
    // A line that the terminal wraps would break the redrawing.
    lines.iter().map(|line| text::cut(line, width)).collect()
}

fn view_line(view: &LiveView) -> String {
    let mut line = format!(
        "{} {}: pods {}/{} ready, {} pending; nodes {} ready, {} on their way, {} deleting",
        clock(view.at_us),
        phase(view),
        view.pods.ready,
        view.pods_wanted,
        view.pods.pending + view.pods.scheduled,
        view.nodes.ready,
        view.nodes.claimed + view.nodes.launched,
        view.nodes.deleting
    );
    if let Some(p99) = view.pod_ready.p99.filter(|_| view.pod_ready.count > 0) {
        line.push_str(&format!("; pod_ready p99 {}", text::percentile(Some(p99))));
    }
    if view.vms_failed > 0 {
        line.push_str(&format!("; {} failed", text::counted(view.vms_failed, "VM creation")));
    }
    line
}

fn phase(view: &LiveView) -> String {
    let Some(LivePhase { name, until, awaited, began_us, due_us }) = &view.phase else {
        return "between phases".to_owned();
    };
    let mut line = format!("phase {}", text::one_line(name, 60));
    if let Some(until) = until {
        line.push_str(&format!(" until {}", text::one_line(&until.to_string(), 80)));
    }
    if let Some(awaited) = awaited {
        line.push_str(&format!(", waiting: {}", text::one_line(awaited, 200)));
    }
    if let Some(due_us) = due_us {
        let allowed = text::duration(due_us.saturating_sub(*began_us));
        let left = due_us.saturating_sub(view.at_us) / SECOND_US;
        line.push_str(&match (until, left) {
            (Some(_), 0) => format!(", deadline of {allowed} passed"),
            (Some(_), left) => format!(", {} of {allowed} left", clock(left * SECOND_US)),
            (None, left) => format!(", held for {allowed}, {} left", clock(left * SECOND_US)),
        });
    }
    line
}

const SECOND_US: u64 = 1_000_000;

/// Whole seconds, rounded down: a clock that ticks once a second does not flicker. `41s`, `2m05s`.
fn clock(us: u64) -> String {
    let seconds = us / SECOND_US;
    if seconds < 60 { format!("{seconds}s") } else { text::duration(seconds * SECOND_US) }
}

fn latency(stats: &LatencyStats, name: &str) -> String {
    if stats.count == 0 {
        return String::new();
    }
    format!("; {name} p50 {}, p99 {}", text::percentile(stats.p50), text::percentile(stats.p99))
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_plan::Condition;
    use harness_record::latency::Percentile;
    use harness_record::result::{NodeStep, PodStep};

    fn view() -> LiveView {
        LiveView {
            at_us: 41_700_000,
            phase: Some(LivePhase {
                name: "burst".to_owned(),
                until: Some(Condition::AllPodsReady.into()),
                awaited: None,
                began_us: 12_000_000,
                due_us: Some(312_000_000),
            }),
            pods_wanted: 120,
            pods: PodStep { at_us: 0, pending: 40, scheduled: 10, ready: 70, deleting: 0 },
            nodes: NodeStep { at_us: 0, claimed: 1, launched: 4, ready: 19, deleting: 0 },
            vms_failed: 2,
            pod_ready: LatencyStats {
                count: 120,
                censored: 50,
                p50: Some(Percentile::Measured(8_123_456)),
                p99: Some(Percentile::Beyond(29_700_000)),
                ..LatencyStats::default()
            },
            node_provisioning: LatencyStats::default(),
        }
    }

    #[test]
    fn preparation_says_what_it_waits_for() {
        let awaited = "commit 1f2e is pushed, not fetched; Flux says: failed to checkout: 503".to_owned();
        let phase =
            LivePhase { name: "prepare".to_owned(), until: None, awaited: Some(awaited), began_us: 0, due_us: None };
        let line = view_line(&LiveView { phase: Some(phase), ..view() });
        assert!(line.contains("phase prepare, waiting: commit 1f2e is pushed, not fetched; Flux says"), "{line}");
    }

    #[test]
    fn the_view_says_how_it_stands() {
        let lines = [
            "    41s  phase burst until all-pods-ready, 4m30s of 5m left",
            "   pods  70 of 120 ready, 40 pending, 10 scheduled, 0 deleting; pod_ready p50 8.12s, p99 > 29.7s",
            "  nodes  19 ready, 1 claimed, 4 launched, 0 deleting",
            "  azure  2 VM creations failed",
        ];
        assert_eq!(view_lines(&view(), 110), lines);
        insta::assert_snapshot!(view_line(&view()), @"41s phase burst until all-pods-ready, 4m30s of 5m left: pods 70/120 ready, 50 pending; nodes 19 ready, 5 on their way, 0 deleting; pod_ready p99 > 29.7s; 2 VM creations failed");
    }

    #[test]
    fn a_narrow_terminal_cuts_lines() {
        assert!(view_lines(&view(), 40).iter().all(|line| line.chars().count() <= 40));
    }
}
