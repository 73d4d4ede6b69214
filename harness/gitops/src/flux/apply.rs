//! Server-side apply that reports whether it changed the object.

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde::Serialize;
use serde_json::Value;

use super::error::{FluxError, is_missing};
use super::kinds::ObjectRef;

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Outcome {
    /// It was not there.
    Created,
    /// It was there and another one.
    Configured,
    /// It was there as it should be.
    Unchanged,
    /// It had been suspended and is looked after again.
    Resumed,
    /// It was suspended.
    Suspended,
    /// It was deleted.
    Deleted,
}

impl Outcome {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// An object and the outcome of applying it; in a dry run the outcome that it would have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Which object.
    #[serde(flatten)]
    pub object: ObjectRef,
    /// What became of it.
    pub outcome: Outcome,
}

/// The API of a manifest's object. Flux's own manifests hold only kinds with regular plurals.
pub(super) fn api_of(client: &kube::Client, manifest: &Value) -> Api<DynamicObject> {
    let api_version = manifest["apiVersion"].as_str().unwrap_or_default();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let kind = manifest["kind"].as_str().unwrap_or_default();
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    match manifest["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// Applies a manifest as `manager`, with force.
pub(super) async fn apply(
    client: &kube::Client,
    manifest: &Value,
    manager: &str,
    dry_run: bool,
) -> Result<Applied, FluxError> {
    let object = ObjectRef::of(manifest);
    let api = api_of(client, manifest);
    let before = match api.get(&object.name).await {
        Ok(before) => Some(before),
        // The object, or as yet its kind.
        Err(error) if is_missing(&error) => None,
        Err(error) => return Err(FluxError::api("read", object.to_string())(error)),
    };
    let mut parameters = PatchParams::apply(manager).force();
    parameters.dry_run = dry_run;
    let after = match api.patch(&object.name, &parameters, &Patch::Apply(manifest)).await {
        // Its kind or its namespace would be there by then.
        Err(error) if dry_run && is_missing(&error) => return Ok(Applied { object, outcome: Outcome::Created }),
        after => after.map_err(FluxError::api("apply", object.to_string()))?,
    };
    let outcome = match before {
        None => Outcome::Created,
        Some(before) if wanted(&before) == wanted(&after) => Outcome::Unchanged,
        Some(_) => Outcome::Configured,
    };
    Ok(Applied { object, outcome })
}

/// An object without the fields that the server and the controllers write.
fn wanted(object: &DynamicObject) -> DynamicObject {
    let mut object = object.clone();
    object.metadata.managed_fields = None;
    object.metadata.resource_version = None;
    object.metadata.generation = None;
    if let Some(fields) = object.data.as_object_mut() {
        fields.remove("status");
    }
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_others_write_is_no_change() {
        let object = |version: &str, status: &str, suspend: bool| -> DynamicObject {
            serde_json::from_value(json!({
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "metadata": {"name": "a", "resourceVersion": version, "generation": 1},
                "spec": {"suspend": suspend}, "status": {"said": status},
            }))
            .unwrap()
        };
        assert_eq!(wanted(&object("1", "x", false)), wanted(&object("2", "y", false)));
        assert_ne!(wanted(&object("1", "x", false)), wanted(&object("1", "x", true)));
    }
}
