//! What has to hold before Flux is installed.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DynamicObject, ListParams, PostParams};
use serde_json::Value;

use super::error::FluxError;
use super::manager::Manager;
use super::object::PARALLEL;
use super::objects::NAMESPACE;
use harness_catalogue::Component;
use harness_components::doctor::Check;
use harness_kubernetes::definitions;

/// The label of everything in Flux's own manifests.
const PART_OF_FLUX: &str = "app.kubernetes.io/part-of=flux";

/// Kinds that an installation writes and a removal deletes: group and resource.
const WRITTEN: [(&str, &str); 4] = [
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("", "namespaces"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
];

impl Manager<'_> {
    /// Every check, in the order in which they should be read. When the API server is not reached there is only the first.
    pub(super) async fn preflight(&self) -> Result<Vec<Check>, FluxError> {
        let server = self.server().await;
        if server.status == harness_components::doctor::Status::Fail {
            return Ok(vec![server]);
        }
        let mut checks = vec![server, self.rights().await?, self.namespace().await?];
        checks.push(self.custom_resources().await?);
        checks.push(self.other_flux().await?);
        checks.push(self.binaries());
        checks.extend(self.repository().await);
        Ok(checks)
    }

    async fn server(&self) -> Check {
        const NAME: &str = "api-server";
        let version = match self.target.client.apiserver_version().await {
            Ok(version) => version,
            Err(error) => {
                return Check::fail(NAME, format!("it does not answer: {error}"), "see `harness status`");
            }
        };
        let (found, supported) = (minor(&version.minor), supported_minors());
        match (found, supported) {
            (Some(found), Some((lowest, highest))) if found < lowest => Check::fail(
                NAME,
                format!("it is {}; this Flux needs 1.{lowest} to 1.{highest}", version.git_version),
                "use a newer cluster",
            ),
            (Some(found), Some((lowest, highest))) if found > highest => Check::warn(
                NAME,
                format!("it is {}; this Flux supports 1.{lowest} to 1.{highest}", version.git_version),
                "mostly it works; a newer harness brings a newer Flux",
            ),
            (Some(_), Some((lowest, highest))) => {
                Check::ok(NAME, format!("{}, within 1.{lowest} to 1.{highest}", version.git_version))
            }
            _ => {
                Check::warn(NAME, format!("it calls itself {}", version.git_version), "is it a Kubernetes API server?")
            }
        }
    }

    /// Asks the API server whether every needed right is granted.
    async fn rights(&self) -> Result<Check, FluxError> {
        let groups: BTreeSet<&str> =
            self.target.parts.crds.iter().filter_map(|crd| crd["spec"]["group"].as_str()).collect();
        let flux = groups.iter().map(|group| (*group, "*"));
        let all = WRITTEN.into_iter().chain(flux);
        let questions: Vec<(&str, &str, &str)> = all
            .flat_map(|(group, resource)| {
                ["get", "list", "create", "patch", "delete"].map(|verb| (verb, group, resource))
            })
            .collect();
        // Who may not hand out a right may not install those that have it.
        let bind = [("bind", "rbac.authorization.k8s.io", "clusterroles")];
        let asked = questions.len() + bind.len();
        let api: Api<SelfSubjectAccessReview> = Api::all(self.target.client.clone());
        let refused: Vec<Option<String>> = stream::iter(questions.into_iter().chain(bind))
            .map(|(verb, group, resource)| {
                let (api, question) = (api.clone(), review(verb, group, resource));
                let shown = format!("{verb} {resource}{}{group}", if group.is_empty() { "" } else { "." });
                async move {
                    let answer = api.create(&PostParams::default(), &question).await;
                    let answer = answer.map_err(FluxError::api("ask for the right to", shown.clone()))?;
                    let allowed = answer.status.is_some_and(|status| status.allowed);
                    Ok::<_, FluxError>((!allowed).then_some(shown))
                }
            })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        let refused: Vec<String> = refused.into_iter().flatten().collect();
        Ok(if refused.is_empty() {
            Check::ok("access", format!("all {asked} necessary rights are granted"))
        } else {
            Check::fail("access", format!("not allowed: {}", refused.join(", ")), "use an identity that may")
        })
    }

    async fn namespace(&self) -> Result<Check, FluxError> {
        let api: Api<Namespace> = Api::all(self.target.client.clone());
        let found = api.get_opt(NAMESPACE).await.map_err(FluxError::api("read", format!("Namespace {NAMESPACE}")))?;
        Ok(match found {
            None => Check::ok("namespace", format!("{NAMESPACE} will be created")),
            Some(namespace) if namespace.metadata.deletion_timestamp.is_some() => {
                let advice = "wait until it is deleted, or find out which finalizer holds it";
                Check::fail("namespace", format!("{NAMESPACE} is being deleted"), advice)
            }
            Some(_) => Check::ok("namespace", format!("{NAMESPACE} is there")),
        })
    }

    /// A CRD can be replaced unless objects may be stored in a version that the new one does not have.
    async fn custom_resources(&self) -> Result<Check, FluxError> {
        let live = definitions(&self.target.client).list(&ListParams::default()).await;
        let live = live.map_err(FluxError::api("list", "every CustomResourceDefinition"))?.items;
        let (mut there, mut troubles) = (0, Vec::new());
        for wanted in &self.target.parts.crds {
            let name = wanted["metadata"]["name"].as_str().unwrap_or_default();
            let Some(found) = live.iter().find(|crd| crd.metadata.name.as_deref() == Some(name)) else { continue };
            there += 1;
            troubles.extend(in_the_way(wanted, found).map(|why| format!("{name} {why}")));
        }
        let all = self.target.parts.crds.len();
        Ok(if troubles.is_empty() {
            Check::ok("custom-resources", format!("{there} of {all} are served; the others will be"))
        } else {
            let advice = "upgrade the Flux that is there step by step (`flux migrate`), or remove it first";
            Check::fail("custom-resources", troubles.join("; "), advice)
        })
    }

    /// Two sets of controllers on the same objects would undo each other's work.
    async fn other_flux(&self) -> Result<Check, FluxError> {
        let api: Api<Deployment> = Api::all(self.target.client.clone());
        let found = api.list(&ListParams::default().labels(PART_OF_FLUX)).await;
        let found = found.map_err(FluxError::api("list", "every Deployment"))?.items;
        let names: Vec<String> = found
            .into_iter()
            .filter(|deployment| deployment.spec.as_ref().and_then(|spec| spec.replicas) != Some(0))
            .map(|it| format!("{}/{}", it.metadata.namespace.unwrap_or_default(), it.metadata.name.unwrap_or_default()))
            .collect();
        Ok(if names.is_empty() {
            Check::ok("other-flux", "no Flux runs inside the cluster")
        } else {
            Check::fail("other-flux", format!("a Flux runs inside the cluster: {}", names.join(", ")), "use that one")
        })
    }

    fn binaries(&self) -> Check {
        let runs = |path: &std::path::Path| {
            std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        };
        let missing: Vec<String> = self
            .target
            .parts
            .controllers
            .iter()
            .filter(|part| !runs(&part.program))
            .map(|part| part.program.display().to_string())
            .collect();
        let names: Vec<&str> = self.target.parts.controllers.iter().map(|part| part.name.as_str()).collect();
        if missing.is_empty() {
            Check::ok("controllers", names.join(", "))
        } else {
            let advice = "build them with `harness components build`";
            Check::fail("controllers", format!("cannot be run: {}", missing.join(", ")), advice)
        }
    }

    async fn repository(&self) -> Option<Check> {
        let git = self.target.git.as_ref()?;
        let head = git.log(1).await.map(|log| log.into_iter().next());
        Some(match head {
            Ok(Some(commit)) => {
                let sha: String = commit.sha.chars().take(8).collect();
                Check::ok("git", format!("{}, main at {sha}", git.url()))
            }
            Ok(None) => Check::fail("git", format!("{} has no commit", git.url()), "push a tree to it"),
            Err(error) => Check::fail("git", format!("{} cannot be read: {error}", git.url()), "see `harness status`"),
        })
    }
}

fn review(verb: &str, group: &str, resource: &str) -> SelfSubjectAccessReview {
    let attributes = ResourceAttributes {
        group: Some(group.to_owned()),
        resource: Some(resource.to_owned()),
        verb: Some(verb.to_owned()),
        ..ResourceAttributes::default()
    };
    SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() },
        ..Default::default()
    }
}

/// Why a CRD cannot be replaced by the wanted one.
fn in_the_way(wanted: &Value, found: &DynamicObject) -> Option<String> {
    if found.metadata.deletion_timestamp.is_some() {
        return Some("is being deleted".to_owned());
    }
    let versions = wanted["spec"]["versions"].as_array();
    let has = |version: &str| versions.is_some_and(|all| all.iter().any(|it| it["name"] == version));
    let stored = found.data["status"]["storedVersions"].as_array();
    let lost = stored.into_iter().flatten().filter_map(Value::as_str).find(|version| !has(version))?;
    Some(format!("may hold objects of version {lost}, which this Flux does not have"))
}

/// The minor version as servers write it: `36`, or `36+` of a vendor.
fn minor(text: &str) -> Option<u32> {
    text.trim_end_matches('+').parse().ok()
}

/// The minor versions of Kubernetes that the built-in Flux supports: the three up to that of its client library
/// (fluxcd.io/flux/installation, "Kubernetes supported versions").
fn supported_minors() -> Option<(u32, u32)> {
    let controllers = Component::ALL.iter().filter(|component| component.is_flux());
    let libraries = controllers.filter_map(|component| {
        let line =
            component.module().go_mod.lines().find_map(|line| line.trim().strip_prefix("k8s.io/client-go v0."))?;
        line.split('.').next()?.parse::<u32>().ok()
    });
    let highest = libraries.min()?;
    Some((highest.saturating_sub(2), highest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_range_is_that_of_the_pinned_controllers() {
        assert_eq!(supported_minors(), Some((34, 36)));
        assert_eq!((minor("36"), minor("35+"), minor("x")), (Some(36), Some(35), None));
    }

    #[test]
    fn a_version_that_objects_may_be_stored_in_must_not_go() {
        let wanted = json!({"spec": {"versions": [{"name": "v1"}]}});
        let live = |stored: Value| -> DynamicObject {
            serde_json::from_value(json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": "x"}, "status": {"storedVersions": stored},
            }))
            .unwrap()
        };
        assert_eq!(in_the_way(&wanted, &live(json!(["v1"]))), None);
        assert!(in_the_way(&wanted, &live(json!(["v1beta2", "v1"]))).unwrap().contains("v1beta2"));
    }
}
