//! The plan: a scenario with everything decided, as data.
//!
//! A plan holds no expression, no default and no chance: what it says is what is done. It is written to `plan.json` in the
//! run's folder, printed by `harness plan`, and is the same byte for byte for the same scenario, parameters, node
//! configuration and seed.

mod action;
mod arrival;
mod capability;
mod check;
mod document;
mod field;
mod field_path;
mod gitops;
mod happening;
mod latency;
mod names;
mod node_config;
mod notification;
mod phase;
mod read;
mod selection;
mod tree_edit;
mod v1;
mod workload;

pub use action::{
    Action, AddMany, After, COMPONENTS, Change, ChangeKind, Commit, FLUX_CONTROLLERS, ForcePush, Load, Nothing,
    PlannedAction, PublishImage, Replace, SOMEBODY, Scale, TimedAction,
};
pub use arrival::{Arrival, RateStep};
pub use capability::Capability;
pub use check::{Check, Expectation, LatencyCheck, NodeProperty, QuotaScope, bounds};
pub use document::{Group, PLAN_VERSION, Plan, Profile, Published};
pub use field::{Field, Must, NamedObject, ObjectAddress};
pub use field_path::FieldPath;
pub use gitops::{Gitops, Layer, LayerKind, Trigger};
pub use happening::{Happening, What};
pub use latency::{GroupBy, LatencyName};
pub use names::{Names, named_once};
pub use node_config::{Limits, NodeClass, NodeConfig};
pub use notification::{NotificationFilter, Receiver, Severity};
pub use phase::{Phase, Until};
pub use read::PlanError;
pub use selection::Selection;
pub use tree_edit::{ObjectRef, TreeEdit};
pub use workload::{Autoscale, AutoscaleOn, DisruptionBudget, NamespaceQuota, Spread, Toleration, Workload};
