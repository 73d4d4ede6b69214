//! Timelines: the fold of a log's events into what became of each object.

mod actions;
mod asked;
mod audit;
mod azure;
mod fields;
mod fold;
mod gitops;
mod happened;
mod join;
mod nodes;
mod notifications;
mod phases;
mod pods;
mod pushes;
mod readiness;
mod reasons;
mod series;
mod slots;
mod stamp;
mod steps_over_time;
mod usage;

pub use fold::Timelines;
pub use steps_over_time::{NodeStep, PodStep};

pub(crate) use crate::names::{Name, Names};
pub(crate) use asked::asked;
pub(crate) use azure::{Failures, VmTimeline};
pub(crate) use fields::{Fields, Valued};
pub(crate) use gitops::{FluxStep, ROOT};
pub(crate) use happened::Told;
pub(crate) use join::Join;
pub(crate) use nodes::{ClaimTimeline, Made, Placed};
pub(crate) use pods::PodTimeline;
pub(crate) use pushes::{Push, pushes};
pub(crate) use readiness::Readiness;
pub(crate) use reasons::is_schedulers;
pub(crate) use series::{node_steps, pod_steps};
pub(crate) use slots::{Horizon, Slots};
pub(crate) use stamp::Stamp;
pub(crate) use usage::Curve;
