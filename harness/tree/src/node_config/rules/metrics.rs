//! Metric names that no controller exposes, in alerts, recording rules and dashboards.
//!
//! The names are those of `opmetrics.New*` in sigs.k8s.io/karpenter v1.14.0 and karpenter-provider-azure v1.14.0; what became of others was
//! looked up in the history of both.

use std::sync::LazyLock;

use regex::Regex;

use crate::finding::{Edit, Finding, Severity};
use crate::source_file::SourceFile;
use harness_yaml::edit::TextEdit;
use harness_yaml::suggest;
use harness_yaml::{Mark, Node};

/// Counters and gauges, without `karpenter_`.
const SCALARS: [&str; 49] = [
    "build_info",
    "cloudprovider_errors_total",
    "cluster_state_node_count",
    "cluster_state_synced",
    "cluster_state_unsynced_time_seconds",
    "cluster_utilization_percent",
    "consolidation_moves_total",
    "image_selection_error_count",
    "instance_vm_create_failure_total",
    "instance_vm_create_start_total",
    "nodeclaims_created_total",
    "nodeclaims_disrupted_total",
    "nodeclaims_terminated_total",
    "nodeclaims_unhealthy_disrupted_total",
    "nodepools_allowed_disruptions",
    "nodepools_cost_total",
    "nodepools_cost_tracker_errors_total",
    "nodepools_limit",
    "nodepools_nodes_consuming_budgets",
    "nodepools_usage",
    "nodes_allocatable",
    "nodes_created_total",
    "nodes_current_lifetime_seconds",
    "nodes_drained_total",
    "nodes_system_overhead",
    "nodes_terminated_total",
    "nodes_total_daemon_limits",
    "nodes_total_daemon_requests",
    "nodes_total_pod_limits",
    "nodes_total_pod_requests",
    "pods_drained_total",
    "pods_eviction_requests_total",
    "pods_provisioning_scheduling_undecided_time_seconds",
    "pods_provisioning_unbound_time_seconds",
    "pods_provisioning_unstarted_time_seconds",
    "pods_state",
    "pods_unbound_time_seconds",
    "pods_unstarted_time_seconds",
    "scheduler_ignored_pods_count",
    "scheduler_pending_pods_by_effective_zone_count",
    "scheduler_queue_depth",
    "scheduler_unfinished_work_seconds",
    "scheduler_unschedulable_pods_count",
    "voluntary_disruption_consolidation_timeouts_total",
    "voluntary_disruption_decisions_by_nodepool_total",
    "voluntary_disruption_decisions_total",
    "voluntary_disruption_eligible_nodes",
    "voluntary_disruption_failed_validations_total",
    "voluntary_disruption_queue_failures_total",
];

/// Histograms: with `_bucket`, `_sum` and `_count`.
const HISTOGRAMS: [&str; 11] = [
    "nodeclaims_termination_duration_seconds",
    "cloudprovider_duration_seconds",
    "consolidation_score",
    "nodeclaims_instance_termination_duration_seconds",
    "nodes_lifetime_duration_seconds",
    "pods_bound_duration_seconds",
    "pods_provisioning_bound_duration_seconds",
    "pods_provisioning_startup_duration_seconds",
    "pods_scheduling_decision_duration_seconds",
    "scheduler_scheduling_duration_seconds",
    "voluntary_disruption_decision_evaluation_duration_seconds",
];

/// Summaries: by themselves, and with `_sum` and `_count`.
const SUMMARIES: [&str; 2] = ["nodes_termination_duration_seconds", "pods_startup_duration_seconds"];

/// Names that people write, and what is true of them: the name that has the same meaning, or what to use instead.
enum Instead {
    /// The same series under another name.
    Renamed(&'static str),
    /// Something else, which needs thought.
    Use(&'static str),
}

use Instead::{Renamed, Use};

const FORMER: [(&str, Instead); 22] = [
    ("nodes_total", Use("it never existed; use `karpenter_cluster_state_node_count`, or created minus terminated")),
    ("voluntary_disruption_queue_depth", Use("it never existed; use `workqueue_depth` of the disruption queue")),
    ("disruption_queue_depth", Use("it was dropped before 1.0; use `workqueue_depth` of the disruption queue")),
    (
        "disruption_replacement_node_initialized_seconds",
        Use(
            "it never existed under that name, and its like ended with 1.0; use `operator_nodeclaim_status_condition_transition_seconds`",
        ),
    ),
    (
        "disruption_replacement_nodeclaim_initialized_seconds",
        Use("it ended with 1.0; use `operator_nodeclaim_status_condition_transition_seconds`"),
    ),
    (
        "nodes_allocatable_memory_bytes",
        Use("it never existed; use `karpenter_nodes_allocatable{resource_type=\"memory\"}`"),
    ),
    ("nodes_allocatable_cpu_cores", Use("it never existed; use `karpenter_nodes_allocatable{resource_type=\"cpu\"}`")),
    ("pods_startup_time_seconds", Renamed("pods_startup_duration_seconds")),
    (
        "nodeclaims_launched_total",
        Use("it ended with 1.0; use `operator_nodeclaim_status_condition_transitions_total{type=\"Launched\"}`"),
    ),
    (
        "nodeclaims_registered_total",
        Use("it ended with 1.0; use `operator_nodeclaim_status_condition_transitions_total{type=\"Registered\"}`"),
    ),
    (
        "nodeclaims_initialized_total",
        Use("it ended with 1.0; use `operator_nodeclaim_status_condition_transitions_total{type=\"Initialized\"}`"),
    ),
    (
        "nodeclaims_drifted_total",
        Use("it ended with 1.0; use `operator_nodeclaim_status_condition_transitions_total{type=\"Drifted\"}`"),
    ),
    ("provisioner_scheduling_duration_seconds", Renamed("scheduler_scheduling_duration_seconds")),
    ("provisioner_scheduling_simulation_duration_seconds", Renamed("scheduler_scheduling_duration_seconds")),
    ("provisioner_scheduling_queue_depth", Renamed("scheduler_queue_depth")),
    ("nodepool_limit", Renamed("nodepools_limit")),
    ("nodepool_usage", Renamed("nodepools_usage")),
    ("nodepool_allowed_disruptions", Renamed("nodepools_allowed_disruptions")),
    ("provisioner_limit", Renamed("nodepools_limit")),
    ("provisioner_usage", Renamed("nodepools_usage")),
    ("nodes_termination_time_seconds", Renamed("nodes_termination_duration_seconds")),
    (
        "interruption_received_messages_total",
        Use("it is of Karpenter on AWS; on AKS a notice shows as the condition PreemptionScheduled of the node"),
    ),
];

static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bkarpenter_([a-z0-9_]+)\b").ok());

fn is_exposed(name: &str) -> bool {
    let base = |suffixes: &[&str]| suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
    SCALARS.contains(&name)
        || SUMMARIES.contains(&name)
        || base(&["_bucket", "_sum", "_count"]).is_some_and(|base| HISTOGRAMS.contains(&base))
        || base(&["_sum", "_count"]).is_some_and(|base| SUMMARIES.contains(&base))
        // `{__name__=~"karpenter_nodes_.*"}` and its like.
        || name.ends_with('_')
}

/// Checks the texts in a file's documents.
pub(crate) fn are_exposed(file: &SourceFile, documents: &[Node]) -> Vec<Finding> {
    let mut findings = Vec::new();
    documents.iter().for_each(|document| walk(file, document, &mut findings));
    findings
}

fn walk(file: &SourceFile, node: &Node, findings: &mut Vec<Finding>) {
    node.items().iter().for_each(|item| walk(file, item, findings));
    node.entries().iter().for_each(|entry| walk(file, &entry.value, findings));
    if node.text().is_some_and(|text| text.contains("karpenter_")) {
        findings.extend(in_text(file, node.mark, node.end));
    }
}

/// The names in the bytes of one text. A span that starts behind `|` has the lines of the block.
fn in_text(file: &SourceFile, mark: Mark, end: usize) -> Vec<Finding> {
    let Some(raw) = file.text.get(mark.offset..end) else { return Vec::new() };
    let Some(regex) = NAME.as_ref() else { return Vec::new() };
    let mut findings = Vec::new();
    for found in regex.captures_iter(raw) {
        let (Some(whole), Some(name)) = (found.get(0), found.get(1)) else { continue };
        // A name with a colon is a recording rule's, which the tree defines; one with a slash or a dot is a label or a path.
        let behind = raw[whole.end()..].chars().next();
        let before = raw[..whole.start()].chars().next_back();
        if is_exposed(name.as_str())
            || [behind, before].iter().any(|c| c.is_some_and(|c| [':', '/', '.', '-'].contains(&c)))
        {
            continue;
        }
        findings.push(finding(file, place(file, mark, mark.offset + whole.start(), whole.len()), name.as_str()));
    }
    findings
}

fn place(file: &SourceFile, text: Mark, offset: usize, length: usize) -> Mark {
    let before = &file.text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Mark {
        line: u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX),
        column: u32::try_from(before[line_start..].chars().count() + 1).unwrap_or(u32::MAX),
        offset,
        length,
        source: text.source,
    }
}

fn finding(file: &SourceFile, mark: Mark, name: &str) -> Finding {
    let (base, suffix) = ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| Some((name.strip_suffix(suffix)?, *suffix)))
        .filter(|(base, _)| FORMER.iter().any(|(former, _)| former == base))
        .unwrap_or((name, ""));
    let (fix, edits) = match FORMER.iter().find(|(former, _)| *former == base).map(|(_, instead)| instead) {
        Some(Renamed(new)) => {
            let new = format!("karpenter_{new}{suffix}");
            let edit = TextEdit { offset: mark.offset, length: mark.length, text: new.clone() };
            let edit = Edit { file: file.path.clone(), edit };
            (format!("write `{new}`"), vec![edit])
        }
        Some(Use(words)) => ((*words).to_owned(), Vec::new()),
        None => {
            let all = SCALARS.iter().chain(&HISTOGRAMS).chain(&SUMMARIES).copied();
            let near = suggest::closest(name, all);
            let words = near.map_or_else(
                || "look it up in the controller's /metrics".to_owned(),
                |near| format!("did you mean `karpenter_{near}`?"),
            );
            (words, Vec::new())
        }
    };
    Finding::new(Severity::Error, "metric-name", &file.path, mark, format!("no controller exposes `karpenter_{name}`"))
        .effect("the expression has no data: the alert never fires, the panel stays empty")
        .fix(fix)
        .edits(edits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("karpenter_nodes_created_total", true)]
    #[case("karpenter_cloudprovider_duration_seconds_bucket", true)]
    #[case("karpenter_cloudprovider_duration_seconds", false)]
    #[case("karpenter_pods_startup_duration_seconds", true)]
    #[case("karpenter_pods_startup_duration_seconds_sum", true)]
    #[case("karpenter_pods_startup_duration_seconds_bucket", false)]
    #[case("karpenter_nodes_total", false)]
    fn names_that_are_exposed(#[case] name: &str, #[case] exposed: bool) {
        assert_eq!(is_exposed(name.trim_start_matches("karpenter_")), exposed);
    }

    #[test]
    fn names_are_found_where_they_stand() {
        let text = "# karpenter_nodes_total\nspec:\n  expr: |\n    sum(karpenter_nodes_total)\n      > karpenter_nodepool_limit\n  other: \"karpenter_team:x, karpenter_nodes_.*\"\n";
        let file = SourceFile::new("rules.yaml", text);
        let documents = harness_yaml::documents(text).unwrap();
        let found = are_exposed(&file, &documents);
        let places: Vec<_> = found.iter().map(|f| (f.line, f.column, f.fixable)).collect();
        assert_eq!(places, [(4, 9, false), (5, 9, true)], "{found:#?}");
        assert_eq!(&text[found[1].offset..][..found[1].length], "karpenter_nodepool_limit");
    }
}
