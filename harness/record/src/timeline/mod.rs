//! Timelines: the fold of a log's events into the milestones of each object.

mod actions;
mod audit;
mod azure;
mod fields;
mod fold;
mod gitops;
mod join;
mod nodepools;
mod nodes;
mod occurrences;
mod others;
mod phases;
mod pods;
mod reasons;
mod refusals;
mod series;
mod slots;
mod stamp;
mod usage;

pub use fold::Timelines;
pub use series::{NodeStep, PodStep};

pub(crate) use crate::names::{Name, Names};
pub(crate) use actions::{Actions, Push, pushes};
pub(crate) use azure::{Failures, VmTimeline};
pub(crate) use fields::{Fields, Valued};
pub(crate) use gitops::{FluxStep, ROOT};
pub(crate) use join::Join;
pub(crate) use nodes::{ClaimTimeline, NodeTimeline, Placed, Provenance};

pub(crate) use phases::PhaseTimeline;
pub(crate) use pods::{PodTimeline, Readiness};
pub(crate) use reasons::{DISRUPTION_BLOCKED, ReasonKey, ReasonTally, is_schedulers};
pub(crate) use refusals::Spell;
pub(crate) use series::{node_steps, pod_steps};
pub(crate) use slots::{Horizon, Slots, desired_replicas};
pub(crate) use stamp::Stamp;
pub(crate) use usage::Curve;
