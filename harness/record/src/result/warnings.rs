//! Warnings: what makes a result less reliable than it looks.

use std::collections::BTreeSet;

use harness_plan::Action;
use harness_simulation::Behaviour;

use super::cross_check::CrossCheck;
use crate::event::{ActionStamps, EffectOutcome, EndReason, Found, FoundKind, LOG_MINOR, LOG_VERSION};
use crate::latency::Source;
use crate::log::{Skipped, Truncated};
use crate::text;
use crate::verdict::Evidence;

/// A crowded API server delivers an event some 0.1 s late; beyond this it would be taken for Azure's time.
const LATE_US: u64 = 500_000;

/// Names that one warning has.
const NAMED: usize = 5;

pub(super) fn warnings(
    evidence: &Evidence<'_>,
    truncated: Option<Truncated>,
    cross_check: Option<&CrossCheck>,
) -> Vec<String> {
    let source = evidence.source;
    let timelines = source.timelines;
    let mut warnings = Vec::new();
    if let Some(Truncated { line, bytes }) = truncated {
        warnings.push(format!("the log's last line ({line}) is cut after {bytes} bytes: what it said is lost"));
    }
    warnings.extend(newer(&timelines.skipped));
    if timelines.ended.is_none() {
        warnings.push("the log has no end: the run was killed, and cleanup is not known to have been done".to_owned());
    }
    warnings.extend(timelines.found.iter().map(found));
    warnings.extend(shared_with_others(source));
    for (queue, lost) in &timelines.audits.lost_by_queue {
        warnings.push(format!("{} lost: the queue {queue} was full", text::count(*lost, "observation")));
    }
    for (watch, (count, error)) in &timelines.audits.restarts_by_watch {
        let error = text::one_line(error, 200);
        let times = text::count(*count, "time");
        warnings.push(format!(
            "the watch of {watch} was interrupted {times} ({error}): what happened meanwhile is censored"
        ));
    }
    warnings.extend(cross_check.into_iter().flat_map(late));
    warnings.extend(unseen_effects(source));
    let azure = &timelines.azure;
    if azure.facts_lost > 0 {
        warnings
            .push(format!("{} of the simulated Azure lost: VMs may be missing", text::count(azure.facts_lost, "fact")));
    }
    warnings.extend(unchecked(evidence));
    if azure.unmodelled > 0 {
        let calls: Vec<String> = azure.unmodelled_calls.keys().cloned().collect();
        warnings.push(format!(
            "{} to Azure not modelled by the simulator ({}): what followed may not be what Azure does",
            text::count(azure.unmodelled, "call"),
            text::first_few(&calls, 3),
        ));
    }
    if !evidence.has_azure_record() && timelines.header.is_some() && source.plan.azure != Behaviour::default() {
        warnings.push(
            "the plan's Azure behaviour was not used: the harness does not control this target's Azure".to_owned(),
        );
    }
    warnings.extend(source.plan.notes.iter().cloned());
    if let Some(header) = &timelines.header {
        if header.scenario != source.plan.scenario {
            let (log, plan) = (&header.scenario, &source.plan.scenario);
            warnings.push(format!("the log is of scenario {log}, the plan of {plan}: are they of one run?"));
        }
        if header.seed != source.plan.seed {
            let (log, plan) = (header.seed, source.plan.seed);
            warnings.push(format!("the log has seed {log}, the plan {plan}: are they of one run?"));
        }
    }
    warnings
}

/// Actions whose effect never showed: the conditions of their phases were checked without it.
fn unseen_effects(source: &Source<'_>) -> Option<String> {
    let actions = &source.timelines.actions;
    let not_seen = |action: &&ActionStamps| matches!(actions.effect_of(action), Some((_, EffectOutcome::NotSeen)));
    let unseen: Vec<String> = actions.all.iter().filter(not_seen).map(|action| actions.describe(action)).collect();
    (!unseen.is_empty()).then(|| {
        format!("no effect was seen of {}: what followed may not be because of it", text::first_few(&unseen, 5))
    })
}

/// What an earlier run left on the target.
fn found(Found { kind, name, is_restored }: &Found) -> String {
    let what = match kind {
        FoundKind::DeadRun => format!("{name} had ended without giving the cluster back"),
        FoundKind::StoppedComponent => format!("{name} was not running"),
        FoundKind::AzureFault => format!("the simulated Azure had the fault {name}"),
        FoundKind::AzureBehaviour => "the simulated Azure behaved as an earlier run had set it".to_owned(),
        FoundKind::AzurePrices => "the simulated Azure had the prices of an earlier run".to_owned(),
        FoundKind::GitFault => "the Git server had a fault".to_owned(),
        FoundKind::SuspendedFlux => format!("the {name} was suspended"),
        FoundKind::KubernetesVersion => format!("the control plane had the version {name} of an earlier run"),
        FoundKind::GitTree => "the Git repository had the tree of an earlier run".to_owned(),
        FoundKind::Object => format!("{name} of an earlier run was there"),
        FoundKind::Shortages => format!("the NAP controller may have remembered shortages of run {name}"),
    };
    let then = match (kind, is_restored) {
        (FoundKind::DeadRun, true) => "this run took it over",
        (FoundKind::StoppedComponent | FoundKind::Shortages, true) => "it was started again",
        (FoundKind::AzureFault | FoundKind::GitFault, true) => "it was ended",
        (FoundKind::SuspendedFlux, true) => "it was resumed",
        (FoundKind::Object, true) => "it was deleted",
        (FoundKind::AzureBehaviour | FoundKind::KubernetesVersion | FoundKind::GitTree, true) => "it was restored",
        (FoundKind::AzurePrices, true) => "they were reset",
        (FoundKind::Shortages, false) => "it forgets them within 23 hours, and this run may have met them",
        (_, false) => "it stayed so",
    };
    format!("before the run {what}: {then}")
}

/// What of the run reaches the NodePools and pods of others on the same cluster, and they it: neither can be kept apart.
fn shared_with_others(source: &Source<'_>) -> Vec<String> {
    let timelines = source.timelines;
    let is_not_run = matches!(timelines.ended, Some((EndReason::NotRun, _)));
    let Some(before) = timelines.others.before.as_ref().filter(|_| !is_not_run) else { return Vec::new() };
    let of_kind = |kind: &'static str| before.objects.iter().filter(move |object| object.kind == kind);
    let pools: Vec<String> = of_kind("NodePool").map(|pool| pool.name.clone()).collect();
    let mut warnings = Vec::new();
    if !pools.is_empty() {
        let actions = || source.plan.actions().map(|planned| &planned.action);
        let lasting = source.plan.azure.faults.iter().chain(actions().filter_map(|action| match action {
            Action::AzureFault(asked) => Some(&asked.fault),
            _ => None,
        }));
        // One that acts once is aimed at the run's own VMs; one of a pool of the run's meets no other.
        let lasting = lasting.filter(|fault| !fault.kind.is_instant());
        let lasting = lasting.filter(|fault| fault.kind.only().is_none_or(|only| only.nodepool.is_none()));
        let mut reached: BTreeSet<String> =
            lasting.map(|fault| format!("the fault {} of the simulated Azure", fault.kind.as_str())).collect();
        reached.extend(actions().filter_map(|action| match action {
            Action::KillComponent(component) => Some(format!("the kill of {component}")),
            _ => None,
        }));
        let reached = match reached.is_empty() {
            true => String::new(),
            false => format!("; they meet {} too", text::first_few(&Vec::from_iter(reached), NAMED)),
        };
        warnings.push(format!(
            "the cluster has {} of others ({}): their VMs count against Azure's quotas, and their pods may run on the run's nodes{reached}",
            text::count(pools.len() as u64, "NodePool"),
            text::first_few(&pools, NAMED),
        ));
    }
    let poolless =
        timelines.others.azure.vms.iter().filter(|vm| vm.accepted_us.is_some() && vm.placed.nodepool.is_none()).count();
    if poolless > 0 {
        let vms = text::count(poolless as u64, "VM");
        let (is, counts) = if poolless == 1 { ("it is", "counts") } else { ("they are", "count") };
        warnings.push(format!(
            "{vms} without a NodePool came during the run: {is} not the run's, and {counts} against Azure's quotas"
        ));
    }
    let nodes: BTreeSet<&str> = of_kind("Node").map(|node| node.name.as_str()).collect();
    let astray = timelines.pods.all.iter().filter(|pod| nodes.contains(timelines.names.text(pod.node))).count();
    if astray > 0 {
        let pods = text::count(astray as u64, "pod");
        warnings
            .push(format!("{pods} of the run ran on nodes that were there before: they needed no node of their own"));
    }
    warnings
}

/// Why the sums over VMs were not compared with the simulated Azure's ledger, where they should have been.
fn unchecked(evidence: &Evidence<'_>) -> Option<String> {
    let timelines = evidence.source.timelines;
    let why = match &timelines.azure.ledger {
        Some(ledger) if ledger.forgotten > 0 => {
            format!("it no longer has {} of the run", text::count(ledger.forgotten, "VM"))
        }
        Some(_) => return None,
        // Older harnesses recorded none, and a run that was cut may not have come to it.
        None if timelines.header.as_ref().is_none_or(|header| header.minor == 0) || !evidence.complete() => {
            return None;
        }
        None if !evidence.has_azure_record() => return None,
        None => "the log has none".to_owned(),
    };
    Some(format!("costs and counts of VMs are not checked with the simulated Azure's ledger: {why}"))
}

/// What this reader skipped of a log that a newer harness wrote.
fn newer(skipped: &Skipped) -> Option<String> {
    let minor = skipped.newer_minor?;
    let events: u64 = skipped.events.values().sum();
    let named = skipped.events.iter().map(|(name, count)| match name.as_str() {
        "" => format!("others {count}"),
        name => format!("{name} {count}"),
    });
    let what = if events == 0 {
        "new fields and attributes are not read".to_owned()
    } else {
        format!(
            "{} skipped that this harness does not know ({})",
            text::count(events, "event"),
            text::first_few(&named.collect::<Vec<_>>(), 5)
        )
    };
    Some(format!("the log is of version {LOG_VERSION}.{minor}, this harness reads {LOG_VERSION}.{LOG_MINOR}: {what}"))
}

/// Observations so late that latencies are distorted.
fn late(check: &CrossCheck) -> Vec<String> {
    let mut warnings = Vec::new();
    if check.observation.max_us > LATE_US {
        warnings.push(format!(
            "a Node's Ready was seen up to {} after the simulated Azure made it so (p99 {}): latencies may be too long by as much",
            text::duration(check.observation.max_us),
            text::duration(check.observation.p99_us),
        ));
    }
    if check.late_start.max_us > LATE_US {
        warnings.push(format!(
            "{} seen up to {} after Azure had accepted the VM: node_provisioning may be too short by as much",
            text::count(check.late_start.count, "NodeClaim"),
            text::duration(check.late_start.max_us),
        ));
    }
    warnings
}
