//! Flux on a cluster: its use by a run ([`Flux`]), and its installation, status, reconciliation and removal ([`Manager`]).

mod apply;
mod controllers;
mod deployed;
mod error;
mod graph;
mod install;
mod kinds;
mod manager;
mod object;
mod objects;
mod order;
mod parts;
mod preflight;
mod reconcile;
mod report;
mod select;
mod status;
mod suspend;
mod uninstall;

pub use apply::{Applied, Outcome};
pub use controllers::{ControllerState, Handled};
pub use deployed::Count;
pub use error::FluxError;
pub use install::{InstallReport, Installing};
pub use kinds::{FluxKind, ObjectRef};
pub use manager::{FluxTarget, Manager, ReportLine};
pub use object::{ObjectState, Ready};
pub use objects::{Flux, HealthCheck, Intervals, NAME, NAMESPACE};
pub use parts::{ControllerPart, Parts, access_of, controller_names, is_flux_group};
pub use reconcile::Reconciling;
pub use report::{Ending, ReconcileReport, Reconciled};
pub use status::{FluxStatus, Warning};
pub use uninstall::{UninstallReport, Uninstalling};
