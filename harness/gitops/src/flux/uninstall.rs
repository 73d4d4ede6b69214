//! Removing Flux and keeping the objects that it has deployed.
//!
//! Deleting a Kustomization deletes the objects that it has applied (`spec.prune`, in its finalizer), unless it is suspended
//! (`finalizerShouldDeleteResources` in kustomize-controller). So everything is suspended first, the controllers are stopped, and
//! only then the objects go, without the controllers' finalizer.

use std::time::{Duration, Instant};

use kube::api::{Api, DeleteParams, DynamicObject};
use serde::Serialize;
use serde_json::json;

use super::apply::{Applied, Outcome, api_of};
use super::controllers::Handled;
use super::deployed::{self, Count};
use super::error::{FluxError, is_missing};
use super::kinds::{self, FluxKind, ObjectRef};
use super::manager::Manager;
use super::object::{Found, list_objects};
use harness_kubernetes::definitions;

/// The finalizer of Flux's controllers (fluxcd/pkg `apis/meta`); those of others stay.
const FINALIZER: &str = "finalizers.fluxcd.io";
/// How long the deletion of objects and CRDs may take.
const GONE_LIMIT: Duration = Duration::from_secs(60);
const PERIOD: Duration = Duration::from_millis(100);

/// How to remove.
#[derive(Clone, Debug)]
pub struct Uninstalling {
    /// Changes nothing; the report lists what would be changed.
    pub dry_run: bool,
    /// Whether the custom resource definitions stay.
    pub keep_crds: bool,
}

/// What a removal came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UninstallReport {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// What was suspended before anything else.
    pub suspended: Vec<Applied>,
    /// Each controller, and whether it was stopped.
    pub controllers: Vec<Handled>,
    /// What was deleted.
    pub deleted: Vec<Applied>,
    /// What Flux had deployed before, by kind.
    pub deployed_before: Vec<Count>,
    /// What of it is there afterwards: the same objects, by their UIDs.
    pub deployed_after: Vec<Count>,
    /// What of it is not.
    pub lost: Vec<ObjectRef>,
    /// What of Flux is still there, in words.
    pub left: Vec<String>,
    /// Duration in milliseconds.
    pub took_ms: u64,
}

impl UninstallReport {
    /// Whether there was nothing to do.
    pub fn is_empty(&self) -> bool {
        self.deleted.is_empty() && self.suspended.is_empty() && !self.controllers.iter().any(|handled| handled.changed)
    }
}

impl Manager<'_> {
    /// Suspends every Flux object, stops the controllers, and removes objects, access rules and CRDs. Namespaces stay, and what
    /// Flux has deployed: it is counted before and after. Done twice it does nothing the second time.
    ///
    /// # Errors
    /// When the API server refuses something or a controller cannot be stopped. What does not go in time is in the report.
    pub async fn uninstall(&self, options: &Uninstalling) -> Result<UninstallReport, FluxError> {
        let (began, dry_run) = (Instant::now(), options.dry_run);
        let kinds = kinds::served(&self.target.client).await?;
        let found = list_objects(&self.target.client, &kinds).await?;
        let inventory = deployed::inventory(&found);
        let before = deployed::deployed(&self.target.client, &inventory).await?;
        let mut report = UninstallReport { dry_run, deployed_before: deployed::counts(&before), ..Default::default() };

        report.suspended = self.suspend(&found, dry_run).await?;
        if !dry_run {
            self.report(&format!("{} objects suspended", report.suspended.len()));
            self.quiet(&kinds).await?;
        }
        report.controllers = self.stop_controllers(dry_run).await?;
        // Those too that came while the controllers still ran.
        let found = list_objects(&self.target.client, &kinds).await?;
        self.delete_objects(&found, dry_run, &mut report.deleted).await?;
        if !dry_run {
            self.report("waiting until every object is deleted");
            self.wait_until_deleted(&kinds, &mut report.left).await?;
        }
        for manifest in &self.target.parts.access {
            let object = ObjectRef::of(manifest);
            self.delete(&api_of(&self.target.client, manifest), object, dry_run, &mut report.deleted).await?;
        }
        if !options.keep_crds && report.left.is_empty() {
            self.delete_crds(&kinds, dry_run, &mut report).await?;
        }
        let after = deployed::deployed(&self.target.client, &inventory).await?;
        report.deployed_after = deployed::counts(&after);
        report.lost = deployed::lost(&before, &after);
        report.took_ms = began.elapsed().as_millis() as u64;
        Ok(report)
    }

    async fn delete_objects(
        &self,
        found: &[Found],
        dry_run: bool,
        deleted: &mut Vec<Applied>,
    ) -> Result<(), FluxError> {
        for found in found {
            let (object, metadata) = (found.reference(), &found.object.metadata);
            let finalizers = metadata.finalizers.clone().unwrap_or_default();
            if !dry_run && finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
                let others: Vec<&String> = finalizers.iter().filter(|finalizer| *finalizer != FINALIZER).collect();
                let patch = json!({"metadata": {"finalizers": others}});
                self.merge(&found.kind, &object, "remove the finalizer of", &patch).await?;
            }
            self.delete(&found.kind.api(&self.target.client, &object), object, dry_run, deleted).await?;
        }
        Ok(())
    }

    async fn delete_crds(
        &self,
        kinds: &[FluxKind],
        dry_run: bool,
        report: &mut UninstallReport,
    ) -> Result<(), FluxError> {
        let api = definitions(&self.target.client);
        for kind in kinds {
            let object = ObjectRef {
                group: "apiextensions.k8s.io".to_owned(),
                kind: "CustomResourceDefinition".to_owned(),
                namespace: None,
                name: kind.crd.clone(),
            };
            self.delete(&api, object, dry_run, &mut report.deleted).await?;
        }
        let began = Instant::now();
        for kind in kinds.iter().filter(|_| !dry_run) {
            let object = format!("CustomResourceDefinition {}", kind.crd);
            while api.get_metadata_opt(&kind.crd).await.map_err(FluxError::api("read", &object))?.is_some() {
                if began.elapsed() > GONE_LIMIT {
                    report.left.push(format!("{object} is still being deleted"));
                    break;
                }
                tokio::time::sleep(PERIOD).await;
            }
        }
        Ok(())
    }

    /// Deletes one object, if it is there.
    async fn delete(
        &self,
        api: &Api<DynamicObject>,
        object: ObjectRef,
        dry_run: bool,
        deleted: &mut Vec<Applied>,
    ) -> Result<(), FluxError> {
        let parameters = DeleteParams { dry_run, ..DeleteParams::background() };
        match api.delete(&object.name, &parameters).await {
            Ok(_) => {
                deleted.push(Applied { object, outcome: Outcome::Deleted });
            }
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(FluxError::api("delete", object.to_string())(error)),
        }
        Ok(())
    }

    /// Waits until no object exists; reports those that stay.
    async fn wait_until_deleted(&self, kinds: &[FluxKind], left: &mut Vec<String>) -> Result<(), FluxError> {
        let began = Instant::now();
        loop {
            let found = list_objects(&self.target.client, kinds).await?;
            if found.is_empty() {
                return Ok(());
            }
            if began.elapsed() > GONE_LIMIT {
                left.extend(found.iter().map(|found| {
                    let finalizers = found.object.metadata.finalizers.clone().unwrap_or_default();
                    format!("{} is still there; its finalizers: {}", found.reference(), finalizers.join(", "))
                }));
                return Ok(());
            }
            tokio::time::sleep(PERIOD).await;
        }
    }
}
