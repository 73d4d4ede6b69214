//! Latencies: samples with labels, censoring, percentiles and histograms.
//!
//! A sample is one object's way from one milestone to another. A sample without an end is not dropped: it is *censored*, and
//! counts in every percentile as larger than all that were measured ([`Samples::percentile`]).
//!
//! `reports/README.md` defines the start and the end of each latency. What the log provides:
//!
//! - `pod_ready`, `pod_scheduled` have one sample for each pod that the plan asked for, created or not. A pod that the plan
//!   takes back before it gets there is censored with the time that it had ([`Cause::Withdrawn`]), not dropped: without these pods the
//!   report would show only the quick ones. A limit above that time makes the check inconclusive, not failed.
//! - `pod_ready_service` has a sample where the request was acknowledged.
//! - `node_provisioning` and `nodeclaim_launched` have one for each NodeClaim; `nodeclaim_registered` and
//!   `nodeclaim_initialized` for each that reached the milestone before.
//! - `node_termination` has one for each NodeClaim that was launched and whose deletion started.
//! - `node_replaced` has one for each drifted NodeClaim, and one for each that was deleted for another reason (consolidation, repair, expiry, eviction)
//!   and for which another was launched. The replacement is the first NodeClaim of its pool that was created after the disruption
//!   started, and does not replace another one; nodes that are consolidated together share one.
//! - `node_fill` has one for each NodeClaim that a phase's scale-ups made, from the first of them of its class.
//! - `node_idle` has one for each node that had pods of the run and lost the last before cleanup.
//! - `workload_recovered` has one for each time that the Ready pods of a workload fell below the desired number without the plan.
//! - `autoscaled` has one for each load that asks the autoscaler for another number of pods than there are.
//! - `gitops_applied` and `gitops_healthy` have one for each push and Kustomization; the whole is that of the root Kustomization.
//! - `gitops_refused` has one for each push at which a Kustomization failed, `gitops_recovered` for each repair (see its module).
//! - `drift_corrected` has one for each acknowledged change of an object that a controller is expected to undo.
//! - `alert_delivered` has one for the first notification of each kind that an action of the plan caused (`alerts`).
//! - `alert_fired` needs events that this version of the log does not have: it has no samples, and checks on it are inconclusive.

mod alerts;
mod autoscaled;
mod drift;
mod fill;
mod gitops;
mod gitops_recovered;
mod groups;
mod idle;
mod nodes;
mod pods;
mod recovered;
mod replaced;
mod source;

pub use crate::samples::histogram;
pub use crate::samples::{Cause, Censored, LatencyStats, Percentile, Samples};
pub use groups::{Groups, UNKNOWN};

pub(crate) use groups::Sample;
pub(crate) use nodes::gone;
pub(crate) use replaced::replacements;
pub(crate) use source::{Source, between, until};

use groups::Grouping;

/// All samples that the log supports.
pub(crate) fn collect(source: &Source<'_>) -> Groups {
    let mut grouping = Grouping::default();
    pods::collect(source, &mut grouping);
    nodes::collect(source, &mut grouping);
    replaced::collect(source, &mut grouping);
    fill::collect(source, &mut grouping);
    idle::collect(source, &mut grouping);
    recovered::collect(source, &mut grouping);
    autoscaled::collect(source, &mut grouping);
    gitops::collect(source, &mut grouping);
    drift::collect(source, &mut grouping);
    alerts::collect(source, &mut grouping);
    gitops_recovered::collect(source, &mut grouping);
    grouping.finish(|name| source.names.text(name))
}
