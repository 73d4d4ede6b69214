//! What a change touches, and which checks are computed from that: those may fail together with the expectation under test.

use std::collections::BTreeSet;

use harness_plan::{Candidates, Check, EventPattern, OccurrenceKind, Order, Placement, Plan, Usage};
use harness_record::event::*;
use harness_record::{Event, EventKind};

use super::edit::{Edit, Mutation};
use super::log::Log;
use super::operators::latency;

/// A piece of information in an event, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Signal {
    /// When a phase started, how and when it ended.
    Phase(String),
    /// Something that the harness did, in a phase.
    Action(String),
    Pod {
        workload: String,
        reached: Reached,
    },
    Claim {
        pool: String,
        reached: Reached,
    },
    Node {
        pool: String,
        reached: Reached,
    },
    Flux {
        object: String,
        reached: Reached,
    },
    Vm {
        pool: String,
        what: AzureFactKind,
    },
    Reason {
        kind: String,
        name: String,
    },
    Field {
        object: String,
        path: String,
    },
    Notified,
    Usage(String),
    /// Something from which no check is computed alone.
    Run,
}

/// What a mutation touches: the signals of all events that it drops, replaces or adds.
pub(crate) fn touched(mutation: &Mutation, log: &Log<'_>) -> BTreeSet<Signal> {
    let mut signals = BTreeSet::new();
    for edit in &mutation.edits {
        match edit {
            Edit::Drop(index) => signals.extend(signals_of(&log.events[*index], log)),
            Edit::Replace(index, event) => {
                signals.extend(signals_of(&log.events[*index], log));
                signals.extend(signals_of(event, log));
                if let (EventKind::Usage { processes: before }, EventKind::Usage { processes: after }) =
                    (&log.events[*index].kind, &event.kind)
                {
                    // Of a line with many processes, only those that differ.
                    for process in before.iter().filter(|process| after.contains(process)) {
                        signals.remove(&Signal::Usage(process.name.clone()));
                    }
                }
            }
            Edit::Add(event) => signals.extend(signals_of(event, log)),
        }
    }
    signals
}

fn signals_of(event: &Event, log: &Log<'_>) -> Vec<Signal> {
    let one = match &event.kind {
        EventKind::PhaseBegan { phase } | EventKind::PhaseEnded { phase, .. } => Signal::Phase(phase.clone()),
        EventKind::Action(action) => Signal::Action(action.phase.clone()),
        EventKind::Milestone(Milestone { object, reached, attributes, .. }) => {
            // The change may be one of the attribute itself.
            let own = |key: &str| attributes.get(key).cloned();
            let subject = log.subject(object).to_owned();
            let reached = *reached;
            match object.kind {
                ObjectKind::Pod => Signal::Pod { workload: own(attribute::WORKLOAD).unwrap_or(subject), reached },
                ObjectKind::NodeClaim => Signal::Claim { pool: own(attribute::NODEPOOL).unwrap_or(subject), reached },
                ObjectKind::Node => Signal::Node { pool: own(attribute::NODEPOOL).unwrap_or(subject), reached },
                ObjectKind::GitRepository | ObjectKind::Kustomization => Signal::Flux { object: subject, reached },
                ObjectKind::NodePool => Signal::Run,
            }
        }
        EventKind::Azure(fact) => {
            let pool = if fact.nodepool.is_empty() { log.pool_named(&fact.vm) } else { &fact.nodepool };
            Signal::Vm { pool: pool.to_owned(), what: fact.what }
        }
        EventKind::Reason(reason) => Signal::Reason { kind: reason.kind.clone(), name: reason.name.clone() },
        EventKind::Field(field) => Signal::Field { object: field.object.clone(), path: field.path.clone() },
        EventKind::Notified(_) => Signal::Notified,
        EventKind::Usage { processes } => {
            return processes.iter().map(|process| Signal::Usage(process.name.clone())).collect();
        }
        EventKind::RunStarted(_)
        | EventKind::Audit(_)
        | EventKind::Awaited { .. }
        | EventKind::Found(_)
        | EventKind::Inventory(_)
        | EventKind::Others(_)
        | EventKind::DaemonSets { .. }
        | EventKind::Leak { .. }
        | EventKind::NodePool(_)
        | EventKind::Ledger(_)
        | EventKind::RunEnded { .. }
        | EventKind::Effect(_) => Signal::Run,
    };
    vec![one]
}

/// Whether a check is by its definition computed from a signal: one of its own phases, pools, workloads, objects and processes. A
/// check without an arm is computed from what its scope names.
pub(crate) fn reads(check: &Check, signal: &Signal, log: &Log<'_>) -> bool {
    let plan = log.plan;
    let in_phases = |named: &[String]| match signal {
        Signal::Phase(phase) => {
            named.contains(phase) || named.is_empty() && plan.phases.iter().any(|it| it.name == *phase)
        }
        _ => false,
    };
    let of_pools = |pools: &[String]| match signal {
        Signal::Claim { pool, .. } | Signal::Node { pool, .. } | Signal::Vm { pool, .. } => pools.contains(pool),
        _ => false,
    };
    let of_workloads =
        |workloads: &[String]| matches!(signal, Signal::Pod { workload, .. } if workloads.contains(workload));
    match check {
        Check::Phase(check) => in_phases(std::slice::from_ref(&check.phase)),
        Check::Placement(Placement { workloads, exclusively, .. }) => {
            let workloads = workloads.names();
            let classes: Vec<String> = workloads.iter().map(|workload| log.class_of(workload).to_owned()).collect();
            let foreign = *exclusively && matches!(signal, Signal::Pod { reached: Reached::Scheduled, .. });
            of_workloads(workloads) || of_pools(&classes) || foreign || is_about_pending(signal, plan)
        }
        Check::Latency(limits) => latency::reads(limits.of, signal),
        Check::Fleet(check) => {
            let last = plan.phases.last().map(|phase| phase.name.clone()).into_iter().collect::<Vec<_>>();
            matches!(
                signal,
                Signal::Vm { .. }
                    | Signal::Claim { reached: Reached::Created | Reached::Launched | Reached::Deleted, .. }
            ) || check.at_end.is_some() && in_phases(&last)
        }
        Check::Happened(check) => in_phases(&check.phases) || pattern_reads(&check.pattern, signal),
        Check::Notified(check) => in_phases(&check.phases) || pattern_reads(&check.notification.pattern(), signal),
        Check::Pending(check) => {
            let workloads = check.workloads.names();
            let about = |name: &str| workloads.iter().any(|workload| name.starts_with(workload.as_str()));
            of_workloads(workloads) || matches!(signal, Signal::Reason { kind, name } if kind == "Pod" && about(name))
        }
        Check::Price(check) => {
            in_phases(&[check.before.clone(), check.after.clone()]) || matches!(signal, Signal::Vm { .. })
        }
        Check::Savings(check) => {
            matches!(signal, Signal::Vm { .. }) || !check.phases.is_empty() && in_phases(&check.phases)
        }
        Check::Quota(_) => matches!(signal, Signal::Vm { .. }),
        Check::ReplacedBeforeLoss(check) => {
            let spot = matches!(
                signal,
                Signal::Vm {
                    what: AzureFactKind::SpotNotice | AzureFactKind::SpotEvicted | AzureFactKind::VmDeleted,
                    ..
                }
            );
            let came = matches!(
                signal,
                Signal::Node { reached: Reached::Ready, .. } | Signal::Claim { reached: Reached::Created, .. }
            );
            in_phases(&check.phases) || spot || came
        }
        Check::Field(check) => {
            in_phases(&check.phases) || is_field(signal, &check.field.object, check.field.path.as_str())
        }
        Check::Changes(check) => in_phases(&check.phases) || is_field(signal, &check.object, check.path.as_str()),
        Check::Order(Order { kustomizations, phases }) => {
            matches!(signal, Signal::Flux { object, .. } if kustomizations.contains(object))
                || matches!(signal, Signal::Action(phase) if phases.contains(phase))
        }
        Check::Usage(Usage { processes, phases, .. }) => {
            in_phases(phases) || matches!(signal, Signal::Usage(process) if processes.contains(process))
        }
        Check::AppliedInOrder(check) => {
            in_phases(&check.phases)
                || matches!(signal, Signal::Flux { object, .. } if object == "node-config")
                || matches!(signal, Signal::Action(_))
        }
        other => {
            let scope = other.scope();
            let phases: Vec<String> = scope.all_phases().map(str::to_owned).collect();
            let selected = match scope.selection {
                Some((workloads, Candidates::Workloads | Candidates::PendingWorkloads | Candidates::AnyWorkloads)) => {
                    of_workloads(workloads.names())
                }
                Some((nodepools, Candidates::Nodepools | Candidates::LimitedNodepools)) => of_pools(nodepools.names()),
                None => false,
            };
            selected || !phases.is_empty() && in_phases(&phases)
        }
    }
}

fn is_field(signal: &Signal, of: &str, at: &str) -> bool {
    matches!(signal, Signal::Field { object, path } if object == of && path == at)
}

/// NodeClaims for pods that must stay Pending are a finding of every placement.
fn is_about_pending(signal: &Signal, plan: &Plan) -> bool {
    let mut pending = plan.workloads.iter().filter(|workload| workload.stays_pending);
    match signal {
        Signal::Reason { kind, name } if kind == "Pod" => pending.any(|workload| name.starts_with(&workload.name)),
        Signal::Claim { pool, .. } => pending.any(|workload| workload.class == *pool),
        _ => false,
    }
}

/// Whether a count may rise or fall with a signal: the same kind of occurrence, and no other object, pool or workload than that of the
/// pattern.
fn pattern_reads(of: &EventPattern, signal: &Signal) -> bool {
    let is = |key: &Option<String>, value: &str| key.as_deref().is_none_or(|key| key == value);
    match signal {
        Signal::Pod { workload, reached } => of_pod(of.what) == Some(*reached) && is(&of.workload, workload),
        Signal::Claim { pool, reached } => of_claim(of.what) == Some(*reached) && is(&of.nodepool, pool),
        Signal::Node { pool, reached } => of_node(of.what) == Some(*reached) && is(&of.nodepool, pool),
        Signal::Vm { pool, what } => of_vm(of.what) == Some(*what) && is(&of.nodepool, pool),
        Signal::Flux { object, reached } => of_flux(of.what) == Some(*reached) && is(&of.object, object),
        Signal::Reason { name, .. } => of.what == OccurrenceKind::Reason && is(&of.object, name),
        Signal::Notified => of.what == OccurrenceKind::Notified,
        // `newest` means the newest push of the phase.
        Signal::Action(_) => of.notification.as_ref().is_some_and(|of| of.newest),
        Signal::Phase(_) | Signal::Field { .. } | Signal::Usage(_) | Signal::Run => false,
    }
}

pub(crate) fn of_pod(what: OccurrenceKind) -> Option<Reached> {
    Some(match what {
        OccurrenceKind::PodCreated => Reached::Created,
        OccurrenceKind::PodUnschedulable => Reached::Unschedulable,
        OccurrenceKind::PodScheduled => Reached::Scheduled,
        OccurrenceKind::PodReady => Reached::Ready,
        OccurrenceKind::PodNotReady => Reached::NotReady,
        OccurrenceKind::PodDeleting => Reached::Deleting,
        OccurrenceKind::PodDeleted => Reached::Deleted,
        _ => return None,
    })
}

pub(crate) fn of_claim(what: OccurrenceKind) -> Option<Reached> {
    Some(match what {
        OccurrenceKind::NodeclaimCreated => Reached::Created,
        OccurrenceKind::NodeclaimLaunched => Reached::Launched,
        OccurrenceKind::NodeclaimRegistered => Reached::Registered,
        OccurrenceKind::NodeclaimInitialized => Reached::Initialized,
        OccurrenceKind::NodeclaimDrifted => Reached::Drifted,
        OccurrenceKind::NodeclaimDisrupted => Reached::Disrupted,
        OccurrenceKind::NodeclaimDeleting => Reached::Deleting,
        OccurrenceKind::NodeclaimDeleted => Reached::Deleted,
        _ => return None,
    })
}

pub(crate) fn of_node(what: OccurrenceKind) -> Option<Reached> {
    Some(match what {
        OccurrenceKind::NodeReady => Reached::Ready,
        OccurrenceKind::NodeNotReady => Reached::NotReady,
        OccurrenceKind::NodeDeleted => Reached::Deleted,
        _ => return None,
    })
}

pub(crate) fn of_flux(what: OccurrenceKind) -> Option<Reached> {
    Some(match what {
        OccurrenceKind::SourceFailed | OccurrenceKind::KustomizationFailed => Reached::Failed,
        OccurrenceKind::KustomizationWaiting => Reached::Waiting,
        OccurrenceKind::RevisionApplied => Reached::Applied,
        OccurrenceKind::RevisionHealthy => Reached::Healthy,
        _ => return None,
    })
}

pub(crate) fn of_vm(what: OccurrenceKind) -> Option<AzureFactKind> {
    Some(match what {
        OccurrenceKind::VmAccepted => AzureFactKind::VmAccepted,
        OccurrenceKind::VmBooted => AzureFactKind::VmBooted,
        OccurrenceKind::VmFailed => AzureFactKind::ProvisioningFailed,
        OccurrenceKind::VmDeleted => AzureFactKind::VmDeleted,
        OccurrenceKind::VmCrashed => AzureFactKind::VmCrashed,
        OccurrenceKind::VmPriceChanged => AzureFactKind::VmPriceChanged,
        OccurrenceKind::PricesRead => AzureFactKind::PricesRead,
        OccurrenceKind::SpotNotice => AzureFactKind::SpotNotice,
        OccurrenceKind::SpotEvicted => AzureFactKind::SpotEvicted,
        OccurrenceKind::CallThrottled => AzureFactKind::Throttled,
        OccurrenceKind::CallRefused => AzureFactKind::Refused,
        OccurrenceKind::FaultBegan => AzureFactKind::FaultBegan,
        OccurrenceKind::FaultEnded => AzureFactKind::FaultEnded,
        _ => return None,
    })
}
