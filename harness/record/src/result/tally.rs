//! Counts and the self-audit.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use harness_plan::GroupBy;

use super::audit::{ComponentUsage, SelfAudit, distribution, distribution_of};
use super::counts::{AzureFailure, Counts, ReasonCount};
use super::ledger::VmCounts;
use super::run::PublishedFigure;
use crate::latency::{Groups, Samples, Source, UNKNOWN, replacements};
use crate::timeline::Failures;

/// The harness's own process.
const HARNESS: &str = "harness";
/// The harness's own processes: itself, the supervisor, and the simulated Azure.
const OURS: [&str; 3] = [HARNESS, "supervisor", "azure-sim"];

fn count<T>(all: &[T], is: impl Fn(&T) -> bool) -> u64 {
    all.iter().filter(|it| is(it)).count() as u64
}

pub(super) fn counts(source: &Source<'_>) -> Counts {
    let timelines = source.timelines;
    let (pods, claims, nodes) = (&timelines.pods.all, &timelines.nodes.claims, &timelines.nodes.nodes);
    let azure = &timelines.azure;
    let vms = VmCounts::of(&azure.vms, timelines);
    let mut disruptions: BTreeMap<String, u64> = BTreeMap::new();
    for claim in claims.iter().filter(|claim| claim.disrupted.is_some()) {
        let reason = match timelines.names.text(claim.reason) {
            "" => UNKNOWN,
            reason => reason,
        };
        *disruptions.entry(reason.to_owned()).or_default() += 1;
    }
    Counts {
        events: timelines.events,
        pods_planned: source.slots.all.len() as u64,
        pods_created: pods.len() as u64,
        pods_scheduled: count(pods, |pod| pod.scheduled.is_some()),
        pods_ready: count(pods, |pod| pod.ready.is_some()),
        pods_deleted: count(pods, |pod| pod.deleted.is_some()),
        pods_replaced: source.slots.replaced,
        nodeclaims: claims.len() as u64,
        nodeclaims_launched: count(claims, |claim| claim.launched.is_some()),
        nodeclaims_deleted: count(claims, |claim| claim.deleted.is_some()),
        nodes: nodes.len() as u64,
        nodes_ready: count(nodes, |node| node.ready.is_some()),
        nodes_deleted: count(nodes, |node| node.deleted.is_some()),
        vms_accepted: vms.accepted,
        vms_booted: vms.booted,
        vms_deleted: vms.deleted,
        vms_crashed: vms.crashed,
        vms_evicted: vms.evicted,
        nodes_replaced: count(&replacements(source), |replacement| replacement.done.is_some()),
        disruptions,
        vms_failed: vms.failed,
        arm_throttled: azure.throttled.count,
        arm_refused: azure.refused.count,
        unmodelled_calls: azure.unmodelled,
        facts_lost: azure.facts_lost,
        actions: timelines.actions.all.len() as u64,
        actions_failed: count(&timelines.actions.all, |action| action.error.is_some()),
    }
}

/// Published figures, beside the same percentile of ours.
pub(super) fn published(source: &Source<'_>, groups: &Groups) -> Vec<PublishedFigure> {
    let one = |published: &harness_plan::Published| {
        let by = match (&published.workload, &published.nodepool) {
            (Some(workload), _) => Some((GroupBy::Workload, workload)),
            (None, Some(nodepool)) => Some((GroupBy::Nodepool, nodepool)),
            (None, None) => None,
        };
        let samples = match by {
            Some((by, value)) => {
                groups.by(published.of, by).find(|(known, _)| known == value).map(|(_, samples)| samples)
            }
            None => groups.all(published.of),
        };
        PublishedFigure {
            name: published.of.as_str().to_owned(),
            labels: by.map(|(by, value)| BTreeMap::from([(by.as_str().to_owned(), value.clone())])).unwrap_or_default(),
            percent: published.percentile,
            published_us: published.value.as_micros(),
            ours: samples.and_then(|samples| samples.percentile(published.percentile)),
            count: samples.map_or(0, Samples::count),
            source: published.source.clone(),
            differs: published.differs.clone(),
        }
    };
    source.plan.published.iter().map(one).collect()
}

pub(super) fn azure_failures(source: &Source<'_>) -> Vec<AzureFailure> {
    let names = &source.timelines.names;
    let failures = source.timelines.azure.failures.iter();
    let rows = failures.map(|((pool, code), Failures { times, message })| AzureFailure {
        nodepool: names.text(*pool).to_owned(),
        code: names.text(*code).to_owned(),
        message: message.clone(),
        count: times.count,
        first_us: times.first_us,
        last_us: times.last_us,
    });
    let mut rows: Vec<AzureFailure> = rows.collect();
    rows.sort_by_cached_key(|row| (Reverse(row.count), row.nodepool.clone(), row.code.clone()));
    rows
}

pub(super) fn controller_reasons(source: &Source<'_>) -> Vec<ReasonCount> {
    let class_of = |workload: &str| {
        source.plan.workloads.iter().find(|known| known.name == workload).map(|known| known.class.clone())
    };
    let of_plan = |name: &str| source.plan.node_config.classes.iter().any(|class| class.name == name);
    // A commit or an action may have added one.
    let is_pool = |name: &str| of_plan(name) || !source.timelines.nodepools.specs_of(name).is_empty();
    let mut rows: Vec<ReasonCount> = source
        .timelines
        .reasons
        .all
        .iter()
        .map(|(key, given)| {
            let nodepool = match key.kind.as_str() {
                "Pod" => class_of(&key.owner).unwrap_or_default(),
                "NodeClaim" => key.owner.clone(),
                _ if is_pool(&key.owner) => key.owner.clone(),
                _ => String::new(),
            };
            let message = crate::text::one_line(&given.message, 1_000);
            ReasonCount { kind: key.kind.clone(), nodepool, reason: key.reason.clone(), message, count: given.count }
        })
        .collect();
    rows.sort_by_cached_key(|row| (Reverse(row.count), row.kind.clone(), row.nodepool.clone(), row.reason.clone()));
    rows
}

pub(super) fn self_audit(source: &Source<'_>) -> SelfAudit {
    let audits = &source.timelines.audits;
    let own = audits.usage.get(HARNESS);
    let all_ms: u64 = audits.usage.values().map(|used| used.cpu_ms()).sum();
    let ours_ms: u64 = OURS.iter().filter_map(|name| audits.usage.get(*name)).map(|used| used.cpu_ms()).sum();
    SelfAudit {
        rss_max_bytes: own.map(|used| used.rss_max_bytes),
        cpu_ms: own.map(|used| used.cpu_ms()),
        cpu_share: (own.is_some() && all_ms > 0).then(|| ours_ms as f64 / all_ms as f64),
        watch_lag: distribution(&audits.watch_lag),
        send_lag: distribution_of(source.timelines.actions.send_lags_us()),
        requests_sent: audits.requests,
        watch_restarts: audits.restarts,
        observations_lost: audits.observations_lost(),
    }
}

pub(super) fn usage(source: &Source<'_>) -> Vec<ComponentUsage> {
    let usage = &source.timelines.audits.usage;
    let all_ms: u64 = usage.values().map(|used| used.cpu_ms()).sum();
    let mut rows: Vec<ComponentUsage> = usage
        .iter()
        .map(|(name, used)| ComponentUsage {
            name: name.clone(),
            cpu_ms: used.cpu_ms(),
            cpu_share: if all_ms == 0 { 0.0 } else { used.cpu_ms() as f64 / all_ms as f64 },
            rss_max_bytes: used.rss_max_bytes,
        })
        .collect();
    rows.sort_by_cached_key(|row| (Reverse(row.cpu_ms), row.name.clone()));
    rows
}
