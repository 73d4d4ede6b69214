//! The kinds of Flux objects that a cluster serves, read from its CRDs: a kind of an unknown
//! controller is managed like the others.

use std::fmt;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use serde::Serialize;
use serde_json::Value;

use super::error::FluxError;
use super::parts::is_flux_group;
use harness_kubernetes::{definitions, is_established};

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// The API group; empty for the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The namespace of a namespaced object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

impl ObjectRef {
    /// The object that a manifest describes.
    pub(super) fn of(manifest: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let api_version = text(&manifest["apiVersion"]);
        Self {
            group: api_version.rsplit_once('/').map_or("", |(group, _)| group).to_owned(),
            kind: text(&manifest["kind"]),
            namespace: manifest["metadata"]["namespace"].as_str().map(str::to_owned),
            name: text(&manifest["metadata"]["name"]),
        }
    }
}

/// One served kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FluxKind {
    /// The API group.
    pub group: String,
    /// The version in which it is stored.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// Its plural, as in addresses.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether its controller reports a status.
    pub has_status: bool,
    /// Whether its controller answers the request for a reconciliation.
    pub answers_requests: bool,
    /// Whether it can be suspended.
    pub can_be_suspended: bool,
    /// The name of its CRD.
    #[serde(skip)]
    pub crd: String,
}

impl FluxKind {
    /// The kind that a CRD defines; `None` where it is none of Flux's, or not served.
    pub(super) fn from_crd(name: &str, crd: &Value) -> Option<Self> {
        let (spec, text) = (&crd["spec"], |value: &Value| value.as_str().map(str::to_owned));
        let group = text(&spec["group"]).filter(|group| is_flux_group(group))?;
        if !is_established(crd) {
            return None;
        }
        let versions = spec["versions"].as_array()?;
        let served = || versions.iter().filter(|version| version["served"] == true);
        let version = served().find(|version| version["storage"] == true).or_else(|| served().next())?;
        let schema = &version["schema"]["openAPIV3Schema"]["properties"];
        let has = |part: &str, field: &str| !schema[part]["properties"][field].is_null();
        Some(Self {
            group,
            version: text(&version["name"])?,
            kind: text(&spec["names"]["kind"])?,
            plural: text(&spec["names"]["plural"])?,
            namespaced: spec["scope"] == "Namespaced",
            has_status: has("status", "conditions"),
            answers_requests: has("status", "lastHandledReconcileAt"),
            can_be_suspended: has("spec", "suspend"),
            crd: name.to_owned(),
        })
    }

    /// Which object of this kind it is.
    pub(super) fn reference(&self, object: &DynamicObject) -> ObjectRef {
        ObjectRef {
            group: self.group.clone(),
            kind: self.kind.clone(),
            namespace: object.metadata.namespace.clone(),
            name: object.metadata.name.clone().unwrap_or_default(),
        }
    }

    /// Whether its objects are sources, from which others fetch.
    pub(super) fn is_source(&self) -> bool {
        self.group == "source.toolkit.fluxcd.io"
    }

    fn resource(&self) -> ApiResource {
        let kind = GroupVersionKind::gvk(&self.group, &self.version, &self.kind);
        ApiResource::from_gvk_with_plural(&kind, &self.plural)
    }

    /// The API of all its objects.
    pub(super) fn all(&self, client: &kube::Client) -> Api<DynamicObject> {
        Api::all_with(client.clone(), &self.resource())
    }

    /// The API in which that object is.
    pub(super) fn api(&self, client: &kube::Client, object: &ObjectRef) -> Api<DynamicObject> {
        match &object.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &self.resource()),
            None => self.all(client),
        }
    }
}

/// Every kind of Flux objects that the cluster serves, sources first.
pub(super) async fn served(client: &kube::Client) -> Result<Vec<FluxKind>, FluxError> {
    let found = definitions(client)
        .list(&ListParams::default())
        .await
        .map_err(FluxError::api("list", "every CustomResourceDefinition"))?;
    let kind = |crd: &DynamicObject| FluxKind::from_crd(crd.metadata.name.as_deref()?, &crd.data);
    let mut kinds: Vec<FluxKind> = found.items.iter().filter_map(kind).collect();
    kinds.sort_by_key(|kind| (!kind.is_source(), kind.group.clone(), kind.kind.clone()));
    Ok(kinds)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A kind as most of them are.
    pub(in crate::flux) fn kind(name: &str) -> FluxKind {
        let group = match name {
            "Kustomization" => "kustomize",
            "HelmRelease" => "helm",
            "Alert" | "Provider" | "Receiver" => "notification",
            name if name.starts_with("Image") => "image",
            _ => "source",
        };
        let group = format!("{group}.toolkit.fluxcd.io");
        let plural = format!("{}s", name.to_lowercase());
        FluxKind {
            crd: format!("{plural}.{group}"),
            group,
            version: "v1".into(),
            kind: name.into(),
            plural,
            namespaced: true,
            has_status: true,
            answers_requests: true,
            can_be_suspended: true,
        }
    }

    fn crd(group: &str, versions: &Value, established: &str) -> Value {
        json!({
            "spec": {
                "group": group, "scope": "Namespaced", "versions": versions,
                "names": {"kind": "Alert", "plural": "alerts"},
            },
            "status": {"conditions": [{"type": "Established", "status": established}]},
        })
    }

    #[test]
    fn the_stored_version_says_what_can_be_asked() {
        let schema = |status: Value| {
            json!({"openAPIV3Schema": {"properties": {
                "spec": {"properties": {"suspend": {"type": "boolean"}}}, "status": {"properties": status},
            }}})
        };
        let versions = json!([
            {"name": "v1beta2", "served": true, "storage": false,
             "schema": schema(json!({"conditions": {}, "lastHandledReconcileAt": {}}))},
            {"name": "v1beta3", "served": true, "storage": true, "schema": schema(json!({}))},
        ]);
        let group = "notification.toolkit.fluxcd.io";
        let found =
            FluxKind::from_crd("alerts.notification.toolkit.fluxcd.io", &crd(group, &versions, "True")).unwrap();
        assert_eq!((found.version.as_str(), found.has_status, found.answers_requests), ("v1beta3", false, false));
        assert!(found.can_be_suspended && !found.is_source());
        // Not served yet, and not Flux's.
        assert_eq!(FluxKind::from_crd("x", &crd(group, &versions, "False")), None);
        assert_eq!(FluxKind::from_crd("x", &crd("karpenter.sh", &versions, "True")), None);
    }
}
