//! Latencies: samples with labels, censoring, percentiles and histograms.
//!
//! A sample is one object's way from one milestone to another. A sample without an end is not dropped: it is *censored*, and
//! counts in every percentile as larger than all that were measured ([`Samples::percentile`]).
//!
//! From and to of each latency are in `reports/README.md`. What this log can tell of them:
//!
//! - `pod_ready`, `pod_scheduled` have one sample for each pod that the plan asked for, created or not. A pod that the plan
//!   takes back before it came is censored with the time that it had ([`Cause::Withdrawn`]), not dropped: whoever leaves them out
//!   reports only the quick ones. A limit above that time makes the check inconclusive, not failed.
//! - `pod_ready_service` has a sample where the request was acknowledged.
//! - `node_provisioning` and `nodeclaim_launched` have one for each NodeClaim; `nodeclaim_registered` and
//!   `nodeclaim_initialized` for each that reached the milestone before.
//! - `node_termination` has one for each NodeClaim that was launched and whose deletion began.
//! - `node_replaced` has one for each drifted NodeClaim: its replacement is the first NodeClaim of its pool that was created
//!   after it was marked, and is not another's.
//! - `drift_corrected`, `alert_fired` and `alert_delivered` need events (foreign changes, alerts) that this version of the log does
//!   not have: they have no samples, and checks on them are inconclusive.

mod collect;
mod gitops;
mod groups;
mod histogram;
mod nodes;
mod pods;
mod samples;

pub use groups::{Groups, UNKNOWN};
pub use histogram::histogram;
pub use samples::{Cause, Censored, LatencyStats, Percentile, Samples};

pub(crate) use collect::{Source, between, collect, until};
pub(crate) use groups::Sample;
pub(crate) use nodes::gone;
