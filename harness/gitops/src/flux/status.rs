//! The status of Flux on a cluster: controllers, every object, the deployed objects, and warnings.

use serde::Serialize;

use super::controllers::ControllerState;
use super::deployed::{self, Count};
use super::error::FluxError;
use super::events::{self, Warning};
use super::kinds;
use super::manager::Manager;
use super::object::{Found, ObjectState, list_objects};

/// The status of Flux on a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FluxStatus {
    /// The cluster's name.
    pub cluster: String,
    /// The kind of target, as `--target` names it.
    pub target: String,
    /// Whether nothing is wrong.
    pub ready: bool,
    /// What is wrong, a phrase each.
    pub troubles: Vec<String>,
    /// The controllers that the target has.
    pub controllers: Vec<ControllerState>,
    /// Every object of every kind that is served, sources first.
    pub objects: Vec<ObjectState>,
    /// The objects that the Kustomizations have applied and that exist, without Flux's own.
    pub deployed: Vec<Count>,
    /// Recent warnings, newest first.
    pub warnings: Vec<Warning>,
}

impl Manager<'_> {
    /// Looks at everything. Takes a second, in which the CPU time of the controllers is measured.
    ///
    /// # Errors
    /// When the API server or the target does not answer.
    pub async fn status(&self) -> Result<FluxStatus, FluxError> {
        let reading = self.reading().await?;
        let kinds = kinds::served(&self.target.client).await?;
        let found = list_objects(&self.target.client, &kinds).await?;
        let deployed = deployed::deployed(&self.target.client, &deployed::inventory(&found)).await?;
        let warnings = events::warnings(&self.target.client).await?;
        let controllers = self.controllers(reading).await?;
        let objects: Vec<ObjectState> = found.iter().map(Found::state).collect();
        let troubles = troubles(!kinds.is_empty(), &controllers, &objects);
        Ok(FluxStatus {
            cluster: self.target.cluster.clone(),
            target: self.target.target.to_owned(),
            ready: troubles.is_empty(),
            troubles,
            controllers,
            objects,
            deployed: deployed::counts(&deployed),
            warnings,
        })
    }
}

/// What is wrong.
fn troubles(installed: bool, controllers: &[ControllerState], objects: &[ObjectState]) -> Vec<String> {
    let mut troubles = Vec::new();
    if !installed {
        troubles.push("the cluster serves no Flux objects: `harness flux install` installs Flux".to_owned());
    }
    for controller in controllers.iter().filter(|controller| !controller.running) {
        let exit = controller.last_exit.as_ref().map(|exit| format!(" ({exit})")).unwrap_or_default();
        troubles.push(format!("{} does not run{exit}", controller.name));
    }
    for object in objects.iter().filter(|object| !object.is_fine()) {
        let said = match (object.deleting, object.reason.as_str()) {
            (true, _) => "is being deleted and waits for its finalizers".to_owned(),
            (_, "") => object.message.clone(),
            (_, reason) => format!("is not Ready: {reason}: {}", object.message.lines().next().unwrap_or_default()),
        };
        troubles.push(format!("{} {said}", object.object));
    }
    troubles
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::flux::graph::tests::found;

    #[test]
    fn every_trouble_has_its_reason() {
        let broken = {
            let mut found = found("Kustomization", "apps", &json!({}), None);
            found.object.data["status"] = json!({"conditions": [
                {"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "kustomize build failed\nmore"},
            ]});
            found.state()
        };
        let fresh = found("GitRepository", "new", &json!({}), None).state();
        let controller = ControllerState {
            name: "source-controller".into(),
            running: false,
            pid: None,
            last_exit: Some("signal: 9 (SIGKILL)".into()),
            restarts: 0,
            version: None,
            cpu_millicores: None,
            cpu_ms: None,
            rss_bytes: None,
            rss_peak_bytes: None,
        };
        let troubles = troubles(true, &[controller], &[broken, fresh]);
        assert_eq!(
            troubles,
            [
                "source-controller does not run (signal: 9 (SIGKILL))",
                "Kustomization flux-system/apps is not Ready: BuildFailed: kustomize build failed",
                "GitRepository flux-system/new no controller has reported on it yet",
            ]
        );
        assert!(super::troubles(false, &[], &[])[0].contains("harness flux install"));
    }
}
