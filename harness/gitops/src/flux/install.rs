//! Installing Flux: applies what is missing or different, starts the controllers, and waits until they reconcile.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use super::apply::{Applied, apply};
use super::controllers::Handled;
use super::error::FluxError;
use super::kinds::{self, ObjectRef};
use super::manager::Manager;
use super::object::list_objects;
use super::reconcile::Reconciling;
use super::report::ReconcileReport;
use harness_components::doctor::{Check, Status};
use harness_kubernetes::custom_resources_served;

/// How long the API server may take to serve a CRD.
const SERVED_LIMIT: Duration = Duration::from_secs(60);

/// How to install.
#[derive(Clone, Debug)]
pub struct Installing {
    /// Changes nothing; the report lists what would be changed.
    pub dry_run: bool,
    /// How long each object may take to get Ready.
    pub limit: Duration,
}

/// What an installation came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstallReport {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// What was checked before; with a failed one nothing was done.
    pub checks: Vec<Check>,
    /// Each object and its outcome.
    pub objects: Vec<Applied>,
    /// Each controller, and whether it was started.
    pub controllers: Vec<Handled>,
    /// The reconciliation that shows that it works; absent in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconciliation: Option<ReconcileReport>,
    /// Duration in milliseconds.
    pub took_ms: u64,
}

impl InstallReport {
    /// Whether a check has failed, so that nothing was done.
    pub fn is_refused(&self) -> bool {
        self.checks.iter().any(|check| check.status == Status::Fail)
    }

    /// Whether everything that was done worked.
    pub fn is_well(&self) -> bool {
        !self.is_refused() && self.reconciliation.as_ref().is_none_or(ReconcileReport::is_well)
    }
}

impl Manager<'_> {
    /// Installs Flux: namespace, access rules, CRDs, the objects of the repository, controllers. Ends when every Flux object
    /// has been reconciled. Done twice it changes nothing the second time.
    ///
    /// # Errors
    /// When the API server refuses something, a CRD is not served in time, or a controller does not start. A failed check is
    /// no error but in the report, as is an object that does not get Ready.
    pub async fn install(&self, options: &Installing) -> Result<InstallReport, FluxError> {
        let (began, dry_run) = (Instant::now(), options.dry_run);
        let mut report = InstallReport { dry_run, checks: self.preflight().await?, ..InstallReport::default() };
        if report.is_refused() {
            return Ok(report);
        }
        let parts = &self.target.parts;
        self.report("applying namespace, access rules, custom resources and objects");
        for manifests in [&parts.namespaces, &parts.access, &parts.crds] {
            self.apply_all(manifests, dry_run, &mut report.objects).await?;
        }
        if !dry_run {
            custom_resources_served(&self.target.client, &parts.crds, SERVED_LIMIT).await?;
        }
        self.apply_all(&parts.objects, dry_run, &mut report.objects).await?;
        let found = list_objects(&self.target.client, &kinds::served(&self.target.client).await?).await?;
        let own: Vec<ObjectRef> = parts.objects.iter().map(ObjectRef::of).collect();
        for resumed in self.resume(&found, &own, dry_run).await? {
            match report.objects.iter_mut().find(|applied| applied.object == resumed.object) {
                Some(applied) => *applied = resumed,
                None => report.objects.push(resumed),
            }
        }
        report.controllers = self.start_controllers(dry_run).await?;
        if !dry_run {
            self.report("asking every object to reconcile");
            let all = Reconciling { names: Vec::new(), with_sources: true, limit: options.limit };
            report.reconciliation = Some(self.reconcile(&all).await?);
        }
        report.took_ms = began.elapsed().as_millis() as u64;
        Ok(report)
    }

    async fn apply_all(&self, manifests: &[Value], dry_run: bool, into: &mut Vec<Applied>) -> Result<(), FluxError> {
        for manifest in manifests {
            // The same manager as at the start of the cluster: two of them would share every field.
            let applied = apply(&self.target.client, manifest, self.target.parts.field_manager, dry_run).await?;
            into.push(applied);
        }
        Ok(())
    }
}
